//! Alarms: what ends a sleep, or a suspended task's wait, at a given time.

use core::{convert::Infallible, time::Duration};

use super::{Clock, Deadline};
use crate::{
    attempt::Attempt,
    event::{Operation, Waiter, wait::Tied},
};

/// An alarm: one interrupt, that many ticks of its clock from now.
pub trait Alarm<C: Clock> {
    /// Raises one interrupt at the latest `ticks` from now. A span the hardware cannot hold is cut
    /// short: a sleeper that is woken early looks at its deadline and sleeps again. Replaces what
    /// was set before.
    fn set(&mut self, ticks: u64);

    /// No interrupt follows any more. Does nothing where none is set.
    fn clear(&mut self);
}

/// Delays that a task or a sleeper waits for: a clock says how long, an alarm's interrupt ends the
/// wait. The alarm's handler signals the event whose waiter this has.
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
    /// Delays on `clock`, by `alarm`, whose handler signals the waiter's event.
    pub const fn new(clock: C, alarm: L, waiter: Waiter<'e>) -> Self {
        Self { clock, alarm, waiter }
    }

    /// Ends `duration` from now, never earlier, in every form. As the bound of another operation it
    /// is that one's time-out: `op.within(delay.after(duration))`.
    ///
    /// # Cancel safety
    /// Readiness: nothing but the time is lost.
    #[inline]
    pub fn after(&mut self, duration: Duration) -> Operation<Tied<'_, Sleep<'_, C, L>>> {
        let deadline = Deadline::after(&self.clock, duration);
        self.waiter.operation(Sleep { deadline, alarm: &mut self.alarm })
    }
}

/// See [`AlarmDelay::after`].
#[derive(Debug)]
#[must_use = "an attempt does nothing until it is tried"]
pub struct Sleep<'a, C, L> {
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

    /// An alarm that is due at once still interrupts.
    fn arm(&mut self) {
        self.alarm.set(self.deadline.sleep_ticks());
    }

    fn disarm(&mut self) {
        self.alarm.clear();
    }
}
