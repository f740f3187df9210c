//! The SPI controllers (FU540-C000 Manual v1p4, chapter 19): the first, with a flash chip, and the third,
//! with an SD card. In QEMU a frame is over when the store that sends it is.
//!
//! Here are their registers and their lines, and nothing that is made of them.

use core::ptr;

use crate::interrupts::{Line, Source};

/// The controller with the flash chip.
pub const SPI0: Spi = Spi { base: 0x1004_0000, source: Source::Spi0 };

/// The controller with the SD card.
pub const SPI2: Spi = Spi { base: 0x1005_0000, source: Source::Spi2 };

/// How many frames each of its two FIFOs holds.
pub const DEPTH: usize = 8;

const CLOCK_DIVISOR: usize = 0x00;
const CLOCK_MODE: usize = 0x04;
const CHIP_SELECT_ID: usize = 0x10;
const CHIP_SELECT_MODE: usize = 0x18;
const FORMAT: usize = 0x40;
const SEND: usize = 0x48;
const RECEIVE: usize = 0x4c;
const RECEIVE_MARK: usize = 0x54;
const FLASH_INTERFACE: usize = 0x60;
const INTERRUPTS: usize = 0x70;

/// A FIFO is full, or empty.
const NONE: u32 = 1 << 31;
/// Frames of 8 bits, the highest first, on one wire in each direction.
const BYTES: u32 = 8 << 16;
/// Nothing is received.
const ONLY_SENT: u32 = 1 << 3;
/// Chip select is low only during a frame: for QEMU never.
const SELECTED_BY_FRAME: u32 = 0;
/// It is low.
const SELECTED: u32 = 2;
const RECEIVED: u32 = 1 << 1;

/// A controller's registers: a controller has one driver. It touches no memory.
#[derive(Clone, Copy, Debug)]
pub struct Spi {
    base: usize,
    source: Source,
}

impl Spi {
    /// Its interrupt line: a level, high while there are as many bytes as [`announce`](Self::announce) says
    /// and [`interrupt`](Self::interrupt) lets it.
    #[must_use]
    pub const fn line(&self) -> Line {
        Line::Device(self.source)
    }

    /// Frames of a byte in mode 0; no interrupt; the chip is not selected. The clock is the peripheral
    /// clock divided by 2 · (`divisor` + 1). What was received before is dropped.
    pub fn start(&self, divisor: u16) {
        self.write(FLASH_INTERFACE, 0);
        self.interrupt(false);
        self.write(CLOCK_DIVISOR, divisor.into());
        self.write(CLOCK_MODE, 0);
        self.write(CHIP_SELECT_ID, 0);
        self.select(false);
        self.write(FORMAT, BYTES);
        while self.receive().is_some() {}
    }

    /// From here until [`start`](Self::start) nothing is received. Tests use it as a fault.
    pub fn deafen(&self) {
        self.write(FORMAT, BYTES | ONLY_SENT);
    }

    /// Whether the chip is selected.
    #[inline]
    pub fn select(&self, selected: bool) {
        self.write(CHIP_SELECT_MODE, if selected { SELECTED } else { SELECTED_BY_FRAME });
    }

    /// Sends a byte, for which another one is received. The FIFO has room if less than [`DEPTH`] bytes
    /// are sent and not yet received.
    #[inline]
    pub fn send(&self, byte: u8) {
        self.write(SEND, byte.into());
    }

    /// Takes a byte that was received.
    #[inline]
    #[must_use]
    pub fn receive(&self) -> Option<u8> {
        let received = self.read(RECEIVE);
        (received & NONE == 0).then_some(received as u8)
    }

    /// The interrupt announces that at least this many bytes, 1 to [`DEPTH`], are received and not taken.
    #[inline]
    pub fn announce(&self, bytes: usize) {
        self.write(RECEIVE_MARK, bytes as u32 - 1);
    }

    /// Lets it interrupt, or keeps the line low.
    #[inline]
    pub fn interrupt(&self, enabled: bool) {
        self.write(INTERRUPTS, if enabled { RECEIVED } else { 0 });
    }

    #[inline(always)]
    fn read(&self, register: usize) -> u32 {
        // SAFETY: one of the controller's registers, which are mapped for ever.
        unsafe { ptr::with_exposed_provenance::<u32>(self.base + register).read_volatile() }
    }

    #[inline(always)]
    fn write(&self, register: usize, value: u32) {
        // SAFETY: as in `read`; none has an effect on memory.
        unsafe {
            ptr::with_exposed_provenance_mut::<u32>(self.base + register).write_volatile(value)
        }
    }
}
