//! The flash controller (FMC) with its first flash chip, and its DMA engine, which copies from the
//! chip into memory. In QEMU a transfer is over when the store that starts it is.
//!
//! Here are its registers and its line, and nothing that is made of them. The chip's commands are
//! those of a serial NOR flash, such as Winbond's W25Q32.

use core::ptr;

use cortex_m_board::interrupts::Line;

/// The controller.
pub const FLASH: Flash = Flash(());

const CONTROLLER: usize = 0x7e62_0000;
const CONFIGURATION: usize = CONTROLLER;
const INTERRUPTS: usize = CONTROLLER + 0x08;
const CHIP: usize = CONTROLLER + 0x10;
const DMA: usize = CONTROLLER + 0x80;
const DMA_FLASH: usize = CONTROLLER + 0x84;
const DMA_MEMORY: usize = CONTROLLER + 0x88;
const DMA_LENGTH: usize = CONTROLLER + 0x8c;

/// Where the processor sees the chip; bytes written here in user mode go to the chip as they are.
const WINDOW: usize = 0x8000_0000;

/// The controller may write to the chip.
const WRITABLE: u32 = 1 << 16;
const DMA_INTERRUPT: u32 = 1 << 3;
const DMA_ENDED: u32 = 1 << 11;
const READ_MODE: u32 = 0;
const USER_MODE: u32 = 3;
const DESELECTED: u32 = 1 << 2;
const DMA_ENABLE: u32 = 1;

/// The controller's registers. What starts a transfer is `unsafe`.
#[derive(Clone, Copy, Debug)]
pub struct Flash(());

impl Flash {
    /// Where memory begins that the engine reaches.
    pub const MEMORY: usize = 0x8_0000;
    /// Where it ends.
    pub const MEMORY_END: usize = 0xc_0000;

    /// Its interrupt line; level.
    #[must_use]
    pub const fn line(&self) -> Line {
        Line::irq(39).expect("the NVIC has this input")
    }

    /// Selects the chip: what [`send`](Self::send) and [`receive`](Self::receive) move from here on
    /// is one command. No transfer is running.
    pub fn select(&self) {
        write(CONFIGURATION, read(CONFIGURATION) | WRITABLE);
        write(CHIP, USER_MODE);
    }

    /// Ends the command.
    pub fn deselect(&self) {
        write(CHIP, USER_MODE | DESELECTED);
        write(CHIP, READ_MODE);
    }

    /// Sends a byte to the chip, which is selected.
    pub fn send(&self, byte: u8) {
        // SAFETY: the window is no memory of the program's.
        unsafe { ptr::with_exposed_provenance_mut::<u8>(WINDOW).write_volatile(byte) }
    }

    /// Receives a byte from the chip, which is selected.
    #[must_use]
    pub fn receive(&self) -> u8 {
        // SAFETY: the window is no memory of the program's.
        unsafe { ptr::with_exposed_provenance::<u8>(WINDOW).read_volatile() }
    }

    /// The byte at `offset` of the chip, where the processor sees it. No chip is selected.
    ///
    /// # Panics
    /// If `offset` is 16 MiB or more, which takes more than the controller sends.
    #[must_use]
    pub fn byte(&self, offset: usize) -> u8 {
        assert!(offset < 1 << 24, "three bytes of address");
        // SAFETY: the window is no memory of the program's.
        unsafe { ptr::with_exposed_provenance::<u8>(WINDOW + offset).read_volatile() }
    }

    /// Starts to copy `bytes` from `offset` of the chip to `memory`. No chip is selected.
    ///
    /// The chip's length register has one less than the length; to QEMU 7.2 it is the length. What is
    /// right there is a word too long elsewhere, so the word behind those `bytes` may be written, too.
    ///
    /// # Safety
    /// From here until [`dma_is_running`](Self::dma_is_running) says no, nothing else calls this, and
    /// the engine owns that memory and the word behind it, all between [`MEMORY`](Self::MEMORY) and
    /// [`MEMORY_END`](Self::MEMORY_END). `offset`, `memory` and `bytes` are multiples of 4, and
    /// `bytes` is not 0.
    #[inline]
    pub unsafe fn start_dma(&self, offset: u32, memory: usize, bytes: u32, interrupt_at_end: bool) {
        write(DMA, 0); // The end of the last transfer is no longer seen.
        write(INTERRUPTS, if interrupt_at_end { DMA_INTERRUPT } else { 0 });
        write(DMA_FLASH, WINDOW as u32 + offset);
        write(DMA_MEMORY, memory as u32);
        write(DMA_LENGTH, bytes);
        write(DMA, DMA_ENABLE);
    }

    /// Whether a transfer is running.
    #[inline]
    #[must_use]
    pub fn dma_is_running(&self) -> bool {
        read(DMA) & DMA_ENABLE != 0 && !self.has_ended()
    }

    /// Whether a transfer has ended that was not acknowledged.
    #[inline]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        read(INTERRUPTS) & DMA_ENDED != 0
    }

    /// Acknowledges the end of a transfer: the line falls. Does nothing while one is running, which
    /// this would break off.
    #[inline]
    pub fn acknowledge(&self) {
        if self.has_ended() {
            write(DMA, 0);
        }
    }
}

#[inline(always)]
fn read(register: usize) -> u32 {
    // SAFETY: one of the controller's registers; reading changes none.
    unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

#[inline(always)]
fn write(register: usize, value: u32) {
    // SAFETY: one of the controller's registers. Only the one that starts a transfer has an effect on
    // memory, and `start_dma` asks for that memory.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}
