//! The opposite direction: operations from blocking traits with ready checks, and from futures.

use core::pin::pin;
use std::{
    cell::Cell,
    future::{pending, poll_fn},
    task::{Context, Poll, Waker},
};

use embedded_io::Write;
use wouldblock::{
    adapter::{FromFuture, Polled, Reader, Writer},
    attempt::{self, Attempt},
    event::Event,
    nb,
};

use crate::support::{
    broken::{Broken, Flaw},
    conformance::{Peer, awaited, blocking, failures, nonblocking, run, some_bytes},
    line::{DEPTH, Fault, Line, Rx, Sleep, Tx},
};

const NONE: [&str; 0] = [];

/// Streams that have only blocking calls and ready checks.
type ForeignReader = Broken<Reader<Rx>>;
type ForeignWriter = Broken<Writer<Tx>>;

/// A foreign stream as attempts, and these as a stream of every trait.
fn polled(
    flaw: Flaw,
) -> impl Fn() -> (Reader<Polled<'static, ForeignReader>, Sleep>, &'static Line) {
    move || {
        let line = Line::leak();
        let stream = Broken { stream: Reader::new(line.split().0), flaw };
        let polled = Polled::new(stream, line.news().waiter().expect("one waiter"));
        (Reader::with_idle(polled, line.sleep()), line)
    }
}

#[test]
fn a_polled_reader_keeps_every_contract() {
    let sound = polled(Flaw::EmptyReadWaits); // The attempt never reads into an empty buffer.
    assert_eq!(failures(&blocking::reading(), &sound), NONE);
    assert_eq!(failures(&awaited::reading(), &sound), NONE);
    assert_eq!(failures(&nonblocking::reading(), &sound), NONE);
}

#[test]
fn a_ready_check_that_lies_makes_a_try_block() {
    let found = failures(&nonblocking::reading(), polled(Flaw::AlwaysReady));
    assert!(found.contains(&"a read of nothing would block"), "{found:?}");
    let found = failures(&awaited::reading(), polled(Flaw::NeverReady));
    assert!(found.contains(&"every byte is read, in order"), "{found:?}");
}

#[test]
fn a_polled_writer_never_blocks_and_loses_nothing() {
    let line = Line::leak();
    let stream: ForeignWriter =
        Broken { stream: Writer::new(line.split().1), flaw: Flaw::EmptyWriteWaits };
    let mut polled = Polled::new(stream, line.news().waiter().expect("one waiter"));
    line.stop(true);
    let bytes = some_bytes();
    assert_eq!(polled.write(&bytes).attempt(), Ok(DEPTH));
    assert_eq!(polled.write(&bytes).attempt(), Err(nb::Error::WouldBlock));
    assert_eq!(polled.write(&[]).attempt(), Ok(0));
    line.stop(false);
    let mut written = DEPTH;
    while written < bytes.len() {
        written += polled.write(&bytes[written..]).block(line.sleep()).unwrap();
        if written < bytes.len() {
            written += run(&line, polled.write(&bytes[written..])).unwrap();
        }
    }
    polled.get_mut().flush().unwrap();
    assert_eq!(line.left(), bytes);
    drop(polled);
    assert!(line.news().waiter().is_some());
}

/// An event that futures wake.
fn event() -> &'static Event {
    Box::leak(Box::new(Event::new()))
}

/// Reads three bytes from the line, each by an awaited read.
async fn three_bytes(line: &'static Line) -> Result<Vec<u8>, Fault> {
    let mut reader = Reader::new(line.split().0);
    let mut bytes = Vec::new();
    for _ in 0..3 {
        let mut byte = [0];
        embedded_io_async::Read::read(&mut reader, &mut byte).await?;
        bytes.extend(byte);
    }
    Ok(bytes)
}

#[test]
fn a_future_is_blocked_on_and_woken_by_its_interrupt() {
    let (line, woken) = (Line::leak(), event());
    let mut waiter = woken.waiter().unwrap();
    line.send(b"abc");
    let future = pin!(three_bytes(line));
    let idle = line.sleep();
    let end = waiter.operation(FromFuture::new(future, woken)).block(idle.clone());
    assert_eq!(end.unwrap(), b"abc");
    assert!(*idle.slept.borrow() > 0);
}

#[test]
fn a_try_resumes_a_future_and_is_awaited_like_any_operation() {
    let (line, woken) = (Line::leak(), event());
    let mut waiter = woken.waiter().unwrap();
    let future = pin!(three_bytes(line));
    let mut op = waiter.operation(FromFuture::new(future, woken));
    line.send(b"ab");
    for _ in 0..50 {
        assert_eq!(op.attempt(), Err(nb::Error::WouldBlock));
    }
    line.send(b"c");
    assert_eq!(run(&line, &mut op).unwrap(), b"abc");
    assert_eq!(op.attempt(), Err(nb::Error::WouldBlock), "a future that has ended is not polled");
}

#[test]
fn a_future_that_wakes_itself_is_polled_again() {
    let (line, woken) = (Line::leak(), event());
    let mut waiter = woken.waiter().unwrap();
    line.stop(true); // Nothing else wakes the waiter.
    for awaited in [false, true] {
        let mut polls = 0;
        let future = poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls == 5 { Poll::Ready(Ok::<_, Fault>(polls)) } else { Poll::Pending }
        });
        let mut op = waiter.operation(FromFuture::new(future, woken));
        let end = if awaited { run(&line, &mut op) } else { op.block(line.sleep()) };
        assert_eq!(end, Ok(5));
    }
}

#[test]
#[should_panic(expected = "waits for ever")]
fn a_future_whose_waker_does_nothing_is_never_woken() {
    let (line, woken) = (Line::leak(), event());
    let mut waiter = woken.waiter().unwrap();
    line.send(b"abc");
    let mut future = Box::pin(three_bytes(line));
    let deaf = attempt::from_fn(|| {
        attempt::from_poll(future.as_mut().poll(&mut Context::from_waker(Waker::noop())))
    });
    _ = waiter.operation(deaf).block(line.sleep());
}

#[test]
fn a_dropped_attempt_drops_its_future() {
    struct Dropped<'d>(&'d Cell<bool>);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let dropped = Cell::new(false);
    let guard = Dropped(&dropped);
    let mut attempt = FromFuture::new(
        Box::pin(async {
            let _guard = guard;
            pending::<Result<(), Fault>>().await
        }),
        event(),
    );
    assert_eq!(attempt.attempt(), Err(nb::Error::WouldBlock));
    assert!(!dropped.get());
    drop(attempt);
    assert!(dropped.get());
}
