//! The alarm: the local APIC's timer, which interrupts on
//! [`Line::Timer`], and the library's alarm on it. Each core has a
//! timer of its own.
//!
//! Under `-icount shift=0` a one-shot of n ticks interrupts exactly n instructions after the store
//! that starts it, which is the last thing that [`one_shot`] does. [`counter`] says
//! when QEMU 7.2 departs from that.

use wouldblock::{
    block::{Park, WithAlarm},
    time::{Alarm, Clock},
    x86_64::TscClock,
};

use crate::{
    apic::local,
    counter::{self, clock},
    interrupts::Line,
};

/// QEMU's local APIC counts nanoseconds.
const TICKS_PER_SECOND: u64 = 1_000_000_000;

/// Ticks from one placement to the next when an interrupt is placed at every instruction: no more
/// than an instruction takes, under `-icount shift=0`.
pub const STEP: u64 = 1;

/// Interrupts once, `ticks` (at least 2) from now. Above 2³²−1 ticks it is rounded up, to at most a
/// 128th of that; the longest is 2³⁹ ticks.
#[inline]
pub fn one_shot(ticks: u64) {
    start(false, ticks);
}

/// Interrupts every `ticks`, with limits as [`one_shot`].
#[inline]
pub fn periodic(ticks: u64) {
    start(true, ticks);
}

/// No further interrupts. One that is already on its way still comes.
pub fn stop() {
    local::stop_timer();
}

/// Whether an interrupt is still to come.
#[must_use]
pub fn is_running() -> bool {
    local::timer_count() != 0
}

/// The frequency of the local APIC's timer.
#[must_use]
pub fn ticks_per_second() -> u64 {
    TICKS_PER_SECOND
}

#[inline]
fn start(periodic: bool, ticks: u64) {
    let bits = u64::BITS - ticks.leading_zeros();
    let shift = bits.saturating_sub(u32::BITS).min(7);
    // QEMU's timer takes one tick more than its count, and a count of 0 stops it.
    let count = ticks.div_ceil(1 << shift).saturating_sub(1).clamp(1, u32::MAX.into()) as u32;
    local::set_up_timer(periodic, shift);
    local::start_timer(count);
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

impl Alarm<TscClock> for TimerAlarm {
    fn set(&mut self, ticks: u64) {
        let ticks = u128::from(ticks) * u128::from(ticks_per_second());
        let ticks = ticks.div_ceil(u128::from(clock().frequency()));
        one_shot(u64::try_from(ticks).unwrap_or(u64::MAX));
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
    Park::until(take())
}

/// Measures the counter against the timer. Called once, by `start`.
///
/// A first, short measure tells whether both count the same thing, as under `-icount`, where a
/// longer measure would cost real time and gain nothing.
pub(crate) fn calibrate_counter() {
    local::set_up_timer(false, 0);
    let (ticks, cycles) = measure(10_000);
    let frequency = if ticks == cycles {
        TICKS_PER_SECOND
    } else {
        let (ticks, cycles) = measure(5_000_000);
        (u128::from(cycles) * u128::from(TICKS_PER_SECOND) / u128::from(ticks)) as u64
    };
    local::stop_timer();
    counter::set_frequency(frequency);
}

/// Ticks and cycles between two readings of both, at least `least` ticks apart.
fn measure(least: u32) -> (u64, u64) {
    #[inline(never)]
    fn both() -> (u32, u64) {
        (local::timer_count(), counter::now())
    }
    local::start_timer(u32::MAX);
    let first = both();
    loop {
        let last = both();
        let ticks = first.0 - last.0;
        if ticks >= least {
            return (ticks.into(), last.1 - first.1);
        }
    }
}
