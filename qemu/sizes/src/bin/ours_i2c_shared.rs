//! A bus that a blocking driver and an async one share.

#![no_std]
#![no_main]

use sizes::{
    frame::stop,
    i2c::{awaited, blocking, controller::ByteController, quiet},
};
use wouldblock::{
    adapter::{I2cDevice, SharedBus},
    block::Spin,
    event::Event,
    i2c::Bus,
};

static ENDED: Event = Event::new();

sizes::program!(handler, foreground);

fn handler() {
    quiet();
    ENDED.signal();
}

fn foreground() -> ! {
    let Some(waiter) = ENDED.waiter() else { stop() };
    let bus: SharedBus<_, 2> = SharedBus::new(Bus::new(ByteController::new(), waiter));
    let Some(device) = I2cDevice::new(&bus, Spin) else { stop() };
    let Some(other) = I2cDevice::new(&bus, Spin) else { stop() };
    let _kept = (blocking(device), awaited(other));
    stop()
}
