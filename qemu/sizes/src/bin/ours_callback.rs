//! A read in the background, with a callback.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, First},
    driver::{Read, use_end},
    frame::{finish, stop, wake},
};
use wouldblock::job::{Done, Slot};

static READ: Slot<Read<First, 4>> = Slot::new();

sizes::program!(handler, foreground);

fn handler() {
    drop(READ.on_interrupt());
    wake();
}

fn ended(done: Done<Read<First, 4>>) {
    use_end(done);
}

fn foreground() -> ! {
    let Ok(()) = READ.start_with(Read::new(FIRST), ended) else { stop() };
    finish()
}
