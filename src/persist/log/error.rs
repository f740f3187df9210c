//! What can be wrong, as types.

/// Why memory is not taken for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// The memory is too small for one empty record.
    TooSmall,
    /// No log was ever [created](super::Log::create) here, or its creation was cut short. Only with
    /// this error does `create` destroy nothing.
    NotALog,
    /// A log is here, and both copies of its header are damaged: its records cannot be read.
    Damaged,
    /// A log is here, in the format of another version.
    OtherVersion,
    /// A log is here that was created in memory of another length. Given so much, it opens.
    OtherLength {
        /// The length of its memory, in words of 8 bytes.
        words: u64,
    },
    /// The log was recovered 2³² times since it was created or cleared, or has had 2⁶³ records. It
    /// can be read ([`Reader`](super::Reader)), not appended to.
    Exhausted,
}

/// The record can never fit, even into the empty log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooLong;

/// The record is none of this log: the log was cleared or created anew since, or the record comes
/// from another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stale;

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooSmall => "too small for a log",
            Self::NotALog => "no log",
            Self::Damaged => "a log whose header is damaged",
            Self::OtherVersion => "a log of another version",
            Self::OtherLength { words } => {
                return write!(f, "a log that was created in memory of {words} words");
            }
            Self::Exhausted => "recovered too often",
        })
    }
}

impl core::fmt::Display for TooLong {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the record is longer than the log")
    }
}

impl core::fmt::Display for Stale {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the record is none of this log")
    }
}

impl core::error::Error for Error {}
impl core::error::Error for TooLong {}
impl core::error::Error for Stale {}
