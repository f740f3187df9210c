//! A bus that several drivers share.

use crate::sync::Mutex;

/// A bus `B` ([`i2c::Bus`](crate::i2c::Bus), [`spi::Bus`](crate::spi::Bus)) for up to `W` devices
/// ([`Device`](super::Device), [`SpiDevice`](super::SpiDevice)): blocking and async drivers at once, in any
/// tasks and handlers' executors, and for others by [`try_lock`](Mutex::try_lock).
pub type SharedBus<B, const W: usize> = Mutex<B, W>;
