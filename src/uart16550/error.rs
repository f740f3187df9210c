//! Errors on the line.

use core::fmt;

use super::registers::lsr;

/// Errors on the line, and the place among the bytes to which they belong. The malformed byte is
/// dropped.
// Bits 0 to 7: LSR. Bits 8 to 11: the number of lost bytes. Bits 12 to 31: the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LineError(u32);

const LOST: u32 = 8;
const LOST_MOST: u32 = 0xf;
const INDEX: u32 = 12;
const INDEX_MOST: usize = (u32::MAX >> INDEX) as usize;

impl LineError {
    /// An error at the first byte of an operation.
    pub(super) const fn first(status: u8) -> Self {
        Self::new(status, (status & lsr::OVERRUN != 0) as u8, 0)
    }

    pub(super) const fn new(status: u8, lost: u8, index: usize) -> Self {
        let lost = if lost as u32 > LOST_MOST { LOST_MOST } else { lost as u32 };
        Self((status & lsr::ERRORS) as u32 | lost << LOST).at(index)
    }

    /// The same error, `count` bytes later.
    pub(super) const fn at(self, count: usize) -> Self {
        let index = self.index().saturating_add(count);
        let index = if index > INDEX_MOST { INDEX_MOST } else { index };
        Self(self.0 & ((1 << INDEX) - 1) | (index as u32) << INDEX)
    }

    /// The number of good bytes before the error. They are counted from the beginning of the
    /// operation, so this is the index in its buffer at which the byte would have been stored. In
    /// continuous receive they are counted from its beginning or from the previous error. At most 1
    /// 048 575.
    ///
    /// 0 for [`read`](super::Receiver::read) and [`recv`](super::Receiver::recv), which report an
    /// error only before their first byte.
    pub const fn index(self) -> usize {
        (self.0 >> INDEX) as usize
    }

    /// Whether bytes were lost because the receiver was full. The chip reports it at once, so up to
    /// 16 bytes from before the loss may still follow. In continuous receive the error is at the
    /// place where the bytes are missing (off by one if the loss happened just as a byte was
    /// taken).
    pub const fn overrun(self) -> bool {
        self.0 as u8 & lsr::OVERRUN != 0
    }

    /// The least number of lost bytes. The chip does not count lost bytes, so each report of an
    /// overrun counts as 1. At most 15; 0 without an [overrun](Self::overrun).
    pub const fn lost(self) -> usize {
        (self.0 >> LOST & LOST_MOST) as usize
    }

    /// Whether a byte had the wrong parity.
    pub const fn parity(self) -> bool {
        self.0 as u8 & lsr::PARITY != 0
    }

    /// Whether a byte had no stop bit.
    pub const fn framing(self) -> bool {
        self.0 as u8 & lsr::FRAMING != 0
    }

    /// Whether the line was low for longer than a byte.
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

/// A malformed byte (parity, framing) is [`InvalidData`](embedded_io::ErrorKind::InvalidData). Lost
/// bytes (an overrun) and a break have no kind of their own and are
/// [`Other`](embedded_io::ErrorKind::Other). Callers do not retry on either kind.
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

/// Of several errors the most serious one counts: lost bytes before malformed bytes. A break counts
/// as a malformed frame.
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
