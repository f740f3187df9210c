//! The contracts of `embedded-io`, `embedded-io-async`, `embedded-hal-nb` and `DelayNs` as checks,
//! over any stream whose far end a test controls.
//!
//! A check panics if the contract is broken. [`failures`] runs each check on a new stream and
//! returns the names of those that panicked.

pub mod awaited;
pub mod blocking;
pub mod delay;
pub mod nonblocking;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::atomic::Ordering::SeqCst,
    task::{Context, Poll, Waker},
};

/// The far end of a stream, and its time: what the far end sends arrives, and what was written to
/// the stream leaves, only as time passes. Time passes by [`step`](Self::step), while the stream
/// waits, or both.
///
/// A stream that waits for something that can never come must panic, not hang.
pub trait Peer {
    /// Sends `bytes`, which arrive one by one.
    fn send(&self, bytes: &[u8]);

    /// All bytes that have left the stream so far.
    fn left(&self) -> Vec<u8>;

    /// Stops the time, or lets it continue. While it is stopped, nothing arrives and nothing
    /// leaves.
    fn stop(&self, stopped: bool);

    /// Advances the time a little.
    fn step(&self);
}

/// The name of a check, and the check of a stream and its far end.
pub type Check<S, P> = (&'static str, fn(S, &P));

/// The names of the `checks` that the streams of `make` do not pass.
pub fn failures<S, P>(checks: &[Check<S, P>], make: impl Fn() -> (S, P)) -> Vec<&'static str> {
    let fails = |check: fn(S, &P)| {
        let (stream, peer) = make();
        catch_unwind(AssertUnwindSafe(|| check(stream, &peer))).is_err()
    };
    checks.iter().filter(|(_, check)| fails(*check)).map(|(name, _)| *name).collect()
}

/// Bytes that differ from their neighbours, enough to fill every buffer more than once.
pub fn some_bytes() -> Vec<u8> {
    (0..300_u16).map(|n| (n % 251) as u8).collect()
}

/// The number of steps after which all bytes on their way have arrived.
pub const SOON: u32 = 100;

/// Runs `future` to its end. Time passes while it is suspended, and it is polled only when woken.
pub fn run<F: Future>(peer: &impl Peer, future: F) -> F::Output {
    let (waker, wakes) = fakes::waker::counting();
    let mut future = pin!(future);
    loop {
        let before = wakes.load(SeqCst);
        if let Poll::Ready(end) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return end;
        }
        while wakes.load(SeqCst) == before {
            peer.step();
        }
    }
}

/// Polls `future` once, and drops it.
pub fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}
