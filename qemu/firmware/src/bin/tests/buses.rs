//! Tests of the library's buses and pins, on real devices that the host drives.

#[cfg(device = "pins")]
mod pins;
