//! `embedded_hal_nb::serial`: `Read` and `Write`, whose calls never wait.

use embedded_hal_nb::serial::{Read, Write};
use wouldblock::nb;

use super::{Check, Peer, SOON, some_bytes};

/// The checks of `Read`.
pub fn reading<S: Read, P: Peer>() -> Vec<Check<S, P>> {
    vec![
        ("a read of nothing would block", a_read_of_nothing_would_block),
        ("every byte is read, once", every_byte_is_read),
    ]
}

/// The checks of `Write`.
pub fn writing<S: Write, P: Peer>() -> Vec<Check<S, P>> {
    vec![
        ("a write without room would block", a_write_without_room_would_block),
        ("a flush would block until all has left", a_flush_would_block_until_all_has_left),
    ]
}

fn a_read_of_nothing_would_block<S: Read, P: Peer>(mut stream: S, peer: &P) {
    peer.stop(true);
    for _ in 0..3 {
        assert!(matches!(stream.read(), Err(nb::Error::WouldBlock)));
    }
}

fn every_byte_is_read<S: Read, P: Peer>(mut stream: S, peer: &P) {
    let bytes = some_bytes();
    peer.send(&bytes);
    let mut read = Vec::<u8>::new();
    for _ in 0..100 * bytes.len() {
        match stream.read() {
            Ok(byte) => read.push(byte),
            Err(nb::Error::WouldBlock) if read.len() == bytes.len() => break,
            Err(nb::Error::WouldBlock) => peer.step(),
            Err(error) => panic!("{error:?} on a line without faults"),
        }
    }
    assert_eq!(read, bytes);
}

fn a_write_without_room_would_block<S: Write, P: Peer>(mut stream: S, peer: &P) {
    peer.stop(true);
    let written: Vec<u8> =
        some_bytes().into_iter().take_while(|&byte| stream.write(byte).is_ok()).collect();
    assert!(written.len() < some_bytes().len(), "it takes any number of bytes");
    assert!(matches!(stream.write(0), Err(nb::Error::WouldBlock)));
    peer.stop(false);
    (0..SOON).for_each(|_| peer.step());
    assert_eq!(peer.left(), written);
}

fn a_flush_would_block_until_all_has_left<S: Write, P: Peer>(mut stream: S, peer: &P) {
    assert!(matches!(stream.flush(), Ok(())), "there is nothing to flush");
    peer.stop(true);
    stream.write(1).unwrap_or_else(|error| panic!("{error:?} on an empty line"));
    assert!(matches!(stream.flush(), Err(nb::Error::WouldBlock)));
    peer.stop(false);
    while stream.flush().is_err() {
        assert!(peer.left().is_empty(), "it has left");
        peer.step();
    }
    assert_eq!(peer.left(), [1]);
}
