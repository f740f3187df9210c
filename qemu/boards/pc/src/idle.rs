//! The sleep until the next interrupt. [`alarm::park_until`](crate::alarm::park_until) is the one
//! for waits with a deadline.

pub use wouldblock::block::Park;
pub use x86_64::instructions::{hlt as sleep, interrupts::enable_and_hlt as enable_and_sleep};
