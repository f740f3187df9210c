//! A bus with two blocking drivers and an async one, one after the other.

#![no_std]
#![no_main]

use sizes::{
    frame::stop,
    i2c::{
        awaited, blocking,
        by_hand::{Awaited, Blocking, on_interrupt},
        quiet, second,
    },
};

sizes::program!(handler, foreground);

fn handler() {
    quiet();
    on_interrupt();
}

fn foreground() -> ! {
    second(blocking(Blocking));
    awaited(Awaited);
    stop()
}
