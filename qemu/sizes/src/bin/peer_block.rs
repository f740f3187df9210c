//! Retried asleep.

#![no_std]
#![no_main]

use sizes::{
    by_hand::block,
    device::{FIRST, sink},
    frame::{finish, wake},
};

sizes::program!(wake, foreground);

fn foreground() -> ! {
    sink(block(&FIRST));
    finish()
}
