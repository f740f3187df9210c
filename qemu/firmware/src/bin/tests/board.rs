//! The board itself: what everything else stands on.

mod boot;
mod edu;
mod exceptions;
mod interrupts;
mod irqs;
mod serial;
mod timer;

use board::counter::{frequency, now};

/// Looks until it is so.
///
/// # Panics
/// If it is not so after 10 ms.
#[track_caller]
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let start = now();
    while !is_so() {
        assert!(now() - start < frequency() / 100, "not after 10 ms: {what}");
    }
}

/// Gives whatever might interrupt some time to do so.
fn settle() {
    let start = now();
    while now() - start < frequency() / 100_000 {}
}
