//! The alarm: SysTick, which interrupts on [`Line::Timer`], and the library's alarm on it.
//!
//! SysTick counts down and begins again; with 0 as what it begins again with, it stops when it has
//! counted down (Armv7-M Architecture Reference Manual, B3.3.1). So a one-shot is an interrupt that
//! needs nothing of its handler.

use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m::{
    asm::nop,
    peripheral::{SYST, syst},
};
use wouldblock::{block::WithAlarm, time::Alarm};

use crate::{chip::chip, counter::BoardClock, idle::Park, interrupts::Line};

/// The longest time, in ticks: 24 bits.
const LONGEST: u64 = (1 << 24) - 1;

const ENABLE: u32 = 1;
const INTERRUPT: u32 = 1 << 1;
const PROCESSOR_CLOCK: u32 = 1 << 2;

/// Whether [`Line::Timer`] is enabled.
static ENABLED: AtomicBool = AtomicBool::new(false);

/// Interrupts once, `ticks` (at least 2) from now; at most 2²⁴ − 1.
#[inline]
pub fn one_shot(ticks: u64) {
    start(ticks, true);
}

/// Interrupts every `ticks`, with limits as [`one_shot`].
///
/// In QEMU 7.2 a processor that is asleep when a period ends sleeps on until the next one ends, under
/// `-icount` without sleep: the clock leaps to the next period before the first interrupt is seen.
#[inline]
pub fn periodic(ticks: u64) {
    start(ticks, false);
}

#[inline]
fn start(ticks: u64, once: bool) {
    let reload = ticks.saturating_sub(1).clamp(1, LONGEST) as u32;
    with(|timer, control| {
        // SAFETY: the timer touches nothing but itself and its interrupt.
        unsafe {
            timer.csr.write(control);
            timer.rvr.write(reload);
            timer.cvr.write(0);
            timer.csr.write(control | ENABLE);
            if once {
                // The count is loaded at the first tick, which QEMU makes after the next instruction.
                nop();
                nop();
                timer.rvr.write(0);
            }
        }
    });
}

/// No further interrupts. One that is already on its way still comes.
pub fn stop() {
    // SAFETY: the timer touches nothing but itself and its interrupt.
    with(|timer, control| unsafe { timer.csr.write(control) });
}

/// Whether an interrupt is still to come.
#[must_use]
pub fn is_running() -> bool {
    with(|timer, _| {
        timer.csr.read() & ENABLE != 0 && (timer.rvr.read() != 0 || timer.cvr.read() != 0)
    })
}

/// The frequency of SysTick.
#[must_use]
pub fn ticks_per_second() -> u64 {
    chip().timer_frequency.into()
}

/// Lets the timer interrupt, or not.
pub(crate) fn set_enabled(enabled: bool) {
    ENABLED.store(enabled, Ordering::Relaxed);
    with(|timer, control| {
        let running = timer.csr.read() & ENABLE;
        // SAFETY: the timer touches nothing but itself and its interrupt.
        unsafe { timer.csr.write(control | running) };
    });
}

/// The timer, and its control register's value when it is stopped. A handler may start the timer, too.
#[inline]
fn with<T>(f: impl FnOnce(&syst::RegisterBlock, u32) -> T) -> T {
    critical_section::with(|_| {
        let interrupt = if ENABLED.load(Ordering::Relaxed) { INTERRUPT } else { 0 };
        // SAFETY: the timer's registers, which only this module uses.
        f(unsafe { &*SYST::PTR }, PROCESSOR_CLOCK | interrupt)
    })
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
        // 32 bits, since this is in every sleep with a deadline, and few of these processors divide 64.
        let (timer, counter) = chip().timer_per_counter;
        let longest = LONGEST as u32 / timer * counter;
        let ticks = u32::try_from(ticks).map_or(longest, |ticks| ticks.min(longest));
        one_shot((ticks * timer).div_ceil(counter).into());
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
