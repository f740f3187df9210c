//! Sharing between a handler and the foreground, and between cores.

#[cfg(feature = "heapless")]
mod channel;
mod mutex;

#[cfg(feature = "heapless")]
pub use channel::{Channel, Receive, Receiver, Send, Sender};
pub use mutex::{Lock, Mutex, MutexGuard};
