//! Flash on an emulated chip, by its commands. What is in it is checked where the processor sees it: another
//! way than that of the driver.

mod drivers;
mod given_up;
mod operations;

use core::{convert::Infallible, ops::Range};

use ::board::flash::FLASH;
use ::drivers::nor_flash::{Chip, READY};
use wouldblock::flash::{Controller, Flash};

/// A sector of the chip.
const SECTOR: u32 = 4096;

/// Whether the chip has these bytes from `offset` on.
fn has(offset: u32, bytes: &[u8]) -> bool {
    bytes.iter().zip(offset as usize..).all(|(byte, offset)| FLASH.byte(offset) == *byte)
}

/// Whether these bytes of the chip are erased.
fn is_erased(mut range: Range<u32>) -> bool {
    range.all(|offset| FLASH.byte(offset as usize) == 0xff)
}

/// Bytes that differ from their neighbours, and from those of another seed.
fn some<const N: usize>(seed: u8) -> [u8; N] {
    core::array::from_fn(|index| seed ^ (index % 251) as u8)
}

/// The chip, busy for some looks after each step, as chips are; in QEMU none is. It panics at what a busy
/// chip would ignore.
struct Slow {
    chip: Chip,
    looks: u32,
}

impl Slow {
    const LOOKS: u32 = 3;

    /// The flash, which was given back.
    fn flash() -> Flash<'static, Self> {
        let chip = Chip::take().expect("it was given back");
        Flash::new(Self { chip, looks: 0 }, READY.waiter().expect("it was given back"))
    }

    fn begin(&mut self) -> &mut Chip {
        self.looks = Self::LOOKS;
        &mut self.chip
    }

    fn assert_ready(&self) {
        assert_eq!(self.looks, 0, "a command while it is busy");
    }
}

impl Controller for Slow {
    type Error = Infallible;

    const READ_SIZE: usize = Chip::READ_SIZE;
    const WRITE_SIZE: usize = Chip::WRITE_SIZE;
    const PAGE_SIZE: usize = Chip::PAGE_SIZE;
    const ERASE_SIZE: usize = Chip::ERASE_SIZE;

    fn capacity(&self) -> usize {
        self.chip.capacity()
    }

    fn settle(&mut self) -> nb::Result<(), Infallible> {
        match self.looks.checked_sub(1) {
            Some(left) => {
                self.looks = left;
                Err(nb::Error::WouldBlock)
            }
            None => self.chip.settle(),
        }
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> nb::Result<usize, Infallible> {
        self.assert_ready();
        self.chip.read(offset, bytes)
    }

    fn program(&mut self, offset: u32, bytes: &[u8]) -> nb::Result<(), Infallible> {
        self.assert_ready();
        self.begin().program(offset, bytes)
    }

    fn erase(&mut self, offset: u32) -> nb::Result<(), Infallible> {
        self.assert_ready();
        self.begin().erase(offset)
    }

    fn arm(&mut self) {
        self.chip.arm();
    }
}
