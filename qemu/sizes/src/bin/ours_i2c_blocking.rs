//! A bus with a blocking driver, which spins.

#![no_std]
#![no_main]

use sizes::{
    frame::{finish, stop, wake},
    i2c::{blocking, controller::ByteController},
};
use wouldblock::{adapter::I2c, block::Spin, event::Event, i2c::Bus};

static ENDED: Event = Event::new();

sizes::program!(wake, foreground);

fn foreground() -> ! {
    let Some(waiter) = ENDED.waiter() else { stop() };
    let _kept = blocking(I2c::new(Bus::new(ByteController::new(), waiter), Spin));
    finish()
}
