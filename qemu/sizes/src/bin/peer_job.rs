//! A read in the background, awaited.

#![no_std]
#![no_main]

use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal};
use sizes::{
    by_hand::Read,
    device::{FIRST, sink},
    frame::{block_on, stop},
};

static READ: Read<(), 4> = Read::new();
static ENDED: Signal<CriticalSectionRawMutex, [u8; 4]> = Signal::new();

sizes::program!(handler, foreground);

fn handler() {
    if let Some((bytes, ())) = READ.step(&FIRST) {
        ENDED.signal(bytes);
    }
}

fn foreground() -> ! {
    READ.start(&FIRST, ());
    sink(block_on(ENDED.wait())[3]);
    stop()
}
