//! A counter of 32 bits at 1 MHz, and a compare register with an interrupt.

use core::{hint::black_box, time::Duration};

use wouldblock::time::{Alarm, Clock};

use crate::registers::{read, write};

const COUNTER: usize = 0x4000_e000;
const COMPARE: usize = 0x4000_e004;
const ENABLE: usize = 0x4000_e008;

const FREQUENCY: u64 = 1_000_000;

/// A time that the compiler does not know, as where it is a parameter of a function. From a constant it
/// would compute the ticks itself.
#[inline(always)]
pub fn some_time() -> Duration {
    black_box(Duration::from_millis(30))
}

/// The same in ticks, as a driver that is written by hand would want it.
#[inline(always)]
pub fn some_ticks() -> u32 {
    black_box(30_000)
}

/// The counter.
#[inline(always)]
pub fn now() -> u32 {
    read(COUNTER)
}

/// Requests an interrupt this many ticks from now.
#[inline(always)]
pub fn set_alarm(ticks: u32) {
    write(COMPARE, now().wrapping_add(ticks));
    write(ENABLE, 1);
}

/// Requests none.
#[inline(always)]
pub fn clear_alarm() {
    write(ENABLE, 0);
}

/// The counter as a clock, and the compare register as its alarm.
#[derive(Clone, Copy, Debug)]
pub struct Timer;

impl Clock for Timer {
    const BITS: u32 = 32;

    #[inline(always)]
    fn now(&self) -> u64 {
        now().into()
    }

    #[inline(always)]
    fn frequency(&self) -> u64 {
        FREQUENCY
    }
}

impl Alarm<Timer> for Timer {
    #[inline(always)]
    fn set(&mut self, ticks: u64) {
        set_alarm(ticks as u32); // At most a quarter of the counter's range.
    }

    #[inline(always)]
    fn clear(&mut self) {
        clear_alarm();
    }
}
