//! Two types of drivers in all six forms.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, First, SECOND, Second},
    driver::{Driver, ReadSlot, on_interrupt, six_forms},
    frame::stop,
};

static DRIVER: Driver<First> = Driver::new(FIRST);
static READ: ReadSlot<First, 4> = ReadSlot::new();
static OTHER: Driver<Second> = Driver::new(SECOND);
static OTHER_READ: ReadSlot<Second, 8> = ReadSlot::new();

sizes::program!(handler, foreground);

fn handler() {
    on_interrupt(&DRIVER, &READ);
    on_interrupt(&OTHER, &OTHER_READ);
}

fn foreground() -> ! {
    six_forms(&DRIVER, &READ);
    six_forms(&OTHER, &OTHER_READ);
    stop()
}
