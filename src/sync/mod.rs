//! Sharing between a handler and the foreground, and between cores.

#[cfg(feature = "heapless")]
mod channel;
mod mutex;
#[cfg(feature = "heapless")]
mod shared_channel;

#[cfg(feature = "heapless")]
pub use channel::{Channel, Receive, Receiver, Send, Sender};
pub use mutex::{Lock, Locker, Mutex, MutexGuard};
#[cfg(feature = "heapless")]
pub use shared_channel::{SharedChannel, SharedReceive, SharedReceiver, SharedSend, SharedSender};
