//! The alarm: the CLINT's timer, which interrupts on [`Line::Timer`], and the library's alarm on it.
//!
//! How many instructions before it interrupts is in the machine's module `timer`.
//!
//! The problem: with `sleep=off` the time of an idle machine leaps to the next alarm, also to one at the
//! end of time, which is how a RISC-V timer is usually quieted. Rule: the timer is quieted by its bit in
//! `mie`, and the compare register is left behind.

use core::{
    cell::Cell,
    sync::atomic::{AtomicBool, Ordering},
};

use critical_section::Mutex;
use riscv::register::mie;
use wouldblock::{block::WithAlarm, time::Alarm};

use crate::{
    clint,
    counter::BoardClock,
    idle::Park,
    interrupts::Line,
    machine::timer::{self, FREQUENCY, start_exactly},
};

/// Ticks from one placement to the next when an interrupt is placed at every instruction: no more
/// than an instruction takes, under `-icount shift=7`.
pub const STEP: u64 = 1;

/// Whether an interrupt is to come; the timer's bit in `mie` is set while that is so and the line is
/// enabled. Both are changed in critical sections.
static ARMED: AtomicBool = AtomicBool::new(false);
static ENABLED: AtomicBool = AtomicBool::new(false);

/// The CLINT's time from one interrupt to the next; 0 if it comes once.
static PERIOD: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

/// In ticks. A sleeper that is woken early sleeps again.
const DAY: u64 = 24 * 60 * 60 * FREQUENCY;

/// Interrupts once, `ticks` (at least 1, at most those of a day) from now.
#[inline]
pub fn one_shot(ticks: u64) {
    start(0, || start_exactly(ticks.clamp(1, DAY)));
}

/// Interrupts every `ticks`, with limits as [`one_shot`].
#[inline]
pub fn periodic(ticks: u64) {
    start(timer::period(ticks), || start_exactly(ticks.clamp(1, DAY)));
}

/// No further interrupts.
pub fn stop() {
    critical_section::with(|section| {
        PERIOD.borrow(section).set(0);
        if ARMED.load(Ordering::Relaxed) {
            start_exactly(1); // So that an idle machine's time does not leap to the alarm.
        }
        set_armed(false);
    });
}

/// Whether an interrupt is still to come.
#[must_use]
pub fn is_running() -> bool {
    critical_section::with(|section| {
        ARMED.load(Ordering::Relaxed)
            && (PERIOD.borrow(section).get() != 0 || clint::compare() > clint::time())
    })
}

/// The frequency of the timer.
#[must_use]
pub const fn ticks_per_second() -> u64 {
    FREQUENCY
}

/// `set` sets the timer. An alarm that is already due would leave the timer of QEMU where it was.
#[inline]
fn start(period: u64, set: impl FnOnce()) {
    critical_section::with(|section| {
        PERIOD.borrow(section).set(period);
        set_armed(true);
        set();
    });
}

/// Quiets the timer, or sets it to its next period. Called before the handler.
#[inline]
pub(crate) fn on_interrupt() {
    critical_section::with(|section| match PERIOD.borrow(section).get() {
        0 => set_armed(false),
        period => clint::set_compare(clint::compare().saturating_add(period)),
    });
}

/// Lets the timer interrupt, or keeps it from that: the line.
pub(crate) fn set_enabled(enabled: bool) {
    critical_section::with(|_| {
        ENABLED.store(enabled, Ordering::Relaxed);
        set_armed(ARMED.load(Ordering::Relaxed));
    });
}

/// In a critical section.
#[inline]
fn set_armed(armed: bool) {
    ARMED.store(armed, Ordering::Relaxed);
    // SAFETY: no code takes this bit for a critical section.
    unsafe {
        if armed && ENABLED.load(Ordering::Relaxed) {
            mie::set_mtimer()
        } else {
            mie::clear_mtimer()
        }
    }
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
