//! What the tests of `wouldblock` share: a clock that a test sets, a log of calls in their order,
//! wakers that report what is done to them, a source of tokens, operations that do nothing, random
//! numbers that are the same in every run, what a sweep's report must say, a port of input pins, and a
//! 16550 and an SPI controller that panic at misuse.

pub mod clock;
pub mod fake_16550;
pub mod gpio;
pub mod log;
pub mod log_layout;
pub mod operation;
pub mod source;
pub mod spi;
pub mod sweep;
pub mod waker;
pub mod xorshift;

/// Leaks `value`, for what must live for ever.
pub fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
