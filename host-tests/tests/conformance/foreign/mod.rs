//! Implementations of other crates, unchanged. Where one breaks a promise, the test says which.

mod i2c;
mod pins;
mod spi;
