//! Tests of the board itself, on which everything else depends.

mod boot;
#[cfg(device = "edu")]
mod edu;
pub mod interrupts;
#[cfg(device = "serial")]
pub mod serial;
mod timer;

use board::counter::{frequency, time};

/// Busy-waits until the condition holds.
///
/// # Panics
/// If the condition does not hold after 10 ms.
#[track_caller]
pub fn soon(what: &str, condition: impl Fn() -> bool) {
    let start = time();
    while !condition() {
        assert!(time() - start < frequency() / 100, "not after 10 ms: {what}");
    }
}

/// Busy-waits 10 µs, in which a pending interrupt would arrive.
pub fn settle() {
    let start = time();
    while time() - start < frequency() / 100_000 {}
}
