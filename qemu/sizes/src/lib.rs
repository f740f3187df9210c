//! Programs whose bytes the bench `size` counts: each way to wait for a device, by the library
//! (`ours_…`, as the guide teaches it) and by hand (`peer_…`, in the smallest form that an expert would
//! write). They are linked for every processor and never booted.
//!
//! | module | what it holds |
//! |---|---|
//! | [`frame`] | what every program has: start, vectors, an executor |
//! | [`device`] | the device: its registers, and one try. Both sides use it |
//! | [`timer`] | a clock and an alarm |
//! | [`driver`] | a driver of the device by the library |
//! | [`by_hand`] | a driver of the device by hand |
//! | [`i2c`] | a bus, by the library and by hand, and what drivers from crates.io do on it |
//! | [`in_handler`] | a value that is put into a `static` for the handler |
//!
//! Every program ends in [`stop`](frame::stop), so nothing is counted that is dropped at the end of
//! `main`.

#![no_std]

pub mod by_hand;
pub mod device;
pub mod driver;
pub mod frame;
pub mod i2c;
pub mod in_handler;
mod registers;
pub mod timer;
