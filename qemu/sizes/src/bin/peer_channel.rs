//! Bytes from the handler to a task, by embassy's `Channel`.

#![no_std]
#![no_main]

use embassy_sync::{blocking_mutex::raw::CriticalSectionRawMutex, channel::Channel};
use sizes::{
    device::{FIRST, Receive, sink},
    frame::{block_on, stop},
};

static CHANNEL: Channel<CriticalSectionRawMutex, u8, 4> = Channel::new();

sizes::program!(handler, foreground);

fn handler() {
    if let Ok(byte) = FIRST.try_byte() {
        _ = CHANNEL.try_send(byte);
    }
}

fn foreground() -> ! {
    FIRST.enable_interrupt(true);
    sink(block_on(CHANNEL.receive()));
    stop()
}
