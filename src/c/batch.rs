//! The batch: flushes that were issued and continue by themselves, with one end for all.

use core::{ffi::c_void, mem::MaybeUninit, ptr};

use super::{
    Cache, Status, answer, is_memory, is_place,
    keep::{self, Keep},
    shared,
};
use crate::{attempt::Progress, cache};

/// Flushes that were issued, and lines still to be issued: the asynchronous operation without
/// callback. Between `wb_batch_begin` and one of its ends it stays on its CPU: another CPU's fence
/// does not wait for it. All zeros (`= {0}`) is a batch that was not begun.
#[derive(Debug)]
#[repr(C)]
pub struct Batch {
    begun: u64,
    opaque: [MaybeUninit<u64>; 5],
}

type Kept = cache::Batch<'static>;

// SAFETY: it is so; what C writes to it is C's word.
unsafe impl Keep for Batch {
    type Kept = Kept;
    const BEGUN: u64 = u64::from_le_bytes(*b"wb batch");
}

/// Begins an empty batch. What `batch` held before does not matter, and is not waited for.
///
/// `WB_NULL`, `WB_MISALIGNED`: of either pointer. `WB_INVALID`: of `cache`.
///
/// # Safety
/// `batch` may be written to. `cache` is true of this CPU; it is copied.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_begin(batch: *mut Batch, cache: *const Cache) -> Status {
    answer(|| {
        is_place(batch)?;
        // SAFETY: by the caller.
        let known = unsafe { shared(cache)?.known() }?;
        // SAFETY: a place; the rest is the caller's word.
        unsafe { keep::begin(batch, known.batch()) };
        Ok(())
    })
}

/// Begins to write back and invalidate every line that `length` bytes from `start` on touch: issues
/// up to `WB_LINES_PER_STEP` of them; `wb_batch_step` issues the next. What is left of an earlier
/// range is issued first. Never waits. Nothing to do if `length` is 0, whatever `start` is.
///
/// `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`: of `batch`. `WB_NULL`, `WB_OUT_OF_BOUNDS`: of the
/// range.
///
/// # Safety
/// `batch` was begun or is all zeros, and nothing else uses it meanwhile. The range is mapped until
/// the batch has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_flush(
    batch: *mut Batch,
    start: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { with_range(batch, start, length, |batch, range| batch.flush_raw(range)) }
}

/// As `wb_batch_flush`, but the CPU may keep the lines. Without CLWB they are invalidated, too.
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
    answer(|| {
        // SAFETY: by the caller.
        let batch = unsafe { keep::kept_mut(batch) }?;
        is_memory(start, length)?;
        begin(batch, ptr::slice_from_raw_parts(start.cast(), length));
        Ok(())
    })
}

/// Issues up to `WB_LINES_PER_STEP` lines: one try. `WB_WOULD_BLOCK`: some are left, so try again,
/// or end the batch, which issues them all. `WB_OK`: all are issued, which is not "done": that is
/// what the ends are for. Never waits.
///
/// `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`: of `batch`.
///
/// # Safety
/// `batch` was begun or is all zeros, and nothing else uses it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_step(batch: *mut Batch) -> Status {
    answer(|| {
        // SAFETY: by the caller.
        let left = unsafe { keep::kept_mut(batch) }?.step();
        if left { Err(Status::WouldBlock) } else { Ok(()) }
    })
}

/// How many lines were issued so far; 0 for NULL and for a batch that was not begun.
///
/// # Safety
/// As `wb_batch_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_issued(batch: *const Batch) -> usize {
    // SAFETY: by the caller.
    unsafe { keep::kept(batch) }.map_or(0, Progress::progress)
}

/// The end "ordered": all flushes come before my later stores, such as a doorbell. Does not wait
/// for them; what follows may still load from the cache. The batch is not begun afterwards.
///
/// `WB_NULL`, `WB_MISALIGNED`, `WB_NOT_BEGUN`: of `batch`.
///
/// # Safety
/// As `wb_batch_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_order(batch: *mut Batch) -> Status {
    // SAFETY: by the caller.
    unsafe { end(batch, Kept::order) }
}

/// The end "complete": returns when all flushes are done. Blocking. The batch is not begun
/// afterwards. Returns as `wb_batch_order`.
///
/// # Safety
/// As `wb_batch_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_batch_wait(batch: *mut Batch) -> Status {
    // SAFETY: by the caller.
    unsafe { end(batch, Kept::wait) }
}

/// As `wb_batch_wait`, and no later instruction begins before (LFENCE after the MFENCE): so that a
/// time stamp or port I/O is of after the flushes. Returns as `wb_batch_order`.
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
    answer(|| {
        // SAFETY: by the caller.
        end(unsafe { keep::take(batch) }?);
        Ok(())
    })
}
