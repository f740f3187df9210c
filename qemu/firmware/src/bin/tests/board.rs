//! Tests of the board itself, on which everything else depends.

mod boot;
mod edu;
mod exceptions;
mod interrupts;
mod irqs;
mod serial;
mod timer;

use pc::timer::{tsc, tsc_per_second};

/// Busy-waits until the condition holds.
///
/// # Panics
/// If the condition does not hold after 10 ms.
#[track_caller]
fn soon(what: &str, condition: impl Fn() -> bool) {
    let start = tsc();
    while !condition() {
        assert!(tsc() - start < tsc_per_second() / 100, "not after 10 ms: {what}");
    }
}

/// Busy-waits 10 µs, in which a pending interrupt would arrive.
fn settle() {
    let start = tsc();
    while tsc() - start < tsc_per_second() / 100_000 {}
}
