//! What the binaries share: the drivers put on the board, an executor, and counting.

#![no_std]

pub mod alarm;
pub mod buffer;
pub mod count;
pub mod dma;
pub mod executor;
pub mod serial;
