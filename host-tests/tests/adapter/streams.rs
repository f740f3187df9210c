//! The byte streams: readers, writers, the two joined, and buffered.

use embedded_hal_nb::serial;
use embedded_io::{BufRead, ErrorType, Read, ReadReady, Write, WriteReady};
use wouldblock::{
    adapter::{Buffered, Join, JoinError, Pacer, Reader, Writer},
    block::Idle,
    nb,
};

use crate::support::{
    broken::{
        Broken,
        Flaw::{self, *},
    },
    conformance::{Peer, awaited, blocking, failures, nonblocking, run},
    line::{Fault, Line, Rx, Sleep, StepDelay, Tx},
};

type Peers = &'static Line;
type Stream<I> = Join<Reader<Rx, I>, Writer<Tx, I>>;

fn reader() -> (Reader<Rx>, Peers) {
    let line = Line::leak();
    (Reader::new(line.split().0), line)
}

fn writer() -> (Writer<Tx>, Peers) {
    let line = Line::leak();
    (Writer::new(line.split().1), line)
}

/// A stream of both halves, with the idler that `idle` makes.
fn joined<I: Idle>(idle: impl Fn(Peers) -> I) -> (Stream<I>, Peers) {
    let line = Line::leak();
    let (rx, tx) = line.split();
    (Join::new(Reader::with_idle(rx, idle(line)), Writer::with_idle(tx, idle(line))), line)
}

fn asleep() -> (Stream<Sleep>, Peers) {
    joined(Line::sleep)
}

fn buffered<const N: usize>() -> (Buffered<Reader<Rx, Sleep>, N>, Peers) {
    let line = Line::leak();
    (Buffered::new(Reader::with_idle(line.split().0, line.sleep())), line)
}

const NONE: [&str; 0] = [];

#[test]
fn halves_that_spin_keep_the_blocking_contract() {
    assert_eq!(failures(&blocking::reading(), reader), NONE);
    assert_eq!(failures(&blocking::writing(), writer), NONE);
}

#[test]
fn a_joined_stream_that_sleeps_keeps_the_blocking_contract() {
    assert_eq!(failures(&blocking::reading(), asleep), NONE);
    assert_eq!(failures(&blocking::writing(), asleep), NONE);
}

#[test]
fn a_joined_stream_that_is_paced_keeps_the_blocking_contract() {
    let paced = || joined(|line| Pacer::new(StepDelay(line), 3));
    assert_eq!(failures(&blocking::reading(), paced), NONE);
    assert_eq!(failures(&blocking::writing(), paced), NONE);
}

#[test]
fn a_buffered_stream_keeps_the_blocking_contract() {
    assert_eq!(failures(&blocking::reading(), buffered::<5>), NONE);
    assert_eq!(failures(&blocking::buffering(), buffered::<5>), NONE);
    assert_eq!(failures(&blocking::reading(), buffered::<1>), NONE);
    assert_eq!(failures(&blocking::buffering(), buffered::<1>), NONE);
    let through = || {
        let (stream, line) = asleep();
        (Buffered::<_, 5>::new(stream), line)
    };
    assert_eq!(failures(&blocking::writing(), through), NONE);
}

#[test]
fn halves_keep_the_awaited_contract() {
    assert_eq!(failures(&awaited::reading(), reader), NONE);
    assert_eq!(failures(&awaited::writing(), writer), NONE);
}

#[test]
fn joined_and_buffered_streams_keep_the_awaited_contract() {
    assert_eq!(failures(&awaited::reading(), asleep), NONE);
    assert_eq!(failures(&awaited::writing(), asleep), NONE);
    assert_eq!(failures(&awaited::reading(), buffered::<5>), NONE);
    assert_eq!(failures(&awaited::buffering(), buffered::<5>), NONE);
    assert_eq!(failures(&awaited::buffering(), buffered::<1>), NONE);
    let through = || {
        let (stream, line) = asleep();
        (Buffered::<_, 5>::new(stream), line)
    };
    assert_eq!(failures(&awaited::writing(), through), NONE);
}

#[test]
fn halves_and_joined_streams_keep_the_nonblocking_contract() {
    assert_eq!(failures(&nonblocking::reading(), reader), NONE);
    assert_eq!(failures(&nonblocking::writing(), writer), NONE);
    assert_eq!(failures(&nonblocking::reading(), asleep), NONE);
    assert_eq!(failures(&nonblocking::writing(), asleep), NONE);
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
    let found = failures(&blocking::buffering(), with(ForgetsTheRest, buffered::<5>));
    assert_eq!(found, ["what is not consumed stays"]);
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
    for (flaw, caught) in [
        (ForgetsTheRest, "a dropped fill has lost nothing"),
        (NotCancelSafe, "a dropped fill has lost nothing"),
    ] {
        let found = failures(&awaited::buffering(), with(flaw, buffered::<5>));
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
    let (rx, tx) = line.split();
    let mut stream = Join::new(Reader::new(rx), Writer::new(tx));
    line.send(b"ab");
    line.send_fault();
    line.send(b"cd");
    let mut buffer = [0; 2];
    Read::read_exact(&mut stream, &mut buffer).unwrap();
    assert_eq!(&buffer, b"ab");
    while !stream.read_ready().unwrap() {
        line.step();
    }
    assert_eq!(Read::read(&mut stream, &mut buffer), Err(JoinError::Read(Fault)));
    run(&line, embedded_io_async::Read::read_exact(&mut stream, &mut buffer)).unwrap();
    assert_eq!(&buffer, b"cd");
    line.send_fault();
    let end = nb::block!(serial::Read::read(&mut stream));
    assert_eq!(end, Err(JoinError::Read(Fault)));
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
    fn every_trait<S>(_: &S)
    where
        S: Read + ReadReady + BufRead + Write + WriteReady,
        S: embedded_io_async::Read + embedded_io_async::BufRead + embedded_io_async::Write,
        S::Error: embedded_io::Error + core::error::Error + PartialEq,
        <S as ErrorType>::Error: core::fmt::Display,
    {
    }
    fn serial<S: serial::Read + serial::Write>(_: &S) {}

    let (stream, _) = asleep();
    serial(&stream);
    every_trait(&Buffered::<_, 16>::new(stream));
}
