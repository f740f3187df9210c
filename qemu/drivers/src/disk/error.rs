//! Why a request failed, or cannot be made.

/// Why a request failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Error {
    /// The memory is not a whole number of sectors, or 4 GiB or more, or empty.
    Length,
    /// The request goes past the end of the disk.
    OutOfRange,
    /// The disk cannot be written.
    ReadOnly,
    /// The device could not do it.
    Device,
    /// The device does not know such a request.
    Unsupported,
    /// The device was reset before it had finished: the request may be done, in part, or not at all.
    Reset,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Length => "not a whole number of sectors, or 4 GiB or more",
            Self::OutOfRange => "past the end of the disk",
            Self::ReadOnly => "the disk cannot be written",
            Self::Device => "the device could not do it",
            Self::Unsupported => "the device does not know such a request",
            Self::Reset => "the device was reset meanwhile",
        })
    }
}

impl core::error::Error for Error {}

/// A request that cannot be made: why, and the memory back.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: Error,
    /// The memory.
    pub memory: &'static mut [u8],
}
