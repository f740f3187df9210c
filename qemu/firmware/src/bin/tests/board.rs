//! Tests of the board itself, on which everything else depends.

mod boot;
mod edu;
mod exceptions;
mod interrupts;
mod irqs;
mod serial;
mod timer;

use board::counter::{frequency, now};

/// Busy-waits until the condition holds.
///
/// # Panics
/// If the condition does not hold after 10 ms.
#[track_caller]
fn soon(what: &str, condition: impl Fn() -> bool) {
    let start = now();
    while !condition() {
        assert!(now() - start < frequency() / 100, "not after 10 ms: {what}");
    }
}

/// Busy-waits 10 µs, in which a pending interrupt would arrive.
fn settle() {
    let start = now();
    while now() - start < frequency() / 100_000 {}
}
