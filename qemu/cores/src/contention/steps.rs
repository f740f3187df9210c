//! Both cores start operations with a callback and step the slot all the time. A core that finds
//! the slot claimed leaves a note, and the holder tries once more because of it.

use core::{hint::spin_loop, sync::atomic::Ordering};

use wouldblock::job::{Done, Slot, Step};

use super::{
    OVER, continues, is_over,
    work::{self, Work},
};
use crate::both::{Count, Random, count, meet};

static SLOT: Slot<Work> = Slot::new();

static STARTS: Count = Count::new();
static REFUSED: Count = Count::new();
static ENDS: Count = Count::new();
/// Tries of the operations that have ended.
static TRIES: Count = Count::new();
/// Steps that claimed the slot.
static CLAIMS: Count = Count::new();
/// Steps that found it claimed.
static CONTENDED: Count = Count::new();

fn ended(done: Done<Work>) {
    assert!(done.result.is_ok());
    TRIES.add(done.op.tries.into());
    ENDS.add(1);
}

fn start(random: &mut Random) {
    if let Some(work) = Work::new(1 + random.below(8)) {
        match SLOT.start_with(work, ended) {
            Ok(()) => STARTS.add(1),
            Err(_) => REFUSED.add(1),
        }
    }
}

fn step() {
    let stepped = SLOT.on_interrupt();
    match stepped.step() {
        Step::Idle => {}
        Step::Pending | Step::Again | Step::Done => CLAIMS.add(1),
        Step::Contended => CONTENDED.add(1),
    }
}

/// Tries that were made because of a note, not by a step.
fn tries_for_a_note() -> u64 {
    TRIES.get().saturating_sub(CLAIMS.get())
}

pub fn first() {
    work::fill();
    meet();
    let mut random = Random::new(0x5eed_0001);
    let mut rounds = 0;
    while continues(rounds, [CONTENDED.get(), tries_for_a_note(), REFUSED.get()]) {
        start(&mut random);
        step();
        spin_loop();
        rounds += 1;
    }
    OVER.store(true, Ordering::Release);
    meet();
    while !SLOT.is_idle() {
        step();
    }
    assert_eq!(STARTS.get(), ENDS.get(), "every callback is called once");
    assert_eq!(work::MADE.get(), STARTS.get() + REFUSED.get());
    let for_a_note = TRIES.get().checked_sub(CLAIMS.get()).expect("every claim is a try");
    assert!(for_a_note <= CONTENDED.get(), "each of these tries has a contended step");
    work::account();
    count("rounds", rounds);
    count("starts", STARTS.get());
    count("starts refused", REFUSED.get());
    count("contended", CONTENDED.get());
    count("tries for a note", for_a_note);
}

pub fn second() {
    meet();
    let mut random = Random::new(0x5eed_0002);
    while !is_over() {
        step();
        start(&mut random);
        spin_loop();
    }
    meet();
}
