//! One mistake each, under the same load as the correct code: what is lost shows that the tests of
//! the correct code can fail.

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
/// Rounds in which the first core stayed asleep, until it was rescued.
static LOST: Count = Count::new();

/// Mistake: the handler wakes, but does not interrupt the other core, on which the waiter sleeps.
pub fn no_ipi() {
    wait(|line| {
        quiet();
        let stepped = SLOT.on_interrupt();
        line.acknowledge();
        drop(stepped);
        SIGNALLED.fetch_add(1, Ordering::Release);
    });
}

/// Mistake: the handler interrupts the sleeping core first, before it signals.
pub fn early_ipi() {
    wait(|line| {
        cores::interrupt_other();
        work(1000);
        quiet();
        let stepped = SLOT.on_interrupt();
        line.acknowledge();
        drop(stepped);
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

/// On the second core: a round whose end was signalled, but after which the first core does not
/// continue within 2 ms, is lost. Nothing else would ever end it, so this interrupts the first
/// core.
pub fn watch() {
    for round in 1..=ROUNDS {
        wait_until(|| SIGNALLED.load(Ordering::Acquire) >= round);
        let start = now();
        let continues = || BEGUN.load(Ordering::Acquire) > round;
        wait_until(|| continues() || now() - start > frequency() / 500);
        if !continues() {
            LOST.add(1);
            cores::interrupt_other();
            wait_until(continues);
        }
    }
}

/// Mistake: a critical section that only masks interrupts, as on one core; beside it, for
/// comparison, the critical section of this binary.
pub mod section {
    use super::{AtomicU64, Ordering, count, meet, work};
    use board::interrupts::without_interrupts;

    const ROUNDS: u64 = 20_000;

    static MASKED: AtomicU64 = AtomicU64::new(0);
    static IN_SECTION: AtomicU64 = AtomicU64::new(0);

    /// Reads, then writes: only a critical section makes the two one step.
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
