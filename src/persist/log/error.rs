//! The errors of a log.

/// The reason why memory is not accepted as a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Error {
    /// The memory is too small for the header and one empty record.
    TooSmall,
    /// No log was ever [created](super::Log::create) here, or a crash interrupted its creation.
    /// Only after this error does `create` destroy no log.
    NotALog,
    /// There is a log, but both copies of its header are damaged: its records cannot be read.
    Damaged,
    /// There is a log in the format of another version.
    OtherVersion,
    /// There is a log that was created in memory of another length. It opens in memory of that
    /// length.
    OtherLength {
        /// The length of its memory, in words of 8 bytes.
        words: u64,
    },
    /// The log was recovered 2³² times since it was created or cleared, or has had 2⁶³ records. It
    /// can be read ([`Reader`](super::Reader)) but not appended to.
    Exhausted,
}

/// The record does not fit even into the empty log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TooLong;

/// The record is not a record of this log. The log was cleared or created again since, or the
/// record comes from another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Stale;

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooSmall => "the memory is too small for a log",
            Self::NotALog => "there is no log",
            Self::Damaged => "the log's header is damaged",
            Self::OtherVersion => "the log has the format of another version",
            Self::OtherLength { words } => {
                return write!(f, "the log was created in memory of {words} words");
            }
            Self::Exhausted => "the log was recovered too often",
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
        f.write_str("the record is not a record of this log")
    }
}

impl core::error::Error for Error {}
impl core::error::Error for TooLong {}
impl core::error::Error for Stale {}
