//! `embedded_io_async`: `Read`, `Write`, and strict cancel safety: a future that is dropped before
//! its end has neither taken nor given any byte.

use std::task::Poll;

use embedded_io_async::{Read, Write};

use super::{Check, Peer, SOON, poll_once, run, some_bytes};

/// The checks of `Read`.
pub fn reading<S: Read, P: Peer>() -> Vec<Check<S, P>> {
    vec![
        ("every byte is read, in order", every_byte_is_read),
        ("a read waits for a byte, not for two", a_read_waits_for_a_byte),
        ("an empty buffer is read into at once", an_empty_buffer_is_read_into_at_once),
        ("a dropped read has taken nothing", a_dropped_read_has_taken_nothing),
    ]
}

/// The checks of `Write`.
pub fn writing<S: Write, P: Peer>() -> Vec<Check<S, P>> {
    vec![
        ("every byte leaves, in order", every_byte_leaves),
        ("an empty buffer is written at once", an_empty_buffer_is_written_at_once),
        ("flush returns when all has left", flush_returns_when_all_has_left),
        ("a dropped write has written nothing", a_dropped_write_has_written_nothing),
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
        let end = run(peer, stream.read(&mut buffer[..size]));
        let count = end.expect("a line without faults");
        assert!((1..=size).contains(&count), "{count} bytes of {size}");
        read.extend(&buffer[..count]);
    }
    assert_eq!(read, bytes);
}

fn a_read_waits_for_a_byte<S: Read, P: Peer>(mut stream: S, peer: &P) {
    let mut buffer = [0; 9];
    for byte in [7, 8] {
        peer.send(&[byte]);
        assert_eq!(run(peer, stream.read(&mut buffer)).expect("a line without faults"), 1);
        assert_eq!(buffer[0], byte);
    }
}

fn an_empty_buffer_is_read_into_at_once<S: Read, P: Peer>(mut stream: S, peer: &P) {
    let at_once = |stream: &mut S| matches!(poll_once(stream.read(&mut [])), Poll::Ready(Ok(0)));
    assert!(at_once(&mut stream), "it waits");
    peer.send(b"kept");
    (0..SOON).for_each(|_| peer.step());
    assert!(at_once(&mut stream), "it waits");
    let mut buffer = [0; 4];
    run(peer, stream.read_exact(&mut buffer)).expect("a line without faults");
    assert_eq!(&buffer, b"kept");
}

fn a_dropped_read_has_taken_nothing<S: Read, P: Peer>(mut stream: S, peer: &P) {
    let bytes = some_bytes();
    peer.send(&bytes);
    let mut read = Vec::<u8>::new();
    for _ in 0..100 * bytes.len() {
        let mut buffer = [0; 3];
        match poll_once(stream.read(&mut buffer)) {
            Poll::Ready(end) => read.extend(&buffer[..end.expect("a line without faults")]),
            Poll::Pending if read.len() == bytes.len() => break,
            Poll::Pending => peer.step(),
        }
    }
    assert_eq!(read, bytes);
}

fn every_byte_leaves<S: Write, P: Peer>(mut stream: S, peer: &P) {
    let bytes = some_bytes();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let count = run(peer, stream.write(rest)).expect("a line without faults");
        assert!((1..=rest.len()).contains(&count), "{count} bytes of {}", rest.len());
        rest = &rest[count..];
    }
    run(peer, stream.flush()).expect("a line without faults");
    (0..SOON).for_each(|_| peer.step());
    assert_eq!(peer.left(), bytes);
}

fn an_empty_buffer_is_written_at_once<S: Write, P: Peer>(mut stream: S, peer: &P) {
    peer.stop(true);
    let full = some_bytes().iter().any(|&byte| poll_once(stream.write(&[byte])).is_pending());
    assert!(full, "it takes any number of bytes");
    assert!(matches!(poll_once(stream.write(&[])), Poll::Ready(Ok(0))), "it waits");
}

fn flush_returns_when_all_has_left<S: Write, P: Peer>(mut stream: S, peer: &P) {
    for length in [1, 2, 7, 20] {
        let before = peer.left().len();
        let bytes = &some_bytes()[..length];
        run(peer, stream.write_all(bytes)).expect("a line without faults");
        drop(poll_once(stream.flush())); // A flush that is given up changes nothing.
        run(peer, stream.flush()).expect("a line without faults");
        assert_eq!(&peer.left()[before..], bytes, "when flush has returned");
        peer.stop(true);
        assert!(poll_once(stream.flush()).is_ready(), "there is nothing to flush");
        peer.stop(false);
    }
}

fn a_dropped_write_has_written_nothing<S: Write, P: Peer>(mut stream: S, peer: &P) {
    let mut written = Vec::new();
    for byte in some_bytes() {
        match poll_once(stream.write(&[byte])) {
            Poll::Ready(end) => {
                assert_eq!(end.expect("a line without faults"), 1);
                written.push(byte);
            }
            Poll::Pending => peer.step(),
        }
    }
    run(peer, stream.flush()).expect("a line without faults");
    (0..SOON).for_each(|_| peer.step());
    assert_eq!(peer.left(), written);
}
