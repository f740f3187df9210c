//! A bus controller that moves a byte with each command, and what uses the bus: drivers of other
//! authors, from crates.io and unchanged. They are the same for both sides.
//!
//! | module | what it holds |
//! |---|---|
//! | `chip` | the controller's registers |
//! | [`controller`] | the bus by the library: what a HAL author writes for it |
//! | [`by_hand`] | the bus by hand: the blocking trait and the async one |
//! | [`shared`] | the bus by hand, shared by a blocking driver and an async one |

pub mod by_hand;
mod chip;
pub mod controller;
pub mod shared;

use eeprom24x::{Eeprom24x, SlaveAddr};
use lm75::Lm75;
use tmp1075::Tmp1075;

use crate::{device::sink, frame::block_on};

pub use chip::quiet;

const THERMOMETER: u8 = 0x48;

/// A blocking driver reads a register and writes one. Returns the bus.
#[inline(always)]
pub fn blocking<B: embedded_hal::i2c::I2c>(bus: B) -> B {
    let mut thermometer = Lm75::new(bus, THERMOMETER);
    sink(thermometer.read_temperature().map_or(0, |degrees| degrees as u8));
    sink(thermometer.set_os_temperature(70.0).is_ok().into());
    thermometer.destroy()
}

/// An async driver reads a register. Returns the bus.
#[inline(always)]
pub fn awaited<B: embedded_hal_async::i2c::I2c>(bus: B) -> B {
    let mut thermometer = Tmp1075::with_address(THERMOMETER, bus);
    let degrees = block_on(thermometer.get_temperature_float());
    sink(degrees.map_or(0, |degrees| degrees as u8));
    thermometer.destroy()
}

/// One more blocking driver, of another type, reads bytes and writes some. Returns the bus.
#[inline(always)]
pub fn second<B: embedded_hal::i2c::I2c>(bus: B) -> B {
    let mut memory = Eeprom24x::new_24x32(bus, SlaveAddr::Default);
    let mut bytes = [0; 4];
    sink(memory.read_data(9, &mut bytes).is_ok().into());
    bytes.into_iter().for_each(sink);
    sink(memory.write_page(32, &[1, 2, 3]).is_ok().into());
    memory.destroy()
}
