//! The sleep until the next interrupt. [`alarm::park_until`](crate::alarm::park_until) is the one
//! for waits with a deadline.

pub use wouldblock::x86_64::Park;
