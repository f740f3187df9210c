//! Retried spinning, for a limited time.

#![no_std]
#![no_main]

use sizes::{
    by_hand::spin_for,
    device::{FIRST, sink},
    frame::{finish, wake},
    timer::some_ticks,
};

sizes::program!(wake, foreground);

fn foreground() -> ! {
    if let Some(byte) = spin_for(&FIRST, some_ticks()) {
        sink(byte);
    }
    finish()
}
