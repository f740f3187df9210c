//! A bus that several drivers share.

use crate::sync::Mutex;

/// A bus `B` ([`i2c::Bus`](crate::i2c::Bus), [`spi::Bus`](crate::spi::Bus)) for up to `W` devices
/// ([`I2cDevice`](super::I2cDevice), [`SpiDevice`](super::SpiDevice)): blocking and async drivers at once, in any
/// tasks and handlers' executors, and for others by [`try_lock`](Mutex::try_lock).
///
/// # Fairness
/// There is no queue. When the bus becomes free, all that wait are woken, and the first to try gets
/// it: the caller of the highest priority. So a driver that makes one transaction after the other
/// without a pause may keep a driver of lower priority waiting for ever.
///
/// # A blocking call inside a task
/// It keeps its executor from running. If a task of the same executor, or of one of lower priority,
/// holds the bus, that task cannot continue, so the call waits for ever; with [`For`](super::For) it
/// ends in a time-out. The same holds in a handler: there, use one
/// [`try_lock`](Mutex::try_lock) of the bus and tries of its transaction.
pub type SharedBus<B, const W: usize> = Mutex<B, W>;
