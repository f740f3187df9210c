//! The status that a function returns.

use core::ffi::{CStr, c_char};

use super::layout::StatusNumber;

/// The result of a function. A function that returns anything but `WB_OK` has done nothing. The
/// only exception: a `wb_batch_step` that returns `WB_WOULD_BLOCK` has issued lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// Not yet: try again later; nothing is lost. `wb_batch_step` has more lines to issue, or the
    /// log is full and has room again after `wb_log_clear`.
    WouldBlock = 1,
    /// There is no further record.
    End = 2,
    /// A pointer is NULL where NULL has no meaning.
    Null = 3,
    /// A pointer to a struct is not aligned for it, or a region does not begin at the start of a
    /// cache line.
    Misaligned = 4,
    /// A field or an argument has an impossible value, such as a line of 7 bytes.
    Invalid = 5,
    /// The struct was never begun, or has ended.
    NotBegun = 6,
    /// This CPU has no instruction that flushes a line.
    NoFlush = 7,
    /// The range is not inside the region, or does not end below the end of the address space.
    OutOfBounds = 8,
    /// Two pieces of memory overlap that must not: the bytes that are copied and the region, or a
    /// struct or a result and the region or the log.
    Overlap = 9,
    /// The region is too small for a log of one empty record.
    TooSmall = 10,
    /// The region never had a log, or a crash interrupted its creation. Only after this status does
    /// `wb_log_create` destroy no log.
    NotALog = 11,
    /// The log was recovered 2^32 times since it was created or cleared, or has had 2^63 records.
    /// It can only be read (`wb_log_open_read_only`).
    Exhausted = 12,
    /// The record does not fit even into the empty log.
    TooLong = 13,
    /// There is a log in the region, and both copies of its header are damaged.
    Damaged = 14,
    /// There is a log in the region, in the format of another version.
    OtherVersion = 15,
    /// There is a log in the region. It was created in a region of another length.
    OtherLength = 16,
    /// The record is not, or no longer, a record of this log.
    Stale = 17,
    /// The log was opened for reading only.
    ReadOnly = 18,
}

/// The status of a function with this body.
pub(super) fn status_of(done: impl FnOnce() -> Result<(), Status>) -> Status {
    match done() {
        Ok(()) => Status::Ok,
        Err(status) => status,
    }
}

/// The name of a status as it is written in C, such as `"WB_OK"`, or `"?"` for a number that is not
/// a status. The pointer is never NULL, and stays valid.
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
