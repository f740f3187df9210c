//! Tests of the library's buses, flash and pins, on real devices.

#[cfg(device = "can")]
mod can;
#[cfg(device = "can")]
mod canopen;
#[cfg(device = "i2c")]
mod i2c;
#[cfg(device = "flash")]
mod nor_flash;
#[cfg(device = "pins")]
mod pins;
#[cfg(device = "spi")]
mod spi;
