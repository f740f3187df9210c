//! A bus with a blocking driver and then an async one.

#![no_std]
#![no_main]

use sizes::{
    frame::stop,
    i2c::{
        awaited, blocking,
        by_hand::{Awaited, Blocking, on_interrupt},
        quiet,
    },
};

sizes::program!(handler, foreground);

fn handler() {
    quiet();
    on_interrupt();
}

fn foreground() -> ! {
    blocking(Blocking);
    awaited(Awaited);
    stop()
}
