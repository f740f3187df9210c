//! Two types of drivers in all six forms.

#![no_std]
#![no_main]

use sizes::{
    by_hand::Driver,
    device::{FIRST, First, SECOND, Second},
    frame::stop,
};

static DRIVER: Driver<First, 4> = Driver::new(FIRST);
static OTHER: Driver<Second, 8> = Driver::new(SECOND);

sizes::program!(handler, foreground);

fn handler() {
    DRIVER.on_interrupt();
    OTHER.on_interrupt();
}

fn foreground() -> ! {
    DRIVER.six_forms();
    OTHER.six_forms();
    stop()
}
