//! The awaited delay.

use core::time::Duration;

use embedded_hal_async::delay::DelayNs;

use crate::time::{Alarm, AlarmDelay, Clock};

/// # Cancel safety
/// Readiness: nothing but the time is lost.
impl<C: Clock, L: Alarm<C>> DelayNs for AlarmDelay<'_, C, L> {
    async fn delay_ns(&mut self, ns: u32) {
        let Ok(()) = self.after(Duration::from_nanos(ns.into())).await;
    }

    async fn delay_us(&mut self, us: u32) {
        let Ok(()) = self.after(Duration::from_micros(us.into())).await;
    }

    async fn delay_ms(&mut self, ms: u32) {
        let Ok(()) = self.after(Duration::from_millis(ms.into())).await;
    }
}
