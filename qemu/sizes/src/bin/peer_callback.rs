//! A read in the background, with a callback: a function pointer in a `static`.

#![no_std]
#![no_main]

use sizes::{
    by_hand::Read,
    device::{FIRST, sink},
    frame::{finish, wake},
};

static READ: Read<fn([u8; 4]), 4> = Read::new();

sizes::program!(handler, foreground);

fn handler() {
    if let Some((bytes, callback)) = READ.step(&FIRST) {
        callback(bytes);
    }
    wake();
}

fn ended(bytes: [u8; 4]) {
    sink(bytes[3]);
}

fn foreground() -> ! {
    READ.start(&FIRST, ended);
    finish()
}
