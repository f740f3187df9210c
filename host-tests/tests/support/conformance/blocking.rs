//! `embedded_io`: `Read` with `ReadReady`, `Write` with `WriteReady`.

use embedded_io::{Read, ReadReady, Write, WriteReady};

use super::{Check, Peer, SOON, some_bytes};

/// The checks of `Read` and `ReadReady`.
pub fn reading<S: Read + ReadReady, P: Peer>() -> Vec<Check<S, P>> {
    vec![
        ("every byte is read, in order", every_byte_is_read),
        ("a read waits for a byte, not for two", a_read_waits_for_a_byte),
        ("an empty buffer is read into at once", an_empty_buffer_is_read_into_at_once),
        ("read ready: the read does not block", read_ready_is_truthful),
    ]
}

/// The checks of `Write` and `WriteReady`.
pub fn writing<S: Write + WriteReady, P: Peer>() -> Vec<Check<S, P>> {
    vec![
        ("every byte leaves, in order", every_byte_leaves),
        ("an empty buffer is written at once", an_empty_buffer_is_written_at_once),
        ("flush returns when all has left", flush_returns_when_all_has_left),
        ("write ready: the write does not block", write_ready_is_truthful),
    ]
}

fn every_byte_is_read<S: Read, P: Peer>(mut stream: S, peer: &P) {
    let bytes = some_bytes();
    peer.send(&bytes);
    let (mut read, mut buffer) = (Vec::<u8>::new(), [0; 9]);
    for size in (1..=buffer.len()).cycle() {
        if read.len() == bytes.len() {
            break;
        }
        let count = stream.read(&mut buffer[..size]).expect("a line without faults");
        assert!((1..=size).contains(&count), "{count} bytes of {size}");
        read.extend(&buffer[..count]);
    }
    assert_eq!(read, bytes);
}

fn a_read_waits_for_a_byte<S: Read, P: Peer>(mut stream: S, peer: &P) {
    let mut buffer = [0; 9];
    for byte in [7, 8] {
        peer.send(&[byte]);
        assert_eq!(stream.read(&mut buffer).expect("a line without faults"), 1);
        assert_eq!(buffer[0], byte);
    }
}

fn an_empty_buffer_is_read_into_at_once<S: Read, P: Peer>(mut stream: S, peer: &P) {
    peer.stop(true);
    assert_eq!(stream.read(&mut []).expect("a line without faults"), 0);
    peer.stop(false);
    peer.send(b"kept");
    (0..SOON).for_each(|_| peer.step());
    peer.stop(true);
    assert_eq!(stream.read(&mut []).expect("a line without faults"), 0);
    peer.stop(false);
    let mut buffer = [0; 4];
    stream.read_exact(&mut buffer).expect("a line without faults");
    assert_eq!(&buffer, b"kept");
}

fn read_ready_is_truthful<S: Read + ReadReady, P: Peer>(mut stream: S, peer: &P) {
    let mut read = Vec::<u8>::new();
    for _ in 0..2 {
        peer.stop(true);
        while stream.read_ready().expect("a line without faults") {
            let mut byte = [0];
            assert_eq!(stream.read(&mut byte).expect("a line without faults"), 1);
            read.extend(byte);
        }
        peer.stop(false);
        peer.send(b"now");
        let ready = (0..SOON).any(|_| {
            peer.step();
            stream.read_ready().expect("a line without faults")
        });
        assert!(ready, "it is never ready");
    }
    assert_eq!(read, b"now"[..read.len()]);
    assert!(!read.is_empty());
}

fn every_byte_leaves<S: Write, P: Peer>(mut stream: S, peer: &P) {
    let bytes = some_bytes();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let count = stream.write(rest).expect("a line without faults");
        assert!((1..=rest.len()).contains(&count), "{count} bytes of {}", rest.len());
        rest = &rest[count..];
    }
    stream.flush().expect("a line without faults");
    (0..SOON).for_each(|_| peer.step());
    assert_eq!(peer.left(), bytes);
}

/// Writes single bytes while the stream is ready. The time is stopped meanwhile.
fn fill<S: Write + WriteReady, P: Peer>(stream: &mut S, peer: &P) -> Vec<u8> {
    peer.stop(true);
    let mut written = Vec::new();
    for byte in some_bytes() {
        if !stream.write_ready().expect("a line without faults") {
            break;
        }
        assert_eq!(stream.write(&[byte]).expect("a line without faults"), 1);
        written.push(byte);
    }
    written
}

fn an_empty_buffer_is_written_at_once<S: Write + WriteReady, P: Peer>(mut stream: S, peer: &P) {
    let written = fill(&mut stream, peer);
    assert_eq!(stream.write(&[]).expect("a line without faults"), 0);
    peer.stop(false);
    stream.flush().expect("a line without faults");
    (0..SOON).for_each(|_| peer.step());
    assert_eq!(peer.left(), written);
}

fn flush_returns_when_all_has_left<S: Write, P: Peer>(mut stream: S, peer: &P) {
    for length in [1, 2, 7, 20] {
        let before = peer.left().len();
        let bytes = &some_bytes()[..length];
        stream.write_all(bytes).expect("a line without faults");
        stream.flush().expect("a line without faults");
        assert_eq!(&peer.left()[before..], bytes, "when flush has returned");
        peer.stop(true);
        stream.flush().expect("a line without faults"); // Nothing to flush: no wait.
        peer.stop(false);
    }
}

fn write_ready_is_truthful<S: Write + WriteReady, P: Peer>(mut stream: S, peer: &P) {
    let mut written = 0;
    for _ in 0..2 {
        let filled = fill(&mut stream, peer).len();
        assert!(filled > 0, "an empty stream is not ready");
        written += filled;
        peer.stop(false);
        stream.flush().expect("a line without faults");
        (0..SOON).for_each(|_| peer.step());
    }
    assert_eq!(peer.left().len(), written);
}
