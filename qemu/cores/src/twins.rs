//! One mistake each, under the load of the right ones: what is lost shows that the right ones could
//! have failed.

use core::sync::atomic::{AtomicU64, Ordering};

use board::{
    cores,
    counter::{frequency, now},
    idle::Park,
    interrupts::Line,
};

use crate::{
    both::{Count, count, meet, wait_until, work},
    jobs::{Knock, SLOT, install, quiet},
};

const ROUNDS: u64 = 100;

/// Rounds that have begun on the first core.
static BEGUN: AtomicU64 = AtomicU64::new(0);
/// Rounds whose end the handler has signalled.
static SIGNALLED: AtomicU64 = AtomicU64::new(0);
/// Rounds in which the first core slept on, until it was rescued.
static LOST: Count = Count::new();

/// The handler wakes, and forgets that the sleeper is on another core.
pub fn no_ipi() {
    wait(|line| {
        quiet();
        let driven = SLOT.on_interrupt();
        line.acknowledge();
        drop(driven);
        SIGNALLED.fetch_add(1, Ordering::Release);
    });
}

/// The handler interrupts the sleeper first, before there is anything to hear.
pub fn early_ipi() {
    wait(|line| {
        cores::interrupt_other();
        work(1000);
        quiet();
        let driven = SLOT.on_interrupt();
        line.acknowledge();
        drop(driven);
        SIGNALLED.fetch_add(1, Ordering::Release);
    });
}

fn wait(handler: fn(Line)) {
    install(handler);
    for round in 1..=ROUNDS {
        let job = SLOT.start(Knock::new()).expect("idle");
        BEGUN.store(round, Ordering::Release);
        let Ok(_) = job.wait(Park).result;
    }
    BEGUN.store(ROUNDS + 1, Ordering::Release);
    count("rounds", ROUNDS);
    count("lost wakes", LOST.get());
}

/// On the second core: a round whose end was signalled and that does not go on within 2 ms is lost.
/// Nothing else would ever end it, so it is rescued.
pub fn watch() {
    for round in 1..=ROUNDS {
        wait_until(|| SIGNALLED.load(Ordering::Acquire) >= round);
        let start = now();
        let goes_on = || BEGUN.load(Ordering::Acquire) > round;
        wait_until(|| goes_on() || now() - start > frequency() / 500);
        if !goes_on() {
            LOST.add(1);
            cores::interrupt_other();
            wait_until(goes_on);
        }
    }
}

/// A critical section that only masks interrupts, as for one core, beside the one of this binary.
pub mod section {
    use super::{AtomicU64, Ordering, count, meet, work};
    use board::interrupts::without_interrupts;

    const ROUNDS: u64 = 20_000;

    static MASKED: AtomicU64 = AtomicU64::new(0);
    static IN_SECTION: AtomicU64 = AtomicU64::new(0);

    /// Not one read-modify-write: only a section keeps the two halves together.
    fn increment(total: &AtomicU64) {
        let before = total.load(Ordering::Relaxed);
        work(5);
        total.store(before + 1, Ordering::Relaxed);
    }

    fn add() {
        meet();
        for _ in 0..ROUNDS {
            without_interrupts(|| increment(&MASKED));
            critical_section::with(|_| {
                critical_section::with(|_| increment(&IN_SECTION)); // Sections nest.
            });
        }
        meet();
    }

    /// Adds.
    pub fn first() {
        add();
        assert_eq!(IN_SECTION.load(Ordering::Relaxed), 2 * ROUNDS, "the section of two cores");
        count("additions", 2 * ROUNDS);
        count("lost additions", 2 * ROUNDS - MASKED.load(Ordering::Relaxed));
    }

    /// Adds.
    pub fn second() {
        add();
    }
}
