//! Tests of the library's buses and pins, on real devices.

#[cfg(device = "can")]
mod can;
#[cfg(device = "can")]
mod canopen;
#[cfg(device = "pins")]
mod pins;
