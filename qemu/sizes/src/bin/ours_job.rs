//! A read in the background, awaited.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, First},
    driver::{Read, use_end},
    frame::{block_on, stop},
};
use wouldblock::job::Slot;

static READ: Slot<Read<First, 4>> = Slot::new();

sizes::program!(handler, foreground);

fn handler() {
    drop(READ.on_interrupt());
}

fn foreground() -> ! {
    let Ok(job) = READ.start(Read::new(FIRST)) else { stop() };
    use_end(block_on(job));
    stop()
}
