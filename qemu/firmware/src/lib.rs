//! What the binaries share: the devices with their tries counted, executors, and what measures.

#![no_std]

pub mod command;
pub mod disk_image;
pub mod dma;
pub mod embassy_time;
pub mod executor;
pub mod measure;
pub mod report;
pub mod serial;
pub mod task;
