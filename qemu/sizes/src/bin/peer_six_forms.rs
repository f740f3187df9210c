//! A driver in all six forms.

#![no_std]
#![no_main]

use sizes::{
    by_hand::Driver,
    device::{FIRST, First},
    frame::stop,
};

static DRIVER: Driver<First, 4> = Driver::new(FIRST);

sizes::program!(handler, foreground);

fn handler() {
    DRIVER.on_interrupt();
}

fn foreground() -> ! {
    DRIVER.six_forms();
    stop()
}
