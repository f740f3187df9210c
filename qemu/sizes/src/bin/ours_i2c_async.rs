//! A bus with an async driver.

#![no_std]
#![no_main]

use sizes::{
    frame::stop,
    i2c::{awaited, controller::ByteController, quiet},
};
use wouldblock::{adapter::I2c, block::Spin, event::Event, i2c::Bus};

static ENDED: Event = Event::new();

sizes::program!(handler, foreground);

fn handler() {
    quiet();
    ENDED.signal();
}

fn foreground() -> ! {
    let Some(waiter) = ENDED.waiter() else { stop() };
    let _kept = awaited(I2c::new(Bus::new(ByteController::new(), waiter), Spin));
    stop()
}
