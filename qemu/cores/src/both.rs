//! What the two halves share: a place to meet, numbers without order, counts.

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
    let everybody = (ARRIVED.fetch_add(1, Ordering::AcqRel) / 2 + 1) * 2;
    wait_until(|| ARRIVED.load(Ordering::Acquire) >= everybody);
}

/// Waits awake. Its pauses let the other core on, where the two run in turns.
pub fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        spin_loop();
    }
}

/// A count that the host looks at.
pub fn count(what: &str, count: u64) {
    report::send(&Report::Count { what, count });
}

/// Sleeps from interrupt to interrupt until it is so; answers how often.
pub fn sleep_until(is_so: impl Fn() -> bool) -> u64 {
    let mut sleeps = 0;
    while !is_so() {
        sleeps += 1;
        Park.idle(&is_so);
    }
    sleeps
}

/// Passes some time without a look at anything.
pub fn work(rounds: u32) {
    for _ in 0..rounds {
        spin_loop();
    }
}

/// Numbers without order, the same ones in every run.
pub struct Random(Xorshift);

impl Random {
    /// Those that begin with a seed.
    pub const fn new(seed: u32) -> Self {
        Self(Xorshift::new(seed | 1))
    }

    /// The next one, below `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0.below(limit)
    }
}

/// A count that both cores add to.
pub struct Count(AtomicU64);

impl Count {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// So many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
