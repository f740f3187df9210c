//! The batch: flushes that were issued and continue without the caller, with one end for all of
//! them.

use core::{ffi::c_void, mem::MaybeUninit, ptr};

use super::{
    Cache, Status, is_memory, is_place,
    keep::{self, Keep},
    shared, status_of,
};
use crate::{attempt::Progress, cache};

/// Flushes that were issued, and lines that are still to be issued: an asynchronous operation
/// without a callback. Between `wb_batch_begin` and one of its ends the program must use it on one
/// CPU: a fence does not wait for another CPU's flushes. A batch of all zeros (`= {0}`) is not
/// begun.
#[derive(Debug)]
#[repr(C)]
pub struct Batch {
    begun: u64,
    opaque: [MaybeUninit<u64>; 5],
}

type Kept = cache::Batch<'static>;

// SAFETY: the struct is `repr(C)` and begins with `begun: u64`. That C does not write to it is a
// duty of the C program.
unsafe impl Keep for Batch {
    type Kept = Kept;
    const BEGUN: u64 = u64::from_le_bytes(*b"wb batch");
}

/// Begins an empty batch. Overwrites what `batch` held before, without waiting for it.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED` (either pointer); `WB_INVALID` (`cache`).
///
/// # Safety
/// `batch` may be written to. `cache` describes this CPU correctly; it is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_begin(batch: *mut Batch, cache: *const Cache) -> Status {
    status_of(|| {
        is_place(batch)?;
        // SAFETY: by the caller.
        let known = unsafe { shared(cache)?.known() }?;
        // SAFETY: not NULL and aligned; the caller vouches for the rest.
        unsafe { keep::begin(batch, known.batch()) };
        Ok(())
    })
}

/// Begins to write back and invalidate every line that contains one of the `length` bytes from
/// `start`. First issues the lines that are left of an earlier range, then up to
/// `WB_LINES_PER_STEP` lines of this one; `wb_batch_step` issues the next. Never waits. Does
/// nothing if `length` is 0, whatever `start` is.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN` (`batch`); `WB_NULL`, `WB_OUT_OF_BOUNDS` (the
/// range).
///
/// # Safety
/// `batch` was begun or is all zeros, and nothing else uses it during the call. The range stays
/// mapped until the batch has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_flush(
    batch: *mut Batch,
    start: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { with_range(batch, start, length, |batch, range| batch.flush_raw(range)) }
}

/// As `wb_batch_flush`, but the CPU may keep the lines. On a CPU without CLWB they are invalidated
/// too.
///
/// # Safety
/// As `wb_batch_flush`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_write_back(
    batch: *mut Batch,
    start: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { with_range(batch, start, length, |batch, range| batch.write_back_raw(range)) }
}

/// # Safety
/// As `wb_batch_flush`.
unsafe fn with_range(
    batch: *mut Batch,
    start: *const c_void,
    length: usize,
    begin: impl FnOnce(&mut Kept, *const [u8]),
) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        let batch = unsafe { keep::kept_mut(batch) }?;
        is_memory(start, length)?;
        begin(batch, ptr::slice_from_raw_parts(start.cast(), length));
        Ok(())
    })
}

/// Issues up to `WB_LINES_PER_STEP` lines: one try. Never waits. Returns `WB_WOULD_BLOCK` if lines
/// are left: try again, or end the batch, which issues them all. Returns `WB_OK` if all lines are
/// issued. "Issued" is not "done": only an end makes sure of that.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN` (`batch`).
///
/// # Safety
/// `batch` was begun or is all zeros, and nothing else uses it during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_step(batch: *mut Batch) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        let left = unsafe { keep::kept_mut(batch) }?.step();
        if left { Err(Status::WouldBlock) } else { Ok(()) }
    })
}

/// The number of lines issued so far; 0 for NULL and for a batch that was not begun.
///
/// # Safety
/// As `wb_batch_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_issued(batch: *const Batch) -> usize {
    // SAFETY: by the caller.
    unsafe { keep::kept(batch) }.map_or(0, Progress::progress)
}

/// The end "ordered": all flushes take effect before later stores of this CPU, such as a doorbell.
/// Does not wait for the flushes: a later load may still be served by the cache. Afterwards the
/// batch is not begun.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN` (`batch`).
///
/// # Safety
/// As `wb_batch_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_order(batch: *mut Batch) -> Status {
    // SAFETY: by the caller.
    unsafe { end(batch, Kept::order) }
}

/// The end "complete": returns when all flushes are done. Blocking. Afterwards the batch is not
/// begun. The errors are those of `wb_batch_order`.
///
/// # Safety
/// As `wb_batch_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_wait(batch: *mut Batch) -> Status {
    // SAFETY: by the caller.
    unsafe { end(batch, Kept::wait) }
}

/// As `wb_batch_wait`, and no later instruction begins before the flushes are done (MFENCE, then
/// LFENCE). Use it where a time stamp or port I/O follows. The errors are those of
/// `wb_batch_order`.
///
/// # Safety
/// As `wb_batch_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_wait_and_serialize(batch: *mut Batch) -> Status {
    // SAFETY: by the caller.
    unsafe { end(batch, Kept::wait_and_serialize) }
}

/// # Safety
/// As `wb_batch_step`.
unsafe fn end(batch: *mut Batch, end: fn(Kept)) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        end(unsafe { keep::take(batch) }?);
        Ok(())
    })
}
