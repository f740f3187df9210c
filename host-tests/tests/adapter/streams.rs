//! The byte streams: readers and writers.

use std::{cell::Cell, time::Duration};

use embedded_hal_nb::serial;
use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use fakes::clock::FakeClock;
use wouldblock::{
    adapter::{For, Limit, Reader, Writer},
    block::Spin,
    nb, time,
};

use crate::support::{
    broken::{
        Broken,
        Flaw::{self, *},
    },
    conformance::{Peer, awaited, blocking, failures, nonblocking, run},
    line::{Fault, Line, Rx, Sleep, Tx},
};

type Peers = &'static Line;
fn reader() -> (Reader<Rx>, Peers) {
    let line = Line::leak();
    (Reader::new(line.split().0), line)
}

fn writer() -> (Writer<Tx>, Peers) {
    let line = Line::leak();
    (Writer::new(line.split().1), line)
}

fn sleeping_reader() -> (Reader<Rx, Sleep>, Peers) {
    let line = Line::leak();
    (Reader::with_idle(line.split().0, line.sleep()), line)
}

fn sleeping_writer() -> (Writer<Tx, Sleep>, Peers) {
    let line = Line::leak();
    (Writer::with_idle(line.split().1, line.sleep()), line)
}

const NONE: [&str; 0] = [];

#[test]
fn halves_that_spin_keep_the_blocking_contract() {
    assert_eq!(failures(&blocking::reading(), reader), NONE);
    assert_eq!(failures(&blocking::writing(), writer), NONE);
}

#[test]
fn halves_that_sleep_keep_the_blocking_contract() {
    assert_eq!(failures(&blocking::reading(), sleeping_reader), NONE);
    assert_eq!(failures(&blocking::writing(), sleeping_writer), NONE);
}

#[test]
fn halves_keep_the_awaited_contract() {
    assert_eq!(failures(&awaited::reading(), reader), NONE);
    assert_eq!(failures(&awaited::writing(), writer), NONE);
}

#[test]
fn halves_that_sleep_keep_the_awaited_contract() {
    assert_eq!(failures(&awaited::reading(), sleeping_reader), NONE);
    assert_eq!(failures(&awaited::writing(), sleeping_writer), NONE);
}

#[test]
fn halves_keep_the_nonblocking_contract() {
    assert_eq!(failures(&nonblocking::reading(), reader), NONE);
    assert_eq!(failures(&nonblocking::writing(), writer), NONE);
    assert_eq!(failures(&nonblocking::reading(), sleeping_reader), NONE);
    assert_eq!(failures(&nonblocking::writing(), sleeping_writer), NONE);
}

#[test]
fn a_limit_of_time_ends_a_blocking_call_that_then_has_moved_nothing() {
    const LIMIT: u128 = 20;
    let ticks = Cell::new(0);
    let clock = FakeClock::<'_, 64> { per_look: 1, ..FakeClock::new(&ticks) };
    let limit = || For::new(Spin, clock, Duration::from_millis(LIMIT as u64));
    let line = Line::leak();
    let (rx, tx) = line.split();
    let mut reader = Reader::with_idle(rx, limit());
    let mut writer = Writer::with_idle(tx, limit());
    let is_the_limit = |begun: u128| {
        let took = ticks.get() - begun;
        assert!((LIMIT..2 * LIMIT).contains(&took), "{took} ms");
    };

    let begun = ticks.get();
    let mut buffer = [0; 8];
    let end = reader.read(&mut buffer).expect_err("a quiet line");
    assert_eq!((end, end.kind()), (time::Error::TimedOut, ErrorKind::TimedOut));
    is_the_limit(begun);
    line.send(b"a");
    assert_eq!((reader.read(&mut buffer), buffer[0]), (Ok(1), b'a'));
    line.send_fault();
    let end = reader.read(&mut buffer).expect_err("a fault");
    assert_eq!((end, end.kind()), (time::Error::Other(Fault), ErrorKind::InvalidData));
    assert_eq!(reader.read(&mut []), Ok(0));

    line.stop(true);
    let mut accepted = Vec::new();
    let end = loop {
        let begun = ticks.get();
        let byte = [accepted.len() as u8];
        match writer.write(&byte) {
            Ok(_) => accepted.extend(byte),
            Err(end) => {
                is_the_limit(begun);
                break end;
            }
        }
    };
    assert_eq!(end, time::Error::TimedOut);
    assert_eq!(writer.flush(), Err(time::Error::TimedOut));
    line.stop(false);
    assert!((0..10).any(|_| writer.flush().is_ok()));
    assert_eq!(line.left(), accepted, "what was accepted, and nothing of the rest");
}

/// Without a limit of time the error is the stream's own.
#[test]
fn an_idler_adds_no_error() {
    fn error<L: Limit>(_: &Reader<Rx, L>) -> Option<<Reader<Rx, L> as ErrorType>::Error>
    where
        Reader<Rx, L>: ErrorType,
    {
        None
    }
    let line = Line::leak();
    let reader = Reader::new(line.split().0);
    assert_eq!(error(&reader), None::<Fault>);
}

/// The streams of `make` with a flaw.
fn with<S>(flaw: Flaw, make: impl Fn() -> (S, Peers)) -> impl Fn() -> (Broken<S>, Peers) {
    move || {
        let (stream, peer) = make();
        (Broken { stream, flaw }, peer)
    }
}

#[test]
fn the_blocking_checks_catch_their_twins() {
    const ORDER: &str = "every byte is read, in order";
    const WAITS: &str = "a read waits for a byte, not for two";
    const EMPTY: &str = "an empty buffer is read into at once";
    const READY: &str = "read ready: the read does not block";
    for (flaw, caught) in [
        (ReadsNothing, &[ORDER, WAITS][..]),
        (ErrorInsteadOfWaiting, &[ORDER, WAITS]),
        (FillsTheBuffer, &[WAITS]),
        (EmptyReadWaits, &[EMPTY]),
        (AlwaysReady, &[READY]),
        (NeverReady, &[READY]),
    ] {
        let found = failures(&blocking::reading(), with(flaw, reader));
        assert!(caught.iter().all(|check| found.contains(check)), "{flaw:?}: {found:?}");
    }
    const LEAVES: &str = "every byte leaves, in order";
    const NO_BYTES: &str = "an empty buffer is written at once";
    const FLUSH: &str = "flush returns when all has left";
    const ROOM: &str = "write ready: the write does not block";
    for (flaw, caught) in [
        (WritesNothing, &[LEAVES][..]),
        (DropsWhenFull, &[LEAVES]),
        (EmptyWriteWaits, &[NO_BYTES]),
        (DoesNotFlush, &[FLUSH]),
        (AlwaysReady, &[ROOM]),
        (NeverReady, &[ROOM]),
    ] {
        let found = failures(&blocking::writing(), with(flaw, writer));
        assert!(caught.iter().all(|check| found.contains(check)), "{flaw:?}: {found:?}");
    }
}

#[test]
fn the_awaited_checks_catch_their_twins() {
    for (flaw, caught) in [
        (ReadsNothing, "every byte is read, in order"),
        (NeverWakes, "every byte is read, in order"),
        (FillsTheBuffer, "a read waits for a byte, not for two"),
        (EmptyReadWaits, "an empty buffer is read into at once"),
        (NotCancelSafe, "a dropped read has taken nothing"),
    ] {
        let found = failures(&awaited::reading(), with(flaw, reader));
        assert!(found.contains(&caught), "{flaw:?}: {found:?}");
    }
    for (flaw, caught) in [
        (WritesNothing, "every byte leaves, in order"),
        (NeverWakes, "every byte leaves, in order"),
        (EmptyWriteWaits, "an empty buffer is written at once"),
        (DoesNotFlush, "flush returns when all has left"),
        (NotCancelSafe, "a dropped write has written nothing"),
    ] {
        let found = failures(&awaited::writing(), with(flaw, writer));
        assert!(found.contains(&caught), "{flaw:?}: {found:?}");
    }
}

#[test]
fn the_nonblocking_checks_catch_their_twins() {
    for (flaw, caught) in
        [(Blocks, "a read of nothing would block"), (ReadsNothing, "every byte is read, once")]
    {
        let found = failures(&nonblocking::reading(), with(flaw, reader));
        assert!(found.contains(&caught), "{flaw:?}: {found:?}");
    }
    for (flaw, caught) in [
        (Blocks, "a write without room would block"),
        (DropsWhenFull, "a write without room would block"),
        (DoesNotFlush, "a flush would block until all has left"),
    ] {
        let found = failures(&nonblocking::writing(), with(flaw, writer));
        assert!(found.contains(&caught), "{flaw:?}: {found:?}");
    }
}

#[test]
fn a_fault_comes_in_its_place_and_loses_nothing() {
    let line = Line::leak();
    let mut stream = Reader::new(line.split().0);
    line.send(b"ab");
    line.send_fault();
    line.send(b"cd");
    let mut buffer = [0; 2];
    Read::read_exact(&mut stream, &mut buffer).unwrap();
    assert_eq!(&buffer, b"ab");
    while !stream.read_ready().unwrap() {
        line.step();
    }
    assert_eq!(Read::read(&mut stream, &mut buffer), Err(Fault));
    run(&line, embedded_io_async::Read::read_exact(&mut stream, &mut buffer)).unwrap();
    assert_eq!(&buffer, b"cd");
    line.send_fault();
    let end = nb::block!(serial::Read::read(&mut stream));
    assert_eq!(end, Err(Fault));
}

#[test]
fn a_sleeping_reader_sleeps_and_a_flush_does_not() {
    let line = Line::leak();
    let (rx, tx) = line.split();
    let idle = line.sleep();
    let mut reader = Reader::with_idle(rx, idle.clone());
    let mut writer = Writer::with_idle(tx, idle.clone());
    line.send(b"x");
    assert_eq!(Read::read(&mut reader, &mut [0]), Ok(1));
    assert_eq!(*idle.slept.borrow(), 1);
    Write::write_all(&mut writer, b"x").unwrap();
    Write::flush(&mut writer).unwrap();
    assert_eq!(*idle.slept.borrow(), 1);
    let ((_, idle), (mut tx, _)) = (reader.into_parts(), writer.into_parts());
    assert!(wouldblock::io::Write::is_writable(&mut tx));
    assert_eq!(*idle.slept.borrow(), 1);
}

/// One value has every trait that another crate may require.
#[test]
fn one_value_has_every_trait() {
    fn reads<S>(_: &S)
    where
        S: Read + ReadReady + embedded_io_async::Read + serial::Read,
        <S as ErrorType>::Error: core::error::Error + core::fmt::Display + PartialEq,
    {
    }
    fn writes<S>(_: &S)
    where
        S: Write + WriteReady + embedded_io_async::Write + serial::Write,
        <S as ErrorType>::Error: core::error::Error + core::fmt::Display + PartialEq,
    {
    }

    reads(&sleeping_reader().0);
    writes(&sleeping_writer().0);
}
