//! What a function returns.

use core::ffi::{CStr, c_char};

use super::layout::StatusNumber;

/// What a function returns. With any but `WB_OK` nothing was done; only a `wb_batch_step` that
/// returns `WB_WOULD_BLOCK` has issued lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Status {
    /// It is done.
    Ok = 0,
    /// Not yet, and nothing is lost: `wb_batch_step` has more to issue; the log is full, and has
    /// room again after `wb_log_clear`.
    WouldBlock = 1,
    /// There is no further record.
    End = 2,
    /// A pointer is NULL where that means nothing.
    Null = 3,
    /// A pointer to a struct is not aligned for it, or a region does not begin at a line of the
    /// cache.
    Misaligned = 4,
    /// A field or an argument has a value that it cannot have, such as a line of 7 bytes.
    Invalid = 5,
    /// The struct was never begun, or has ended.
    NotBegun = 6,
    /// This CPU has no instruction that flushes a line.
    NoFlush = 7,
    /// The range is not within the region, or does not end below the end of the address space.
    OutOfBounds = 8,
    /// Two pieces of memory share bytes and must not: what is copied and the region that it is
    /// copied into or out of, or a struct or a result and the region or the log.
    Overlap = 9,
    /// The region is too small for a log of one empty record.
    TooSmall = 10,
    /// There was never a log in the region, or its creation was cut short. Only after this one does
    /// `wb_log_create` destroy nothing.
    NotALog = 11,
    /// The log was recovered 2^32 times since it was created or cleared, or has had 2^63 records. It
    /// can be read (`wb_log_open_read_only`).
    Exhausted = 12,
    /// The record can never fit, even into the empty log.
    TooLong = 13,
    /// There is a log in the region, and both copies of its header are damaged.
    Damaged = 14,
    /// There is a log in the region, in the format of another version.
    OtherVersion = 15,
    /// There is a log, which was created in a region of another length.
    OtherLength = 16,
    /// The record is none of this log: cleared since, or another log's.
    Stale = 17,
    /// The log was opened to be read only.
    ReadOnly = 18,
}

/// `WB_OK`, if that is how it went.
pub(super) fn answer(done: impl FnOnce() -> Result<(), Status>) -> Status {
    match done() {
        Ok(()) => Status::Ok,
        Err(status) => status,
    }
}

/// The name of a status as it is written in C, such as `"WB_OK"`; `"?"` for a number that is none.
/// Never NULL, and valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn wb_status_name(status: StatusNumber) -> *const c_char {
    const NAMES: [&CStr; 19] = [
        c"WB_OK",
        c"WB_WOULD_BLOCK",
        c"WB_END",
        c"WB_NULL",
        c"WB_MISALIGNED",
        c"WB_INVALID",
        c"WB_NOT_BEGUN",
        c"WB_NO_FLUSH",
        c"WB_OUT_OF_BOUNDS",
        c"WB_OVERLAP",
        c"WB_TOO_SMALL",
        c"WB_NOT_A_LOG",
        c"WB_EXHAUSTED",
        c"WB_TOO_LONG",
        c"WB_DAMAGED",
        c"WB_OTHER_VERSION",
        c"WB_OTHER_LENGTH",
        c"WB_STALE",
        c"WB_READ_ONLY",
    ];
    NAMES.get(status as usize).unwrap_or(&c"?").as_ptr()
}
