//! What goes wrong on the line.

use core::fmt;

use super::registers::lsr;

/// Errors of the line, and which byte they speak of. The malformed byte itself is dropped.
// The bits of LSR; above them how many bytes were lost, in 4 bits; above those the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LineError(u32);

const LOST: u32 = 8;
const LOST_MOST: u32 = 0xf;
const INDEX: u32 = 12;
const INDEX_MOST: usize = (u32::MAX >> INDEX) as usize;

impl LineError {
    /// Of the first byte of an operation.
    pub(super) const fn first(status: u8) -> Self {
        Self::new(status, (status & lsr::OVERRUN != 0) as u8, 0)
    }

    pub(super) const fn new(status: u8, lost: u8, index: usize) -> Self {
        let lost = if lost as u32 > LOST_MOST { LOST_MOST } else { lost as u32 };
        Self((status & lsr::ERRORS) as u32 | lost << LOST).at(index)
    }

    /// The same, `count` bytes later.
    pub(super) const fn at(self, count: usize) -> Self {
        let index = self.index().saturating_add(count);
        let index = if index > INDEX_MOST { INDEX_MOST } else { index };
        Self(self.0 & ((1 << INDEX) - 1) | (index as u32) << INDEX)
    }

    /// How many good bytes came before it: in the operation that failed, hence the place in its
    /// buffer at which the byte would stand. In continuous receive: since its begin, or since the
    /// error before this one. Counted up to 1 048 575.
    ///
    /// [`read`](super::Receiver::read) and [`recv`](super::Receiver::recv) fail before their first
    /// byte or not at all: 0.
    pub const fn index(self) -> usize {
        (self.0 >> INDEX) as usize
    }

    /// Bytes were lost, because the receiver was full. The chip says so at once, so up to 16 bytes
    /// that came before those may still follow; in continuous receive the error stands where the
    /// bytes are missing (one more or less, if it happened just as a byte was taken).
    pub const fn overrun(self) -> bool {
        self.0 as u8 & lsr::OVERRUN != 0
    }

    /// At least this many bytes were lost. The chip does not count them: 1 for each time that it
    /// said so, up to 15; 0 without an [overrun](Self::overrun).
    pub const fn lost(self) -> usize {
        (self.0 >> LOST & LOST_MOST) as usize
    }

    /// A byte came with the wrong parity.
    pub const fn parity(self) -> bool {
        self.0 as u8 & lsr::PARITY != 0
    }

    /// A byte came without its stop bit.
    pub const fn framing(self) -> bool {
        self.0 as u8 & lsr::FRAMING != 0
    }

    /// The line was held low for longer than a byte.
    pub const fn break_received(self) -> bool {
        self.0 as u8 & lsr::BREAK != 0
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UART line error, LSR {:#04x}, after {} bytes", self.0 as u8, self.index())
    }
}

impl core::error::Error for LineError {}

/// Malformed bytes (parity, framing) are [`InvalidData`](embedded_io::ErrorKind::InvalidData). For
/// lost bytes (an overrun) and a break there is no kind: [`Other`](embedded_io::ErrorKind::Other).
/// None is a kind that callers retry blindly.
#[cfg(feature = "embedded-io")]
impl embedded_io::Error for LineError {
    fn kind(&self) -> embedded_io::ErrorKind {
        if self.parity() || self.framing() {
            embedded_io::ErrorKind::InvalidData
        } else {
            embedded_io::ErrorKind::Other
        }
    }
}

/// Of several errors the gravest counts: lost bytes before malformed ones. A break is a kind of
/// frame that the format does not have.
#[cfg(feature = "embedded-hal-nb")]
impl embedded_hal_nb::serial::Error for LineError {
    fn kind(&self) -> embedded_hal_nb::serial::ErrorKind {
        use embedded_hal_nb::serial::ErrorKind;
        if self.overrun() {
            ErrorKind::Overrun
        } else if self.framing() || self.break_received() {
            ErrorKind::FrameFormat
        } else if self.parity() {
            ErrorKind::Parity
        } else {
            ErrorKind::Other
        }
    }
}
