//! What the binaries share: the drivers put on the board, an executor, and counting.

#![no_std]

pub mod alarm;
pub mod block;
pub mod buffer;
pub mod count;
pub mod disk_image;
pub mod dma;
pub mod embassy_time;
pub mod exact;
pub mod executor;
pub mod masked;
pub mod serial;
pub mod task;
pub mod timer;
