//! Two bytes of a register, read through an I2C bus: the adapter over the board's controller, beside the
//! hand-written traits that the package `sizes` links, on the same controller.

use board::{i2c::I2C, idle::Park, interrupts::Line};
use by_hand::{Awaited, Blocking};
use embedded_hal::i2c::Operation;
use firmware::{
    measure::exact::{span, steady},
    task,
};
use wouldblock::{adapter::I2c, block::Spin};

use crate::report_noted;

#[path = "../../../../sizes/src/i2c/by_hand.rs"]
mod by_hand;

/// What it knows of the controller.
mod chip {
    pub use board::i2c::{command, status};

    use board::i2c::I2C;

    pub fn give(command: u32) {
        I2C.give(command);
    }

    pub fn take_status() -> u32 {
        I2C.take_status()
    }

    pub fn set_byte(byte: u8) {
        I2C.set_byte(byte);
    }

    pub fn byte() -> u8 {
        I2C.byte()
    }

    pub fn enable_interrupt(on: bool) {
        if on { I2C.line().enable() } else { I2C.line().disable() }
    }
}

const THERMOMETER: u8 = 0x48;
/// What it says, in its register 0: the host has set it.
const WARM: [u8; 2] = [23, 0x80];

/// The address with a byte, the address with two bytes, STOP.
const NOTE: &str = "2 bytes: 6 commands, each with an interrupt if it is waited for";

fn on_interrupt(line: Line) {
    line.disable();
    line.acknowledge();
    by_hand::on_interrupt();
}

/// The instructions of a read.
fn read(mut read: impl FnMut(&mut [u8; 2]) -> bool) -> u64 {
    steady(|| {
        let mut bytes = [0; 2];
        let mut is_read = false;
        let instructions = span(|| is_read = read(&mut bytes));
        assert!(is_read && bytes == WARM, "the thermometer is there");
        instructions
    })
}

/// Through the blocking trait.
fn blocking(mut bus: impl embedded_hal::i2c::I2c) -> u64 {
    read(|bytes| bus.write_read(THERMOMETER, &[0], bytes).is_ok())
}

/// Through the async trait.
fn awaited(mut bus: impl embedded_hal_async::i2c::I2c) -> u64 {
    read(|bytes| task::block_on(bus.write_read(THERMOMETER, &[0], bytes)).is_ok())
}

pub fn cases() {
    let mut bus = drivers::i2c::take().expect("nothing has taken it");
    let asleep = read(|bytes| {
        let operations = &mut [Operation::Write(&[0]), Operation::Read(bytes)];
        bus.transaction(THERMOMETER, operations).block(Park).is_ok()
    });
    let mut bus = I2c::new(bus, Spin);
    let (spinning, is_awaited) = (blocking(&mut bus), awaited(&mut bus));
    I2C.line().set_handler(on_interrupt);
    let by_hand = blocking(Blocking);
    report_noted("i2c_spinning", spinning, "hand-written", by_hand, NOTE);
    report_noted("i2c_asleep", asleep, "hand-written, spinning", by_hand, NOTE);
    report_noted("i2c_awaited", is_awaited, "hand-written", awaited(Awaited), NOTE);
}
