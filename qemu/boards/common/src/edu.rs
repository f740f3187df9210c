//! QEMU's teaching device (`-device edu`, specified in its `docs/specs/edu`): a factorial unit, an
//! interrupt that can be raised by hand, and a DMA engine that takes 100 ms for every transfer (it
//! ends with a whole millisecond of virtual time, the same instruction in every run under
//! `-icount`).
//!
//! Here are its registers and its line, and nothing that is made of them.

use crate::mmio::Mmio;

/// Vendor and device identification on the PCI bus.
pub const ID: (u16, u16) = (0x1234, 0x11e8);

/// The device. `L` is the board's type of a line.
#[derive(Debug)]
pub struct Edu<L> {
    registers: Registers,
    line: L,
}

/// Which way a transfer goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Direction {
    /// From memory into the device's buffer.
    ToDevice,
    /// From the device's buffer into memory.
    ToMemory,
}

impl<L: Copy> Edu<L> {
    /// The device with registers from `base` on. Accesses nothing.
    ///
    /// # Safety
    /// There are its registers (base address register 0), mapped for ever, and nothing else in the
    /// program accesses them.
    #[must_use]
    pub const unsafe fn new(base: usize, line: L) -> Self {
        // SAFETY: by the caller. What starts a transfer is `unsafe` here.
        let mmio = unsafe { Mmio::new(base, 0x100) };
        Self { registers: Registers(mmio), line }
    }

    /// Its registers.
    #[inline]
    #[must_use]
    pub fn registers(&self) -> &Registers {
        &self.registers
    }

    /// Its interrupt line; level.
    #[inline]
    #[must_use]
    pub fn line(&self) -> L {
        self.line
    }
}

/// The registers, each access a single volatile one of 32 bits. Reading has no side effects. Those of
/// the DMA engine have 64 bits; a write of the low half clears the high half.
#[derive(Debug)]
pub struct Registers(Mmio);

impl Registers {
    /// Where the device's buffer begins, in the device's own addresses.
    const BUFFER: u32 = 0x40000;
    /// The buffer's size in bytes. A transfer of all of it is refused by some versions of QEMU,
    /// which then abort.
    pub const BUFFER_SIZE: u32 = 4096;
    /// The bit of [`interrupt_status`](Self::interrupt_status) that the end of a transfer sets.
    pub const TRANSFER_DONE: u32 = 0x100;
    /// The bit of [`interrupt_status`](Self::interrupt_status) that the end of a factorial sets.
    pub const FACTORIAL_DONE: u32 = 0x1;

    /// `0xRRrr00ed`: major and minor version.
    #[inline]
    #[must_use]
    pub fn identification(&self) -> u32 {
        self.0.read32(0x00)
    }

    /// The complement of what was last put in.
    #[inline]
    #[must_use]
    pub fn liveness(&self) -> u32 {
        self.0.read32(0x04)
    }

    /// Puts a value in.
    #[inline]
    pub fn set_liveness(&self, value: u32) {
        self.0.write32(0x04, value);
    }

    /// The result, once [`is_computing`](Self::is_computing) says no.
    #[inline]
    #[must_use]
    pub fn factorial(&self) -> u32 {
        self.0.read32(0x08)
    }

    /// Starts to compute the factorial, in a thread of the host: it takes a real time that does not
    /// repeat. Ignored while it still computes one.
    #[inline]
    pub fn start_factorial(&self, of: u32) {
        self.0.write32(0x08, of);
    }

    /// Whether it computes a factorial.
    #[inline]
    #[must_use]
    pub fn is_computing(&self) -> bool {
        self.0.read32(0x20) & 0x01 != 0
    }

    /// Whether the end of a factorial interrupts.
    #[inline]
    pub fn set_factorial_interrupt(&self, enabled: bool) {
        self.0.write32(0x20, if enabled { 0x80 } else { 0 });
    }

    /// Why it interrupts; 0 if it does not.
    #[inline]
    #[must_use]
    pub fn interrupt_status(&self) -> u32 {
        self.0.read32(0x24)
    }

    /// Sets bits of the status.
    #[inline]
    pub fn raise(&self, bits: u32) {
        self.0.write32(0x60, bits);
    }

    /// Clears bits of the status; with the last one the line falls.
    #[inline]
    pub fn acknowledge(&self, bits: u32) {
        self.0.write32(0x64, bits);
    }

    /// Whether a transfer is running.
    #[inline]
    #[must_use]
    pub fn dma_is_running(&self) -> bool {
        self.0.read32(0x98) & 1 != 0
    }

    /// Starts a transfer of `bytes` between the beginning of the device's buffer and `memory`.
    /// Ignored while one is running.
    ///
    /// What is moved is said here and nowhere else: with setters of their own, safe code that runs
    /// between two of these writes could lead the device into any memory.
    ///
    /// # Safety
    /// From here until [`dma_is_running`](Self::dma_is_running) says no, nothing else calls this, and
    /// the device owns that memory: it lies below the board's `ADDRESS_LIMIT`, and for
    /// [`Direction::ToMemory`] nothing else reads or writes it. `bytes` is less than
    /// [`BUFFER_SIZE`](Self::BUFFER_SIZE).
    #[inline]
    pub unsafe fn start_dma(
        &self,
        direction: Direction,
        memory: u32,
        bytes: u32,
        interrupt_at_end: bool,
    ) {
        let (source, destination, direction) = match direction {
            Direction::ToDevice => (memory, Self::BUFFER, 0),
            Direction::ToMemory => (Self::BUFFER, memory, 2),
        };
        let interrupt = if interrupt_at_end { 4 } else { 0 };
        self.0.write32(0x80, source);
        self.0.write32(0x88, destination);
        self.0.write32(0x90, bytes);
        self.0.write32(0x98, 1 | direction | interrupt);
    }
}
