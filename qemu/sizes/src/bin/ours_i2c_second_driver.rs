//! A bus with two blocking drivers and an async one, one after the other.

#![no_std]
#![no_main]

use sizes::{
    frame::stop,
    i2c::{awaited, blocking, controller::ByteController, quiet, second},
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
    let bus = I2c::new(Bus::new(ByteController::new(), waiter), Spin);
    let _kept = awaited(second(blocking(bus)));
    stop()
}
