//! The append-only log.

use core::{ffi::c_void, mem::MaybeUninit, ops::Range};

use super::{
    Region, Status, answer, is_place, is_place_if_any, memory, memory_mut, put, shared, unique,
};
use crate::persist::{
    Memory,
    log::{self, TooLong},
};

/// An append-only log in a region: `wb_log_create` or `wb_log_recover` begin one. Until it has
/// ended (`wb_log_end`) the program may load from the region, and does not store to it. All zeros
/// (`= {0}`) is a log that was not begun.
#[derive(Debug)]
#[repr(C)]
pub struct Log {
    begun: u64,
    opaque: [MaybeUninit<u64>; 10],
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
}

type Kept = log::Log<Words>;

const _: () = {
    assert!(size_of::<Kept>() <= size_of::<[u64; 10]>() && align_of::<Kept>() <= align_of::<u64>());
};

/// What is in `begun` while there is a log.
const BEGUN: u64 = u64::from_le_bytes(*b"wb log \x01");

/// A region as words.
///
/// Invariant: it was taken by [`Region::with`], so it begins at a line, which is aligned for a
/// word; and that its memory is there was the word of who began the log. A word that is not in the
/// region is not loaded or stored: no damaged memory and no foreign record leads out of it.
#[derive(Debug)]
struct Words(Region);

impl Words {
    fn word(&self, word: usize) -> Option<*mut u64> {
        // SAFETY: in the region, by the invariant.
        (word < self.words()).then(|| unsafe { self.0.start.cast::<u64>().add(word) })
    }
}

impl Memory for Words {
    fn words(&self) -> usize {
        self.0.length / 8
    }

    fn load(&self, word: usize) -> u64 {
        // SAFETY: by the invariant.
        self.word(word).map_or(0, |word| unsafe { word.read() })
    }

    fn store(&mut self, word: usize, value: u64) {
        if let Some(word) = self.word(word) {
            // SAFETY: by the invariant. Volatile, so that it is one store, which no other replaces.
            unsafe { word.write_volatile(value) };
        }
    }

    fn flush(&mut self, words: Range<usize>) {
        // SAFETY: by the invariant. The log asks for words that it has; more are not flushed.
        _ = unsafe { self.0.with(|region| region.flush(words.start * 8..words.end * 8)) };
    }

    fn drain(&mut self) {
        crate::cache::mfence();
    }
}

impl Log {
    /// The log that is kept there.
    ///
    /// # Safety
    /// As [`shared`]; with [`BEGUN`] in it, it was made by `begin`.
    unsafe fn kept<'a>(log: *const Self) -> Result<&'a Kept, Status> {
        // SAFETY: by the caller.
        let log = unsafe { shared(log) }?;
        if log.begun != BEGUN {
            return Err(Status::NotBegun);
        }
        // SAFETY: `begin` put one there, of this size and alignment at most.
        Ok(unsafe { &*log.opaque.as_ptr().cast() })
    }

    /// The same, to be changed.
    ///
    /// # Safety
    /// As [`kept`](Self::kept), and as [`unique`].
    unsafe fn kept_mut<'a>(log: *mut Self) -> Result<&'a mut Kept, Status> {
        // SAFETY: by the caller.
        let log = unsafe { unique(log) }?;
        if log.begun != BEGUN {
            return Err(Status::NotBegun);
        }
        // SAFETY: as above.
        Ok(unsafe { &mut *log.opaque.as_mut_ptr().cast() })
    }
}

impl Record {
    /// From C: a record that may be in a log of so many words.
    fn of(self, words: usize) -> Result<log::Record, Status> {
        let countable = self.sequence < u64::MAX;
        if !countable || self.place > words || self.length.div_ceil(8) > words - self.place {
            return Err(Status::OutOfBounds);
        }
        let Self { sequence, length, place: at, epoch } = self;
        Ok(log::Record { sequence, length, at, epoch })
    }
}

/// Makes an empty log in a region; whatever was there is gone. Writes all of it. Blocking.
///
/// `WB_NULL`, `WB_MISALIGNED`: of either pointer. `WB_INVALID`: of `region`. `WB_TOO_SMALL`.
///
/// # Safety
/// `log` may be written to. `region` was made by `wb_region_new` or is all zeros; it is copied, and
/// nobody else stores to its memory until the log has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_create(log: *mut Log, region: *const Region) -> Status {
    // SAFETY: by the caller.
    unsafe { begin(log, region, Kept::create) }
}

/// The log that is in the region, after a crash or an orderly end: every acknowledged record is
/// there, and of those never acknowledged the first few or none. It may be cut short at any time
/// and done again. Blocking.
///
/// As `wb_log_create`; `WB_NOT_A_LOG`, `WB_EXHAUSTED`.
///
/// # Safety
/// As `wb_log_create`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_recover(log: *mut Log, region: *const Region) -> Status {
    // SAFETY: by the caller.
    unsafe { begin(log, region, Kept::recover) }
}

/// # Safety
/// As `wb_log_create`.
unsafe fn begin(
    log: *mut Log,
    region: *const Region,
    begin: fn(Words) -> Result<Kept, log::Error>,
) -> Status {
    answer(|| {
        is_place(log)?;
        // SAFETY: by the caller.
        let region = *unsafe { shared(region) }?;
        // SAFETY: by the caller.
        unsafe { region.with(|_| Ok(())) }?;
        let kept = begin(Words(region)).map_err(status)?;
        let mut begun = Log { begun: BEGUN, opaque: [MaybeUninit::uninit(); 10] };
        // SAFETY: it has room and alignment for one, as was asserted.
        unsafe { begun.opaque.as_mut_ptr().cast::<Kept>().write(kept) };
        // SAFETY: a place; the rest is the caller's word.
        unsafe { put(log, begun) };
        Ok(())
    })
}

/// Whether `wb_log_recover` will take this region for a log. Reads its header only. Answers as
/// `wb_log_recover`: after `WB_NOT_A_LOG` one may create a log there.
///
/// # Safety
/// `region` was made by `wb_region_new` or is all zeros. Nobody else uses its memory meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_check(region: *const Region) -> Status {
    answer(|| {
        // SAFETY: by the caller.
        let region = *unsafe { shared(region) }?;
        // SAFETY: by the caller.
        unsafe { region.with(|_| Ok(())) }?;
        log::check(&Words(region)).map_err(status)
    })
}

fn status(error: log::Error) -> Status {
    match error {
        log::Error::TooSmall => Status::TooSmall,
        log::Error::NotALog => Status::NotALog,
        log::Error::Exhausted => Status::Exhausted,
    }
}

/// Appends a record of `length` bytes and waits until it is persistent: one try. With `WB_OK` it is
/// acknowledged: no crash loses it. `payload` may be NULL if `length` is 0. Where `sequence` is not
/// NULL, it gets the record's number.
///
/// `WB_WOULD_BLOCK`: the log is full; there is room again after `wb_log_clear`. `WB_TOO_LONG`:
/// there never will be. `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`: of `log`. `WB_NULL`,
/// `WB_OUT_OF_BOUNDS`: of `payload`. `WB_OVERLAP`: it lies in the region. `WB_MISALIGNED`: of
/// `sequence`.
///
/// # Safety
/// `log` was begun or is all zeros, and nobody else uses it or stores to its region meanwhile.
/// `payload` may be read, `sequence` written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_try_append(
    log: *mut Log,
    payload: *const c_void,
    length: usize,
    sequence: *mut u64,
) -> Status {
    // SAFETY: by the caller.
    answer(|| unsafe { append(log, payload, length, sequence, Kept::try_append) })
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
            match unsafe { append(log, payload, length, sequence, Kept::try_append) } {
                // SAFETY: by the caller.
                Err(Status::WouldBlock) => unsafe { make_room(log, context) },
                result => return result,
            }
        }
    })
}

/// Appends a record and starts its write-back, which goes on while the next one is made. Never
/// waits. Not acknowledged before `wb_log_wait`: a crash may lose it, and whatever came after it.
/// Answers as `wb_log_try_append`.
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
    let start = |log: &mut Kept, payload: &[u8]| {
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
/// `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`: of `log`.
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
    append: impl FnOnce(&mut Kept, &[u8]) -> nb::Result<u64, TooLong>,
) -> Result<(), Status> {
    is_place_if_any(sequence)?;
    // SAFETY: by the caller.
    let kept = unsafe { Log::kept_mut(log) }?;
    kept.memory().0.is_apart(payload, length)?;
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

/// Forgets all records: the log is empty, and sequence numbers go on. A crash leaves all of them or
/// none. Blocking. Answers as `wb_log_wait`.
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
/// `WB_NOT_BEGUN`: of `log`.
///
/// # Safety
/// As `wb_log_wait`. `room` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_room(log: *const Log, room: *mut usize) -> Status {
    answer(|| {
        is_place(room)?;
        // SAFETY: by the caller.
        let bytes = unsafe { Log::kept(log) }?.room().ok_or(Status::WouldBlock)?;
        // SAFETY: a place; the rest is the caller's word.
        unsafe { put(room, bytes) };
        Ok(())
    })
}

/// Turns `record` into the one after it, oldest first; one that is all zeros into the first. So
/// `wb_record record = {0}; while (wb_log_next(&log, &record) == WB_OK)` visits all.
///
/// `WB_END`: there is none, and `record` stays as it is. `WB_NULL`, `WB_MISALIGNED`: of either
/// pointer. `WB_NOT_BEGUN`: of `log`. `WB_OUT_OF_BOUNDS`: no record of this log.
///
/// # Safety
/// As `wb_log_wait`. `record` is all zeros or comes from this log, and was not cleared since.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_next(log: *const Log, record: *mut Record) -> Status {
    answer(|| {
        is_place(record)?;
        // SAFETY: by the caller.
        let log = unsafe { Log::kept(log) }?;
        // SAFETY: by the caller.
        let record = unsafe { unique(record) }?;
        let last = match record.sequence {
            0 => None,
            _ => Some(record.of(log.memory().words())?),
        };
        let log::Record { sequence, length, at: place, epoch } =
            log.after(last.as_ref()).ok_or(Status::End)?;
        *record = Record { sequence, length, place, epoch };
        Ok(())
    })
}

/// Copies the payload of a record to `into`, as much of it as `room` bytes hold. Where `length` is
/// not NULL, it gets how many were copied. `into` may be NULL if `room` is 0.
///
/// As `wb_log_next`; `WB_NULL`, `WB_OUT_OF_BOUNDS`: of `into`, too. `WB_OVERLAP`: it lies in the
/// region. `WB_MISALIGNED`: of `length`.
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
        let log = unsafe { Log::kept(log) }?;
        // SAFETY: by the caller.
        let record = unsafe { shared(record) }?.of(log.memory().words())?;
        log.memory().0.is_apart(into, room)?;
        // SAFETY: by the caller. Every value of a byte is one, and here none is read.
        let read = log.read(&record, unsafe { memory_mut(into, room) }?).len();
        // SAFETY: NULL or a place; the rest is the caller's word.
        unsafe { put(length, read) };
        Ok(())
    })
}

/// Ends the log: waits for what was started, and the region is the program's again. The log is not
/// begun afterwards. Answers as `wb_log_wait`.
///
/// # Safety
/// As `wb_log_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_log_end(log: *mut Log) -> Status {
    answer(|| {
        // SAFETY: by the caller.
        unsafe { Log::kept_mut(log) }?.batch().wait();
        // SAFETY: by the caller; the log that was kept has no drop.
        unsafe { (*log).begun = 0 };
        Ok(())
    })
}
