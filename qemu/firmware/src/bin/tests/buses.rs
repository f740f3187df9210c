//! Tests of buses: the library's operations on controllers, with real interrupts.

#[cfg(device = "can")]
mod can;
#[cfg(device = "can")]
mod canopen;
