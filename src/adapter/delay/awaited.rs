//! `embedded-hal-async`: the awaited delay, ended by an alarm's interrupt.

use core::{convert::Infallible, time::Duration};

use embedded_hal_async::delay::DelayNs;

use super::Elapse;
use crate::{
    attempt::Attempt,
    event::Waiter,
    time::{Alarm, Clock},
};

/// An awaited delay: a clock says how long, an alarm's interrupt wakes. The handler signals the
/// event whose waiter this is:
///
/// ```
/// use wouldblock::{adapter::AlarmDelay, event::Event, time::{Alarm, Clock}};
/// # struct Counter; impl Clock for Counter { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u64 { 1 } }
/// # struct Timer; impl Alarm<Counter> for Timer { fn set(&mut self, _: u64) {} fn clear(&mut self) {} }
///
/// static TIMER: Event = Event::new();
///
/// fn on_timer() {
///     // quiet the timer, acknowledge the interrupt, then:
///     TIMER.signal(0);
/// }
///
/// let waiter = TIMER.waiter().expect("one waiter at a time");
/// let delay = AlarmDelay::new(Counter, Timer, waiter); // an embedded_hal_async::delay::DelayNs
/// ```
///
/// # Cancel safety
/// A delay that is dropped clears the alarm, and that is all there is of it. One that is forgotten
/// leaves the alarm set: it signals in vain, nothing else.
#[derive(Debug)]
pub struct AlarmDelay<'e, C, L> {
    clock: C,
    alarm: L,
    waiter: Waiter<'e>,
}

impl<'e, C: Clock, L: Alarm<C>> AlarmDelay<'e, C, L> {
    /// Delays counted by `clock`, ended by `alarm`, whose handler signals the event of `waiter`.
    pub const fn new(clock: C, alarm: L, waiter: Waiter<'e>) -> Self {
        Self { clock, alarm, waiter }
    }

    /// Suspends for at least `duration`.
    ///
    /// # Cancel safety
    /// Readiness: nothing but the time is lost.
    pub async fn delay(&mut self, duration: Duration) {
        let elapse = Elapse::new(&self.clock, duration);
        let Ok(()) = self.waiter.operation(Sleep { elapse, alarm: &mut self.alarm }).await;
    }
}

impl<C: Clock, L: Alarm<C>> DelayNs for AlarmDelay<'_, C, L> {
    async fn delay_ns(&mut self, ns: u32) {
        self.delay(Duration::from_nanos(ns.into())).await;
    }

    async fn delay_us(&mut self, us: u32) {
        self.delay(Duration::from_micros(us.into())).await;
    }

    async fn delay_ms(&mut self, ms: u32) {
        self.delay(Duration::from_millis(ms.into())).await;
    }
}

struct Sleep<'a, C, L> {
    elapse: Elapse<&'a C>,
    alarm: &'a mut L,
}

impl<C: Clock, L: Alarm<C>> Attempt for Sleep<'_, C, L> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.elapse.attempt()
    }

    /// An alarm that is due at once still interrupts. One for longer than half the clock's range is
    /// cut to that, so that the clock is looked at in time.
    fn arm(&mut self) {
        let longest = u64::MAX >> (65 - C::BITS).min(63);
        self.alarm.set(u64::try_from(self.elapse.look()).map_or(longest, |left| left.min(longest)));
    }

    fn disarm(&mut self) {
        self.alarm.clear();
    }
}
