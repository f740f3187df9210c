//! The local APIC's timer as the alarm of a sleeper with a deadline.

use board::{
    interrupts::Line,
    timer::{one_shot, stop, ticks_per_second},
};
use wouldblock::{
    block::WithAlarm,
    time::{Alarm, Clock},
    x86_64::{Park, TscClock},
};

use crate::count::clock;

/// The timer, for one sleeper at a time. Its interrupt does nothing: that it came is what wakes.
#[derive(Debug)]
pub struct TimerAlarm(());

impl TimerAlarm {
    /// For the timer's one user.
    pub(crate) const fn new() -> Self {
        Self(())
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

/// The alarm of a sleeper with a deadline. Takes the timer's line for itself.
pub fn take() -> TimerAlarm {
    Line::Timer.set_handler(Line::acknowledge);
    Line::Timer.enable();
    TimerAlarm::new()
}

/// Sleep with that alarm.
pub fn park_until() -> WithAlarm<Park, TimerAlarm> {
    Park::until(take())
}
