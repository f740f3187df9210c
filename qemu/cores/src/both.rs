//! What the two halves share: a place to meet, pseudo-random numbers, counts.

use core::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use board::idle::Park;
use firmware::report::{self, Report, Xorshift};
use wouldblock::block::Idle;

/// Waits until the other core is here as well.
pub fn meet() {
    static ARRIVED: AtomicU32 = AtomicU32::new(0);
    let both = (ARRIVED.fetch_add(1, Ordering::AcqRel) / 2 + 1) * 2;
    wait_until(|| ARRIVED.load(Ordering::Acquire) >= both);
}

/// Busy-waits until the condition holds. Its `pause` lets the other core run, where QEMU runs the
/// two in turns.
pub fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        spin_loop();
    }
}

/// Reports a count, which the host checks.
pub fn count(what: &str, count: u64) {
    report::send(&Report::Count { what, count });
}

/// Sleeps, and checks after each interrupt, until the condition holds; returns how often it slept.
pub fn sleep_until(condition: impl Fn() -> bool) -> u64 {
    let mut sleeps = 0;
    while !condition() {
        sleeps += 1;
        Park.idle(&condition);
    }
    sleeps
}

/// Spends some time without touching anything shared.
pub fn work(rounds: u32) {
    for _ in 0..rounds {
        spin_loop();
    }
}

/// Pseudo-random numbers, the same in every run.
pub struct Random(Xorshift);

impl Random {
    /// The sequence of a seed.
    pub const fn new(seed: u32) -> Self {
        Self(Xorshift::new(seed | 1))
    }

    /// The next number, less than `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0.below(limit)
    }
}

/// A counter that both cores add to.
pub struct Count(AtomicU64);

impl Count {
    /// A counter at zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
