//! 64 bits of the board's counter, and the library's clock on it.

use core::cell::Cell;

use critical_section::Mutex;
use wouldblock::time::Clock;

use crate::chip::chip;

struct Extended {
    /// What was read last.
    last: Cell<u32>,
    /// Ticks of the turns that are over.
    over: Cell<u64>,
}

static EXTENDED: Mutex<Extended> = Mutex::new(Extended { last: Cell::new(0), over: Cell::new(0) });

/// The counter with 64 bits, where `count` reads the board's, which has `turn` different values.
///
/// It notices that a turn is over when it is read in the next one. Each interrupt reads it, so only a
/// sleep that is longer than a turn may lose whole turns.
#[inline]
pub fn extend(count: impl FnOnce() -> u32, turn: u64) -> u64 {
    critical_section::with(|section| {
        let Extended { last, over } = EXTENDED.borrow(section);
        let count = count();
        if count < last.get() {
            over.set(over.get() + turn);
        }
        last.set(count);
        over.get() + u64::from(count)
    })
}

pub(crate) fn now() -> u64 {
    extend(chip().count, chip().counter_turn)
}

/// The counter as the library's clock.
#[derive(Clone, Copy, Debug)]
pub struct BoardClock(());

/// The counter as the library's clock.
#[must_use]
pub const fn clock() -> BoardClock {
    BoardClock(())
}

impl Clock for BoardClock {
    #[inline]
    fn now(&self) -> u64 {
        now()
    }

    #[inline]
    fn frequency(&self) -> u64 {
        chip().counter_frequency.into()
    }
}

/// Microseconds since the start, for the log.
pub(crate) fn microseconds() -> u64 {
    now() / (u64::from(chip().counter_frequency) / 1_000_000).max(1)
}
