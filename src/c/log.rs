//! The append-only log.

use core::{ffi::c_void, mem::MaybeUninit};

use super::{
    Region, Span, Status, is_memory, is_place, is_place_if_any,
    keep::{self, Keep},
    memory, memory_mut, put, shared, status_of, unique,
    words::Words,
};
use crate::persist::log::{self, Stale, TooLong};

/// An append-only log in a region. `wb_log_create`, `wb_log_recover` and `wb_log_open_read_only`
/// begin one. Until it has ended (`wb_log_end`) the program may load from the region but must not
/// store to it. A log of all zeros (`= {0}`) is not begun.
#[derive(Debug)]
#[repr(C)]
pub struct Log {
    begun: u64,
    opaque: [MaybeUninit<u64>; 14],
}

/// A record of a log. For `wb_log_next`, a record of all zeros (`= {0}`) means: before the first
/// record.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Record {
    /// Its number. Records are numbered consecutively from 1.
    pub sequence: u64,
    /// The length of its payload in bytes.
    pub length: usize,
    /// Its place in the log; for the log only.
    pub place: usize,
    /// The recovery after which it was written; for the log only.
    pub epoch: u32,
    /// The log that it is in; for the log only.
    pub log: u64,
}

/// The value that a [`Log`] keeps.
pub(super) struct Kept {
    log: log::Log<Words>,
    read_only: bool,
}

// SAFETY: the struct is `repr(C)` and begins with `begun: u64`. That C does not write to it is a
// duty of the C program.
unsafe impl Keep for Log {
    type Kept = Kept;
    const BEGUN: u64 = u64::from_le_bytes(*b"wb log \x02");
}

impl Log {
    /// The kept log, for changing it.
    ///
    /// # Safety
    /// As [`unique`].
    unsafe fn kept_mut<'a>(log: *mut Self) -> Result<&'a mut log::Log<Words>, Status> {
        // SAFETY: by the caller.
        let kept = unsafe { keep::kept_mut(log) }?;
        if kept.read_only { Err(Status::ReadOnly) } else { Ok(&mut kept.log) }
    }

    /// The kept log, and the two pieces of memory with which no result may overlap.
    ///
    /// # Safety
    /// As [`shared`].
    unsafe fn kept<'a>(log: *const Self) -> Result<(&'a log::Log<Words>, [Span; 2]), Status> {
        // SAFETY: by the caller.
        let Kept { log: kept, .. } = unsafe { keep::kept(log) }?;
        Ok((kept, [kept.memory().0.span(), Span::of(log)]))
    }
}

impl From<log::Record> for Record {
    fn from(record: log::Record) -> Self {
        let log::Record { sequence, length, at: place, epoch, log } = record;
        Self { sequence, length, place, epoch, log }
    }
}

impl From<Record> for log::Record {
    fn from(record: Record) -> Self {
        let Record { sequence, length, place: at, epoch, log } = record;
        Self { sequence, length, at, epoch, log }
    }
}

/// Makes an empty log in a region, and destroys what was there. Writes all of the region. Blocking.
/// A crash leaves the log that was there before, or no log, or the empty log. Executes RDTSC, as
/// `wb_log_clear` does, and uses the result in the log's identity.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED` (either pointer); `WB_INVALID` (`region`); `WB_OVERLAP` (the
/// two structs overlap, or one of them lies in the region); `WB_TOO_SMALL`.
///
/// # Safety
/// `log` may be written to. `region` was made by `wb_region_new` or is all zeros; it is copied.
/// Nothing else stores to its memory until the log has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_create(log: *mut Log, region: *const Region) -> Status {
    // SAFETY: by the caller.
    unsafe { begin(log, region, false, log::Log::create) }
}

/// Opens the log that is in the region, after a crash or an orderly end. The log then has every
/// acknowledged record. Of the records that were never acknowledged it has the first few or none. A
/// crash during the recovery does no harm: recover again. Blocking.
///
/// Errors: those of `wb_log_create`, and `WB_NOT_A_LOG` (the region never had a log, so one may be
/// created). Any other error means that the region has a log: `WB_DAMAGED`, `WB_OTHER_VERSION`,
/// `WB_OTHER_LENGTH`, `WB_EXHAUSTED`.
///
/// # Safety
/// As `wb_log_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_recover(log: *mut Log, region: *const Region) -> Status {
    // SAFETY: by the caller.
    unsafe { begin(log, region, false, log::Log::recover) }
}

/// Opens the log as `wb_log_recover` does, for reading only. Neither stores to the region nor
/// flushes it. Functions that would change the log return `WB_READ_ONLY`. A record that was never
/// acknowledged may be missing after the next power cut. A log that was recovered too often can
/// still be opened this way.
///
/// # Safety
/// As `wb_log_create`. The region's memory need not be writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_open_read_only(log: *mut Log, region: *const Region) -> Status {
    // SAFETY: by the caller.
    unsafe { begin(log, region, true, log::Log::unrecovered) }
}

/// # Safety
/// As `wb_log_create`.
unsafe fn begin(
    log: *mut Log,
    region: *const Region,
    read_only: bool,
    begin: fn(Words) -> Result<log::Log<Words>, log::Error>,
) -> Status {
    status_of(|| {
        is_place(log)?;
        // SAFETY: by the caller.
        let known = unsafe { Region::known(region) }?;
        Span::of(log).is_apart(&[known.span(), Span::of(region)])?;
        let kept = Kept { log: begin(Words(known)).map_err(status)?, read_only };
        // SAFETY: not NULL and aligned; the caller vouches for the rest.
        unsafe { keep::begin(log, kept) };
        Ok(())
    })
}

/// Checks whether `wb_log_recover` accepts this region as a log. Reads only the header. The errors
/// are those of `wb_log_recover`. Only after `WB_NOT_A_LOG` does `wb_log_create` destroy no log.
///
/// # Safety
/// `region` was made by `wb_region_new` or is all zeros. Nothing else stores to its memory during
/// the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_check(region: *const Region) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        let known = unsafe { Region::known(region) }?;
        log::check(&Words(known)).map_err(status)
    })
}

fn status(error: log::Error) -> Status {
    match error {
        log::Error::TooSmall => Status::TooSmall,
        log::Error::NotALog => Status::NotALog,
        log::Error::Damaged => Status::Damaged,
        log::Error::OtherVersion => Status::OtherVersion,
        log::Error::OtherLength { .. } => Status::OtherLength,
        log::Error::Exhausted => Status::Exhausted,
    }
}

/// Appends a record of `length` bytes and waits until it is persistent: one try. `WB_OK`
/// acknowledges the record: no crash loses it. `payload` may be NULL if `length` is 0. If
/// `sequence` is not NULL, the record's number is stored there.
///
/// Errors: `WB_WOULD_BLOCK` (the log is full, and has room again after `wb_log_clear`);
/// `WB_TOO_LONG` (the record does not fit even into the empty log); `WB_NULL`, `WB_MISALIGNED`,
/// `WB_NOT_BEGUN`, `WB_READ_ONLY` (`log`); `WB_NULL`, `WB_OUT_OF_BOUNDS` (`payload`);
/// `WB_MISALIGNED` (`sequence`); `WB_OVERLAP` (`payload` or `sequence` lies in the region or in
/// `log`).
///
/// # Safety
/// `log` was begun or is all zeros, and nothing else uses it or stores to its region during the
/// call. `payload` may be read, and `sequence` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_try_append(
    log: *mut Log,
    payload: *const c_void,
    length: usize,
    sequence: *mut u64,
) -> Status {
    // SAFETY: by the caller.
    status_of(|| unsafe { append(log, payload, length, sequence, log::Log::try_append) })
}

/// A function that makes room in a full log: it copies the records elsewhere, and calls
/// `wb_log_clear`.
pub type MakeRoom = Option<unsafe extern "C" fn(log: *mut Log, context: *mut c_void)>;

/// The blocking form of `wb_log_try_append`: while the log is full it calls `make_room` with `log`
/// and `context`, and then tries again. It returns when the record is persistent, so it never
/// returns if `make_room` makes no room. If `make_room` ends the log, it returns `WB_NOT_BEGUN`.
///
/// Errors: those of `wb_log_try_append` but never `WB_WOULD_BLOCK`; `WB_NULL` (also `make_room`).
///
/// # Safety
/// As `wb_log_try_append`. `make_room` may be called with these two arguments, returns, and does
/// not change `payload` or `sequence`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_append(
    log: *mut Log,
    payload: *const c_void,
    length: usize,
    sequence: *mut u64,
    make_room: MakeRoom,
    context: *mut c_void,
) -> Status {
    status_of(|| {
        let make_room = make_room.ok_or(Status::Null)?;
        loop {
            // SAFETY: by the caller. No reference into the log is alive when `make_room` is called.
            match unsafe { append(log, payload, length, sequence, log::Log::try_append) } {
                // SAFETY: by the caller.
                Err(Status::WouldBlock) => unsafe { make_room(log, context) },
                result => return result,
            }
        }
    })
}

/// Appends a record and starts its write-back, which continues while the program makes the next
/// record. Never waits. The record is not acknowledged before `wb_log_wait`: a crash may lose it
/// and the records after it. The errors are those of `wb_log_try_append`.
///
/// # Safety
/// As `wb_log_try_append`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_start_append(
    log: *mut Log,
    payload: *const c_void,
    length: usize,
    sequence: *mut u64,
) -> Status {
    let start = |log: &mut log::Log<Words>, payload: &[u8]| {
        let mut batch = log.batch();
        let result = batch.try_append(payload);
        // `wb_log_wait` waits for it.
        core::mem::forget(batch);
        result
    };
    // SAFETY: by the caller.
    status_of(|| unsafe { append(log, payload, length, sequence, start) })
}

/// Returns when all records that `wb_log_start_append` appended are persistent, and thereby
/// acknowledges them. Blocking.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`, `WB_READ_ONLY` (`log`).
///
/// # Safety
/// What `wb_log_try_append` requires of `log`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_wait(log: *mut Log) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        unsafe { Log::kept_mut(log) }?.batch().wait();
        Ok(())
    })
}

/// # Safety
/// As `wb_log_try_append`.
unsafe fn append(
    log: *mut Log,
    payload: *const c_void,
    length: usize,
    sequence: *mut u64,
    append: impl FnOnce(&mut log::Log<Words>, &[u8]) -> nb::Result<u64, TooLong>,
) -> Result<(), Status> {
    is_place_if_any(sequence)?;
    // SAFETY: by the caller.
    let kept = unsafe { Log::kept_mut(log) }?;
    is_memory(payload, length)?;
    let others = [kept.memory().0.span(), Span::of(log)];
    Span::bytes(payload, length).is_apart(&others)?;
    Span::of(sequence).is_apart(&others)?;
    // SAFETY: by the caller. It lies outside the memory that is changed, by the checks above.
    let payload = unsafe { memory(payload, length) }?;
    let number = append(kept, payload).map_err(|error| match error {
        nb::Error::WouldBlock => Status::WouldBlock,
        nb::Error::Other(TooLong) => Status::TooLong,
    })?;
    // SAFETY: NULL or aligned; the caller vouches for the rest.
    unsafe { put(sequence, number) };
    Ok(())
}

/// Removes all records; sequence numbers continue. A crash leaves all of the records or none. Every
/// earlier `wb_record` becomes `WB_STALE`. Blocking. The errors are those of `wb_log_wait`.
///
/// # Safety
/// As `wb_log_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_clear(log: *mut Log) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        unsafe { Log::kept_mut(log) }?.clear();
        Ok(())
    })
}

/// Stores in `room` the length of the longest payload that can be appended now, in bytes.
///
/// Errors: `WB_WOULD_BLOCK` (not even an empty payload fits); `WB_NULL`, `WB_MISALIGNED` (either
/// pointer); `WB_NOT_BEGUN` (`log`); `WB_OVERLAP` (`room` lies in the region or in `log`).
///
/// # Safety
/// As `wb_log_wait`. `room` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_room(log: *const Log, room: *mut usize) -> Status {
    status_of(|| {
        is_place(room)?;
        // SAFETY: by the caller.
        let (log, others) = unsafe { Log::kept(log) }?;
        Span::of(room).is_apart(&others)?;
        let bytes = log.room().ok_or(Status::WouldBlock)?;
        // SAFETY: not NULL and aligned; the caller vouches for the rest.
        unsafe { put(room, bytes) };
        Ok(())
    })
}

/// Replaces `record` with the record after it. A record of all zeros is replaced with the oldest
/// record. So this visits all records, oldest first:
/// `wb_record record = {0}; while (wb_log_next(&log, &record) == WB_OK)`.
///
/// Errors: `WB_END` (there is no further record, and `record` does not change); `WB_STALE`
/// (`record` is not, or no longer, a record of this log); `WB_NULL`, `WB_MISALIGNED` (either
/// pointer); `WB_NOT_BEGUN` (`log`); `WB_OVERLAP` (`record` lies in the region or in `log`).
///
/// # Safety
/// As `wb_log_wait`. `record` may be written to; it may hold any values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_next(log: *const Log, record: *mut Record) -> Status {
    status_of(|| {
        is_place(record)?;
        // SAFETY: by the caller.
        let (log, others) = unsafe { Log::kept(log) }?;
        Span::of(record).is_apart(&others)?;
        // SAFETY: by the caller.
        let record = unsafe { unique(record) }?;
        let last = (record.sequence != 0).then(|| (*record).into());
        let next = log.after(last.as_ref()).map_err(|Stale| Status::Stale)?;
        *record = next.ok_or(Status::End)?.into();
        Ok(())
    })
}

/// Copies the payload of a record to `into`, up to `room` bytes of it. If `length` is not NULL, the
/// number of copied bytes is stored there. `into` may be NULL if `room` is 0.
///
/// Errors: those of `wb_log_next` but never `WB_END`; `WB_NULL`, `WB_OUT_OF_BOUNDS` (also `into`);
/// `WB_MISALIGNED` (`length`); `WB_OVERLAP` (`into` or `length` lies in the region, in `log`, in
/// `record`, or they overlap each other).
///
/// # Safety
/// As `wb_log_next`. `into` and `length` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_read(
    log: *const Log,
    record: *const Record,
    into: *mut c_void,
    room: usize,
    length: *mut usize,
) -> Status {
    status_of(|| {
        is_place_if_any(length)?;
        // SAFETY: by the caller.
        let (log, [memory, own]) = unsafe { Log::kept(log) }?;
        // SAFETY: by the caller.
        let known = (*unsafe { shared(record) }?).into();
        is_memory(into, room)?;
        let bytes = Span::bytes(into, room);
        bytes.is_apart(&[memory, own, Span::of(record), Span::of(length)])?;
        Span::of(length).is_apart(&[memory, own, Span::of(record)])?;
        // SAFETY: by the caller. The bytes are written, never read.
        let read = log.read(&known, unsafe { memory_mut(into, room) }?);
        let read = read.map_err(|Stale| Status::Stale)?.len();
        // SAFETY: NULL or aligned; the caller vouches for the rest.
        unsafe { put(length, read) };
        Ok(())
    })
}

/// Ends the log: waits until all its records are persistent. Afterwards the program may store to
/// the region again, and the log is not begun.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN` (`log`).
///
/// # Safety
/// As `wb_log_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_end(log: *mut Log) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        let Kept { mut log, read_only } = unsafe { keep::take(log) }?;
        if !read_only {
            log.batch().wait();
        }
        Ok(())
    })
}
