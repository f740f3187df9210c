//! I2C on an emulated controller, with targets that the host has set.

mod drivers;
mod given_up;
mod shared;
mod stuck;
mod transactions;

use core::time::Duration;

use ::board::{alarm, counter::clock};
use embedded_hal::i2c::Operation;
use wouldblock::i2c::{Bus, Controller};

/// A thermometer, which the host has set to 23.5 °C.
pub const THERMOMETER: u8 = 0x48;
/// What it says, in its register 0.
pub const WARM: [u8; 2] = [23, 0x80];
/// Another one, which the host has set to −12.5 °C.
pub const FREEZER: u8 = 0x49;
/// What that one says.
pub const COLD: [u8; 2] = [0xf3, 0x80];
/// A memory of 4096 bytes, with addresses of two bytes.
pub const EEPROM: u8 = 0x50;
/// An expander of 8 pins, of which the host has connected pin 0 to pin 1.
pub const EXPANDER: u8 = 0x20;
/// There is none.
pub const ABSENT: u8 = 0x21;

/// Where tests put [`KEPT`] into the memory.
const PLACE: [u8; 2] = [1, 0x20];
const KEPT: [u8; 4] = *b"kept";

/// A time in which any transaction ends.
const LONG: Duration = Duration::from_millis(40);

/// Writes [`KEPT`] into the memory.
fn keep<C: Controller>(bus: &mut Bus<'_, C>) {
    let write = &mut [Operation::Write(&PLACE), Operation::Write(&KEPT)];
    let end = bus.transaction(EEPROM, write).block_for(alarm::park_until(), clock(), LONG);
    assert!(end.is_ok(), "the memory is there");
}

/// Whether two targets are read in time, and say what they must. A bus that is stuck is reset.
fn is_right<C: Controller>(bus: &mut Bus<'_, C>) -> bool {
    let (mut two, mut four) = ([0; 2], [0; 4]);
    let mut read = |address, operations: &mut [Operation<'_>]| {
        let mut transaction = bus.transaction(address, operations);
        let end = transaction.block_for(alarm::park_until(), clock(), LONG);
        if end.is_err() {
            transaction.into_inner().reset();
        }
        end.is_ok()
    };
    let warm = read(THERMOMETER, &mut [Operation::Write(&[0]), Operation::Read(&mut two)]);
    let kept = read(EEPROM, &mut [Operation::Write(&PLACE), Operation::Read(&mut four)]);
    warm && kept && two == WARM && four == KEPT
}
