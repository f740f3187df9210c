//! A serial NOR flash chip by its commands: all that a HAL author writes. The walk over pages and sectors,
//! the forms and the traits are the library's.
//!
//! The commands are those of Winbond's W25Q32 and of most others. The controller has no interrupt for a
//! chip that is ready, so a caller that waits looks again at once.

use core::convert::Infallible;

use board::flash::FLASH;
use portable_atomic::Ordering;
use wouldblock::{
    event::Event,
    flash::{Controller, Flash},
};

use crate::flash::TAKEN;

/// Announces that the chip is worth another look: the event of the flash.
pub static READY: Event = Event::new();

/// The flash. `None` while it or the controller's DMA engine is taken, or if there is no chip with
/// addresses of three bytes.
pub fn take() -> Option<Flash<'static, Chip>> {
    Some(Flash::new(Chip::take()?, READY.waiter()?))
}

/// The chip. There is one.
#[derive(Debug)]
pub struct Chip {
    capacity: usize,
}

/// W25Q32JV data sheet, table "Instruction set".
mod command {
    pub const PAGE_PROGRAM: u8 = 0x02;
    pub const READ_DATA: u8 = 0x03;
    pub const READ_STATUS: u8 = 0x05;
    pub const WRITE_ENABLE: u8 = 0x06;
    pub const SECTOR_ERASE: u8 = 0x20;
    pub const JEDEC_ID: u8 = 0x9f;
}

/// In the status: an erase or a program is being done.
const BUSY: u8 = 1;

/// A command, and what follows it: bytes that are sent, and bytes that are received.
fn command(first: u8, address: Option<u32>, send: &[u8], receive: &mut [u8]) {
    let address = address.map(|offset| (offset << 8).to_be_bytes());
    FLASH.select();
    FLASH.send(first);
    address.iter().flat_map(|bytes| &bytes[..3]).for_each(|&byte| FLASH.send(byte));
    send.iter().for_each(|&byte| FLASH.send(byte));
    receive.iter_mut().for_each(|byte| *byte = FLASH.receive());
    FLASH.deselect();
}

impl Chip {
    /// The chip, as [`take`] says; it is given back when this is dropped.
    pub fn take() -> Option<Self> {
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        let mut chip = Self { capacity: 0 }; // From here on, a return gives it back.
        let mut id = [0; 3];
        command(command::JEDEC_ID, None, &[], &mut id);
        let [_, _, bits] = id;
        chip.capacity = (16..=24).contains(&bits).then(|| 1 << bits)?;
        Some(chip)
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        TAKEN.store(false, Ordering::Relaxed);
    }
}

impl Controller for Chip {
    type Error = Infallible;

    const READ_SIZE: usize = 1;
    const WRITE_SIZE: usize = 1;
    const PAGE_SIZE: usize = 256;
    const ERASE_SIZE: usize = 4096;

    fn capacity(&self) -> usize {
        self.capacity
    }

    fn settle(&mut self) -> nb::Result<(), Infallible> {
        let mut status = [0];
        command(command::READ_STATUS, None, &[], &mut status);
        if status[0] & BUSY != 0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> nb::Result<usize, Infallible> {
        command(command::READ_DATA, Some(offset), &[], bytes);
        Ok(bytes.len())
    }

    fn program(&mut self, offset: u32, bytes: &[u8]) -> nb::Result<(), Infallible> {
        command(command::WRITE_ENABLE, None, &[], &mut []);
        command(command::PAGE_PROGRAM, Some(offset), bytes, &mut []);
        Ok(())
    }

    fn erase(&mut self, offset: u32) -> nb::Result<(), Infallible> {
        command(command::WRITE_ENABLE, None, &[], &mut []);
        command(command::SECTOR_ERASE, Some(offset), &[], &mut []);
        Ok(())
    }

    fn arm(&mut self) {
        READY.signal();
    }
}
