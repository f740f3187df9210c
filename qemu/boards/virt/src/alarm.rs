//! The alarm: the CLINT's timer, which interrupts on [`Line::Timer`], and the library's alarm on it.
//!
//! Under `-icount shift=7` an instruction takes 1.28 ticks, and a one-shot of n ticks interrupts
//! ⌈n ÷ 1.28⌉ instructions after the store that starts it: at which part of a tick that was has no
//! influence ([`one_shot`] says how).

use core::{arch::asm, cell::Cell};

use critical_section::Mutex;
use wouldblock::{
    block::WithAlarm,
    time::{Alarm, Clock},
};

use crate::{
    clint,
    counter::{BoardClock, FREQUENCY, clock},
    idle::Park,
    interrupts::Line,
};

/// Ticks from one placement to the next when an interrupt is placed at every instruction: no more
/// than an instruction takes, under `-icount shift=7`.
pub const STEP: u64 = 1;

/// The compare register while no interrupt is to come.
const NEVER: u64 = u64::MAX;

/// Ticks from one interrupt to the next; 0 if it comes once.
static PERIOD: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

/// Interrupts once, `ticks` from now.
#[inline]
pub fn one_shot(ticks: u64) {
    start(ticks, 0);
}

/// Interrupts every `ticks`.
#[inline]
pub fn periodic(ticks: u64) {
    start(ticks, ticks);
}

/// No further interrupts.
pub fn stop() {
    critical_section::with(|section| {
        PERIOD.borrow(section).set(0);
        clint::set_compare(NEVER);
    });
}

/// Whether an interrupt is still to come.
#[must_use]
pub fn is_running() -> bool {
    critical_section::with(|section| {
        let compare = clint::compare();
        PERIOD.borrow(section).get() != 0 || compare != NEVER && compare > clock().now()
    })
}

/// The frequency of the timer.
#[must_use]
pub const fn ticks_per_second() -> u64 {
    FREQUENCY
}

#[inline]
fn start(ticks: u64, period: u64) {
    critical_section::with(|section| {
        PERIOD.borrow(section).set(period);
        start_exactly(ticks);
    });
}

/// Sets the timer to `ticks` after the store with which this ends.
///
/// The problem: what part of a tick has passed when the time is read differs from call to call, so
/// that an alarm of n ticks would come some instructions earlier or later. Rule: the store comes 25
/// instructions after the reading, which are exactly 32 ticks.
#[inline]
fn start_exactly(ticks: u64) {
    const LONGEST: u64 = 1 << 62;
    let ticks = ticks.min(LONGEST) + 32;
    // SAFETY: the CLINT's registers, by the invariant of `clint`; they have no effect on memory. The
    // compare register is never early in between (Privileged Architecture, "mtime and mtimecmp").
    unsafe {
        asm!(
            "2:",
            "lw {high}, 4({time})",
            "lw {low}, 0({time})",
            "lw {carry}, 4({time})",
            "bne {carry}, {high}, 2b",
            "add {low}, {low}, {ticks_low}",
            "sltu {carry}, {low}, {ticks_low}",
            "add {high}, {high}, {ticks_high}",
            "add {high}, {high}, {carry}",
            "li {carry}, -1",
            "sw {carry}, 4({compare})",
            "sw {low}, 0({compare})",
            ".rept 15",
            "nop",
            ".endr",
            "sw {high}, 4({compare})",
            time = in(reg) clint::TIME,
            compare = in(reg) clint::COMPARE,
            ticks_low = in(reg) ticks as u32,
            ticks_high = in(reg) (ticks >> 32) as u32,
            low = out(reg) _,
            high = out(reg) _,
            carry = out(reg) _,
            options(nostack),
        );
    }
}

/// Quiets the timer, or sets it to its next period. Called before the handler.
#[inline]
pub(crate) fn on_interrupt() {
    critical_section::with(|section| {
        let next = match PERIOD.borrow(section).get() {
            0 => NEVER,
            period => clint::compare().saturating_add(period),
        };
        clint::set_compare(next);
    });
}

/// The timer as the library's alarm, for one sleeper at a time. Its handler only acknowledges: the
/// interrupt itself ends the sleep.
#[derive(Debug)]
pub struct TimerAlarm(());

impl TimerAlarm {
    /// For the timer's only user, which has installed a handler of its own.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Default for TimerAlarm {
    fn default() -> Self {
        Self::new()
    }
}

impl Alarm<BoardClock> for TimerAlarm {
    fn set(&mut self, ticks: u64) {
        one_shot(ticks);
    }

    fn clear(&mut self) {
        stop();
    }
}

/// The alarm of a sleeper with a deadline. Takes the timer's line: its handler is replaced.
#[must_use]
pub fn take() -> TimerAlarm {
    Line::Timer.set_handler(Line::acknowledge);
    Line::Timer.enable();
    TimerAlarm::new()
}

/// The sleep with that alarm, for waits with a deadline.
#[must_use]
pub fn park_until() -> WithAlarm<Park, TimerAlarm> {
    WithAlarm::new(Park, take())
}
