//! A driver in all six forms.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, First},
    driver::{Driver, ReadSlot, on_interrupt, six_forms},
    frame::stop,
};

static DRIVER: Driver<First> = Driver::new(FIRST);
static READ: ReadSlot<First, 4> = ReadSlot::new();

sizes::program!(handler, foreground);

fn handler() {
    on_interrupt(&DRIVER, &READ);
}

fn foreground() -> ! {
    six_forms(&DRIVER, &READ);
    stop()
}
