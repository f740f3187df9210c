//! Alarms: interrupts that end a sleep, or the wait of a suspended task, at a given time.

use core::{convert::Infallible, time::Duration};

use super::{Clock, Deadline};
use crate::{
    attempt::Attempt,
    event::{Operation, Waiter, wait::Wait},
};

/// One interrupt, a given number of ticks of its clock from now.
pub trait Alarm<C: Clock> {
    /// Raises one interrupt, at the latest `ticks` from now. Replaces the alarm that was set
    /// before. If `ticks` is more than the hardware can hold, it sets the longest time that the
    /// hardware holds: a sleeper that is woken early reads its deadline and sleeps again.
    fn set(&mut self, ticks: u64);

    /// Cancels the alarm: no interrupt follows. Does nothing if no alarm is set.
    fn clear(&mut self);
}

/// Delays for a task or a sleeper. A clock measures the delay, and the interrupt of an alarm ends
/// the wait. The handler of the alarm must signal the event of the waiter that this has.
///
/// ```
/// use core::time::Duration;
/// use wouldblock::{event::Event, time::{Alarm, AlarmDelay, Clock}};
/// # struct Counter;
/// # impl Clock for Counter { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u64 { 1 } }
/// # impl Alarm<Counter> for Counter { fn set(&mut self, _: u64) {} fn clear(&mut self) {} }
/// # let (clock, alarm) = (Counter, Counter);
/// static TIMER: Event = Event::new();
///
/// fn on_timer() {
///     // quiet the timer, acknowledge the interrupt, then:
///     TIMER.signal();
/// }
///
/// let waiter = TIMER.waiter().expect("one waiter at a time");
/// let mut delay = AlarmDelay::new(clock, alarm, waiter);
/// # async {
/// let Ok(()) = delay.after(Duration::from_millis(5)).await; // or as a time-out: `op.within(..)`
/// # };
/// ```
///
/// With the feature `embedded-hal-async` it is a `DelayNs`.
#[doc(alias = "timeout")]
#[derive(Debug)]
pub struct AlarmDelay<'e, C, L> {
    clock: C,
    alarm: L,
    waiter: Waiter<'e>,
}

impl<'e, C: Clock, L: Alarm<C>> AlarmDelay<'e, C, L> {
    /// Delays on `clock`, ended by `alarm`. Its handler must signal the event of `waiter`.
    pub const fn new(clock: C, alarm: L, waiter: Waiter<'e>) -> Self {
        Self { clock, alarm, waiter }
    }

    /// Ends `duration` from now, never earlier, in every form. As the bound of another operation it
    /// is the time-out of that operation: `op.within(delay.after(duration))`.
    ///
    /// # Cancel safety
    /// Readiness: nothing but the time is lost.
    #[doc(alias = "timeout")]
    #[inline]
    pub fn after(
        &mut self,
        duration: Duration,
    ) -> Operation<impl Wait<Output = (), Error = Infallible>> {
        let deadline = Deadline::after(&self.clock, duration);
        self.waiter.operation(Sleep { deadline, alarm: &mut self.alarm })
    }
}

/// See [`AlarmDelay::after`].
struct Sleep<'a, C, L> {
    deadline: Deadline<&'a C>,
    alarm: &'a mut L,
}

impl<C: Clock, L: Alarm<C>> Attempt for Sleep<'_, C, L> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.deadline.attempt()
    }

    // An alarm that is due at once still interrupts.
    fn arm(&mut self) {
        self.alarm.set(self.deadline.sleep_ticks());
    }

    fn disarm(&mut self) {
        self.alarm.clear();
    }
}
