//! `embedded-hal`: the blocking delay.

use core::time::Duration;

use embedded_hal::delay::DelayNs;

use crate::{
    block,
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
    /// Measures its delays with `clock`.
    pub const fn new(clock: C) -> Self {
        Self { clock }
    }

    fn delay(&self, duration: Duration) {
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
