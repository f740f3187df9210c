//! `embedded-hal`: the blocking delay, to and fro.

use core::time::Duration;

use embedded_hal::delay::DelayNs;

use crate::{
    block::{self, Idle},
    time::{Clock, Deadline},
};

/// A blocking delay over any clock. It spins, and works with interrupts masked.
///
/// ```
/// # #[cfg(feature = "std")] {
/// use embedded_hal::delay::DelayNs;
/// use wouldblock::{adapter::Delay, time::StdClock};
///
/// let begun = std::time::Instant::now();
/// Delay::new(StdClock::new()).delay_us(300);
/// assert!(begun.elapsed().as_micros() >= 300);
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Delay<C> {
    clock: C,
}

impl<C: Clock> Delay<C> {
    /// Delays counted by `clock`.
    pub const fn new(clock: C) -> Self {
        Self { clock }
    }

    /// Pauses for at least `duration`.
    pub fn delay(&mut self, duration: Duration) {
        let Ok(()) = block::block(Deadline::after(&self.clock, duration));
    }
}

impl<C: Clock> DelayNs for Delay<C> {
    fn delay_ns(&mut self, ns: u32) {
        self.delay(Duration::from_nanos(ns.into()));
    }

    fn delay_us(&mut self, us: u32) {
        self.delay(Duration::from_micros(us.into()));
    }

    fn delay_ms(&mut self, ms: u32) {
        self.delay(Duration::from_millis(ms.into()));
    }
}

/// Passes the time between two tries with a delay: for a device that is polled, and whose bus or
/// whose processor's heat does not bear a try every few instructions.
///
/// News that comes during a delay is heard at its end, up to one `pause` late. It is no
/// [`IdleUntil`](crate::block::IdleUntil): it could oversleep a deadline by as much.
///
/// ```
/// use embedded_hal::delay::DelayNs;
/// use wouldblock::{adapter::Pacer, attempt, event::Event};
/// # struct Cycles(u32);
/// # impl DelayNs for Cycles { fn delay_ns(&mut self, ns: u32) { self.0 += ns } }
/// # let mut delay = Cycles(0);
///
/// let event = Event::new(); // the device has no interrupt: nobody signals it
/// let mut waiter = event.waiter().unwrap();
/// let mut polls_left = 3;
/// let mut conversion = waiter.operation(attempt::from_fn(|| {
///     polls_left -= 1;
///     if polls_left == 0 { Ok::<_, nb::Error<()>>(42) } else { Err(nb::Error::WouldBlock) }
/// }));
/// assert_eq!(conversion.block(Pacer::new(&mut delay, 500)), Ok(42));
/// # assert_eq!(delay.0, 2 * 500_000);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pacer<D> {
    delay: D,
    pause: u32,
}

impl<D: DelayNs> Pacer<D> {
    /// A try every `pause` microseconds at most.
    pub const fn new(delay: D, pause: u32) -> Self {
        Self { delay, pause }
    }
}

impl<D: DelayNs> Idle for Pacer<D> {
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !news() {
            self.delay.delay_us(self.pause);
        }
    }
}
