//! Awaited. A `Signal` carries a value, so the handler takes it from the device.

#![no_std]
#![no_main]

use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, signal::Signal};
use sizes::{
    device::{FIRST, Receive, sink},
    frame::{block_on, stop},
};

static RECEIVED: Signal<CriticalSectionRawMutex, u8> = Signal::new();

sizes::program!(handler, foreground);

fn handler() {
    if let Ok(byte) = FIRST.try_byte() {
        RECEIVED.signal(byte);
    }
}

fn foreground() -> ! {
    FIRST.enable_interrupt(true);
    sink(block_on(RECEIVED.wait()));
    stop()
}
