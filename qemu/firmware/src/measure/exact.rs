//! Exact counts, made in the same way for the library and for its peers.
//!
//! Every figure is the distance of two [`stamp`]s, so it includes the instructions of an empty pair,
//! [`EMPTY_PAIR`](board::counter::EMPTY_PAIR).

use core::{arch::asm, hint::black_box};

pub use board::counter::stamp;
use board::{counter::between, interrupts};

/// The instructions of `f`.
#[inline(always)]
pub fn span<T>(f: impl FnOnce() -> T) -> u64 {
    let start = stamp();
    let value = f();
    let end = stamp();
    black_box(value);
    between(start, end)
}

/// With interrupts masked: lets the pending interrupts in, and masks again. Returns how many came and
/// the instructions they took, from the vector to the return. So the foreground chooses when a device
/// interrupts, and the whole cost of an interrupt is counted.
pub fn let_interrupts_in() -> (u64, u64) {
    let before = interrupts::taken();
    let instructions = opening();
    let taken = interrupts::taken() - before;
    assert!(taken > 0 || instructions == 0, "an empty opening takes {instructions}");
    (taken, instructions)
}

/// The same without their number, for interrupts that the board does not count.
pub fn opening() -> u64 {
    open() - stay_closed()
}

/// The instructions that let interrupts in, for as long as it takes to accept them, and the same number
/// of instructions that leave them masked.
#[cfg(target_arch = "x86_64")]
macro_rules! opening {
    (open) => {
        "sti; nop; cli" // `sti` holds interrupts off for one more instruction.
    };
    (closed) => {
        "nop; nop; nop"
    };
}
#[cfg(target_arch = "arm")]
macro_rules! opening {
    (open) => {
        "cpsie i; isb; cpsid i"
    };
    (closed) => {
        "nop; isb; nop"
    };
}
#[cfg(target_arch = "riscv32")]
macro_rules! opening {
    (open) => {
        "csrsi mstatus, 8; nop; csrci mstatus, 8"
    };
    (closed) => {
        "nop; nop; nop"
    };
}

#[inline(never)]
fn open() -> u64 {
    // SAFETY: interrupts are on for these instructions only.
    span(|| unsafe { asm!(opening!(open), options(nostack)) })
}

/// What [`open`] takes when nothing is pending.
#[inline(never)]
fn stay_closed() -> u64 {
    // SAFETY: nothing but `nop` and a barrier.
    span(|| unsafe { asm!(opening!(closed), options(nostack)) })
}

/// The figure of a case: what it takes when several rounds in a row take the same. That leaves out
/// the first ones, in which a waker is cloned or a queue is still in one piece.
#[derive(Debug, Default)]
pub struct Steady {
    last: u64,
    same: u32,
    rounds: u32,
}

impl Steady {
    const SAME: u32 = 4;
    const MOST: u32 = 100;

    /// One more round; returns the figure once it is steady.
    #[inline]
    pub fn add(&mut self, round: u64) -> Option<u64> {
        assert!(self.rounds < Self::MOST, "the rounds differ: {} after {}", round, self.last);
        self.rounds += 1;
        self.same = if round == self.last { self.same + 1 } else { 0 };
        self.last = round;
        (self.same == Self::SAME).then_some(round)
    }
}

/// The figure of the rounds.
pub fn steady(mut round: impl FnMut() -> u64) -> u64 {
    let mut steady = Steady::default();
    loop {
        if let Some(figure) = steady.add(round()) {
            return figure;
        }
    }
}
