//! The rows of devices that the board lacks, or that are not plugged into this machine: each is
//! reported as absent, with the reason.

#[cfg(not(target_arch = "x86_64"))]
pub mod cache;
pub mod disk;
pub mod dma;
#[cfg(not(device = "serial"))]
mod without_serial;

#[cfg(not(device = "serial"))]
pub use without_serial::{concurrency, echo, serial};
