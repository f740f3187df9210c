//! Sharing between a handler and the foreground, and between cores.

pub mod atomic;
mod channel;
mod mutex;
mod sending;
#[cfg(feature = "heapless")]
mod shared_channel;

pub use channel::{Channel, Receiver, Sender};
pub use mutex::{Lock, Locker, Mutex, MutexGuard};
#[cfg(feature = "heapless")]
pub use shared_channel::{SharedChannel, SharedReceiver, SharedSender};
