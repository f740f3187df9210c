//! Drivers for the board's devices, as a user writes them on the library.
//!
//! | module | what it drives |
//! |---|---|
//! | [`serial`] | a 16550: the library's driver on the board's registers |
//! | [`dma`] | the edu device's DMA engine |
//! | `flash` | the DMA engine of a flash controller |
//! | `nor_flash` | the chip of that controller, by its commands |
//! | `i2c` | a controller of an I2C bus |
//! | `spi` | controllers of SPI buses |
//! | `pins` | pins of a GPIO controller, in and out |
//! | [`timer`] | the board's timer, as a background operation |
//! | [`disk`] | a virtio disk, many requests in flight |
//! | [`can`] | the SJA1000s of two cards on one CAN bus |
//! | [`buffer`] | memory that an operation can own |
//!
//! A driver is built where the board has its device.
//!
//! No driver here measures itself. A program that measures wraps the operations: a slot is generic
//! over its operation, and so are [`serial::Port`] and [`dma::on_interrupt`].

#![no_std]

pub mod buffer;
#[cfg(device = "can")]
pub mod can;
#[cfg(device = "disk")]
pub mod disk;
#[cfg(device = "dma")]
pub mod dma;
#[cfg(device = "flash")]
pub mod flash;
#[cfg(device = "i2c")]
pub mod i2c;
#[cfg(device = "flash")]
pub mod nor_flash;
#[cfg(device = "pins")]
pub mod pins;
#[cfg(device = "serial")]
pub mod serial;
#[cfg(device = "spi")]
pub mod spi;
pub mod timer;
