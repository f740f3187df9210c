//! A bus with an async driver.

#![no_std]
#![no_main]

use sizes::{
    frame::stop,
    i2c::{
        awaited,
        by_hand::{Awaited, on_interrupt},
        quiet,
    },
};

sizes::program!(handler, foreground);

fn handler() {
    quiet();
    on_interrupt();
}

fn foreground() -> ! {
    awaited(Awaited);
    stop()
}
