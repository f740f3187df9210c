//! The append-only log.

use core::{ffi::c_void, mem::MaybeUninit};

use super::{
    Region, Span, Status, answer, is_memory, is_place, is_place_if_any,
    keep::{self, Keep},
    memory, memory_mut, put, shared, unique,
    words::Words,
};
use crate::persist::log::{self, Stale, TooLong};

/// An append-only log in a region: `wb_log_create`, `wb_log_recover` or `wb_log_open_read_only`
/// begin one. Until it has ended (`wb_log_end`) the program may load from the region, and does not
/// store to it. All zeros (`= {0}`) is a log that was not begun.
#[derive(Debug)]
#[repr(C)]
pub struct Log {
    begun: u64,
    opaque: [MaybeUninit<u64>; 14],
}

/// A record of a log. All zeros (`= {0}`) stands before the first one, for `wb_log_next`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Record {
    /// Its number: consecutive, from 1.
    pub sequence: u64,
    /// Bytes of its payload.
    pub length: usize,
    /// Where it is; for the log only.
    pub place: usize,
    /// When it was written; for the log only.
    pub epoch: u32,
    /// Which log it is in; for the log only.
    pub log: u64,
}

/// What is kept in a [`Log`].
pub(super) struct Kept {
    log: log::Log<Words>,
    read_only: bool,
}

// SAFETY: it is so; what C writes to it is C's word.
unsafe impl Keep for Log {
    type Kept = Kept;
    const BEGUN: u64 = u64::from_le_bytes(*b"wb log \x02");
}

impl Log {
    /// The log that is kept there, to be appended to.
    ///
    /// # Safety
    /// As [`unique`].
    unsafe fn kept_mut<'a>(log: *mut Self) -> Result<&'a mut log::Log<Words>, Status> {
        // SAFETY: by the caller.
        let kept = unsafe { keep::kept_mut(log) }?;
        if kept.read_only { Err(Status::ReadOnly) } else { Ok(&mut kept.log) }
    }

    /// The log that is kept there, and what no result of it may share memory with.
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

/// Makes an empty log in a region; whatever was there is gone. Writes all of it. Blocking. A crash
/// leaves the log that was there, or no log, or the empty one. Executes RDTSC, as `wb_log_clear`
/// does: the log's identity is mixed from it.
///
/// `WB_NULL`, `WB_MISALIGNED`: of either pointer. `WB_INVALID`: of `region`. `WB_OVERLAP`: of the
/// two structs, or one of them lies in the region. `WB_TOO_SMALL`.
///
/// # Safety
/// `log` may be written to. `region` was made by `wb_region_new` or is all zeros; it is copied, and
/// nothing else stores to its memory until the log has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_create(log: *mut Log, region: *const Region) -> Status {
    // SAFETY: by the caller.
    unsafe { begin(log, region, false, log::Log::create) }
}

/// The log that is in the region, after a crash or an orderly end: every acknowledged record is
/// there, and of those never acknowledged the first few or none. It may be cut short at any time
/// and done again. Blocking.
///
/// As `wb_log_create`. `WB_NOT_A_LOG`: there was never one, so one may be created. Another error
/// means that there is one: `WB_DAMAGED`, `WB_OTHER_VERSION`, `WB_OTHER_LENGTH`, `WB_EXHAUSTED`.
///
/// # Safety
/// As `wb_log_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_recover(log: *mut Log, region: *const Region) -> Status {
    // SAFETY: by the caller.
    unsafe { begin(log, region, false, log::Log::recover) }
}

/// As `wb_log_recover`, to be read only: the region is not stored to, and nothing is flushed. What
/// would change the log returns `WB_READ_ONLY`. A record that was never acknowledged may be gone
/// after a power cut. Never `WB_EXHAUSTED` for a log that was recovered too often.
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
    answer(|| {
        is_place(log)?;
        // SAFETY: by the caller.
        let known = unsafe { Region::known(region) }?;
        Span::of(log).is_apart(&[known.span(), Span::of(region)])?;
        let kept = Kept { log: begin(Words(known)).map_err(status)?, read_only };
        // SAFETY: a place; the rest is the caller's word.
        unsafe { keep::begin(log, kept) };
        Ok(())
    })
}

/// Whether `wb_log_recover` will take this region for a log. Reads its header only. Returns as
/// `wb_log_recover`: after `WB_NOT_A_LOG`, and no other, one may create a log there.
///
/// # Safety
/// `region` was made by `wb_region_new` or is all zeros. Nothing else stores to its memory
/// meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_check(region: *const Region) -> Status {
    answer(|| {
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

/// Appends a record of `length` bytes and waits until it is persistent: one try. With `WB_OK` it is
/// acknowledged: no crash loses it. `payload` may be NULL if `length` is 0. Where `sequence` is not
/// NULL, it gets the record's number.
///
/// `WB_WOULD_BLOCK`: the log is full; there is room again after `wb_log_clear`. `WB_TOO_LONG`:
/// there never will be. `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`, `WB_READ_ONLY`: of `log`.
/// `WB_NULL`, `WB_OUT_OF_BOUNDS`: of `payload`. `WB_MISALIGNED`: of `sequence`. `WB_OVERLAP`:
/// `payload` or `sequence` lies in the region or in `log`.
///
/// # Safety
/// `log` was begun or is all zeros, and nothing else uses it or stores to its region meanwhile.
/// `payload` may be read, `sequence` written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_try_append(
    log: *mut Log,
    payload: *const c_void,
    length: usize,
    sequence: *mut u64,
) -> Status {
    // SAFETY: by the caller.
    answer(|| unsafe { append(log, payload, length, sequence, log::Log::try_append) })
}

/// What makes room in a full log: it ships the records elsewhere, and calls `wb_log_clear`.
pub type MakeRoom = Option<unsafe extern "C" fn(log: *mut Log, context: *mut c_void)>;

/// As `wb_log_try_append`, and while the log is full `make_room` is called with `log` and
/// `context`. The blocking form: it returns with the record persistent, so it does not return if
/// `make_room` makes none. If `make_room` ends the log: `WB_NOT_BEGUN`.
///
/// As `wb_log_try_append`, never `WB_WOULD_BLOCK`; `WB_NULL`: of `make_room`, too.
///
/// # Safety
/// As `wb_log_try_append`. `make_room` may be called with these two, returns, and leaves `payload`
/// and `sequence` as they are.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_append(
    log: *mut Log,
    payload: *const c_void,
    length: usize,
    sequence: *mut u64,
    make_room: MakeRoom,
    context: *mut c_void,
) -> Status {
    answer(|| {
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

/// Appends a record and starts its write-back, which continues while the next one is made. Never
/// waits. Not acknowledged before `wb_log_wait`: a crash may lose it, and whatever came after it.
/// Returns as `wb_log_try_append`.
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
        // Its fence is `wb_log_wait`.
        core::mem::forget(batch);
        result
    };
    // SAFETY: by the caller.
    answer(|| unsafe { append(log, payload, length, sequence, start) })
}

/// Returns when all records that were started are persistent: acknowledges them, however many.
/// Blocking.
///
/// `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`, `WB_READ_ONLY`: of `log`.
///
/// # Safety
/// As `wb_log_try_append`, as far as it concerns `log`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_wait(log: *mut Log) -> Status {
    answer(|| {
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
    // SAFETY: by the caller; it lies outside the memory that is changed.
    let payload = unsafe { memory(payload, length) }?;
    let number = append(kept, payload).map_err(|error| match error {
        nb::Error::WouldBlock => Status::WouldBlock,
        nb::Error::Other(TooLong) => Status::TooLong,
    })?;
    // SAFETY: NULL or a place; the rest is the caller's word.
    unsafe { put(sequence, number) };
    Ok(())
}

/// Forgets all records: the log is empty, and sequence numbers continue. A crash leaves all of them
/// or none. Every `wb_record` from before is `WB_STALE`. Blocking. Returns as `wb_log_wait`.
///
/// # Safety
/// As `wb_log_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_clear(log: *mut Log) -> Status {
    answer(|| {
        // SAFETY: by the caller.
        unsafe { Log::kept_mut(log) }?.clear();
        Ok(())
    })
}

/// The longest payload that can be appended now, in bytes, to `room`.
///
/// `WB_WOULD_BLOCK`: not even an empty one. `WB_NULL`, `WB_MISALIGNED`: of either pointer.
/// `WB_NOT_BEGUN`: of `log`. `WB_OVERLAP`: `room` lies in the region or in `log`.
///
/// # Safety
/// As `wb_log_wait`. `room` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_room(log: *const Log, room: *mut usize) -> Status {
    answer(|| {
        is_place(room)?;
        // SAFETY: by the caller.
        let (log, others) = unsafe { Log::kept(log) }?;
        Span::of(room).is_apart(&others)?;
        let bytes = log.room().ok_or(Status::WouldBlock)?;
        // SAFETY: a place; the rest is the caller's word.
        unsafe { put(room, bytes) };
        Ok(())
    })
}

/// Turns `record` into the one after it, oldest first; one that is all zeros into the first. So
/// `wb_record record = {0}; while (wb_log_next(&log, &record) == WB_OK)` visits all.
///
/// `WB_END`: there is none, and `record` stays as it is. `WB_STALE`: it is no record of this log, or
/// no longer. `WB_NULL`, `WB_MISALIGNED`: of either pointer. `WB_NOT_BEGUN`: of `log`. `WB_OVERLAP`:
/// `record` lies in the region or in `log`.
///
/// # Safety
/// As `wb_log_wait`. `record` may be written to; what it holds does not matter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_next(log: *const Log, record: *mut Record) -> Status {
    answer(|| {
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

/// Copies the payload of a record to `into`, as much of it as `room` bytes hold. Where `length` is
/// not NULL, it gets how many were copied. `into` may be NULL if `room` is 0.
///
/// As `wb_log_next`, never `WB_END`; `WB_NULL`, `WB_OUT_OF_BOUNDS`: of `into`, too.
/// `WB_MISALIGNED`: of `length`. `WB_OVERLAP`: `into` or `length` lies in the region, in `log`, in
/// `record` or in the other.
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
    answer(|| {
        is_place_if_any(length)?;
        // SAFETY: by the caller.
        let (log, [memory, own]) = unsafe { Log::kept(log) }?;
        // SAFETY: by the caller.
        let known = (*unsafe { shared(record) }?).into();
        is_memory(into, room)?;
        let bytes = Span::bytes(into, room);
        bytes.is_apart(&[memory, own, Span::of(record), Span::of(length)])?;
        Span::of(length).is_apart(&[memory, own, Span::of(record)])?;
        // SAFETY: by the caller. Every value of a byte is one, and here none is read.
        let read = log.read(&known, unsafe { memory_mut(into, room) }?);
        let read = read.map_err(|Stale| Status::Stale)?.len();
        // SAFETY: NULL or a place; the rest is the caller's word.
        unsafe { put(length, read) };
        Ok(())
    })
}

/// Ends the log: waits for what was started, and the region is the program's again. The log is not
/// begun afterwards.
///
/// `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`: of `log`.
///
/// # Safety
/// As `wb_log_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_end(log: *mut Log) -> Status {
    answer(|| {
        // SAFETY: by the caller.
        let Kept { mut log, read_only } = unsafe { keep::take(log) }?;
        if !read_only {
            log.batch().wait();
        }
        Ok(())
    })
}
