//! What the binaries share: the devices with their tries counted, executors, and what measures.

#![no_std]

pub mod command;
#[cfg(device = "disk")]
pub mod disk_image;
#[cfg(device = "dma")]
pub mod dma;
pub mod embassy_time;
pub mod executor;
pub mod measure;
pub mod report;
#[cfg(device = "serial")]
pub mod serial;
pub mod task;
pub mod wide;
