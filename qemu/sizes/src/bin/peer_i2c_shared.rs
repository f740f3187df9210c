//! A bus that a blocking driver and an async one share.

#![no_std]
#![no_main]

use sizes::{
    frame::stop,
    i2c::{
        awaited, blocking,
        by_hand::on_interrupt,
        quiet,
        shared::{Lock, Shared},
    },
};

static LOCK: Lock = Lock::new(());

sizes::program!(handler, foreground);

fn handler() {
    quiet();
    on_interrupt();
}

fn foreground() -> ! {
    blocking(Shared(&LOCK));
    awaited(Shared(&LOCK));
    stop()
}
