//! A persistent region.

use core::ffi::c_void;

use super::{
    Cache, Span, Status, is_memory, is_place, layout::DomainNumber, memory, memory_mut, put,
    shared, status_of,
};
use crate::{
    cache::Cache as Known,
    persist::{self, OutOfBounds},
};

/// The parts of the machine whose content survives a power cut. Firmware finds it in the NFIT's
/// platform capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Domain {
    /// ADR: stores that have reached the memory controller. Lines are flushed.
    MemoryController = 1,
    /// eADR: the caches too. No line is flushed, and a drain only waits until the stores have left
    /// the CPU. On a platform without eADR this choice loses data.
    Caches = 2,
}

/// Persistent memory, made by `wb_region_new`. To make a store persistent, flush it (this starts
/// the write-back: asynchronous) and then drain (this waits for all flushes: blocking). One drain
/// serves any number of flushes. Between two calls the program may load from the memory and store
/// to it. A region may be copied, and need not be ended. Drain before another CPU uses the region.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Region {
    /// The first byte of its memory.
    pub start: *mut c_void,
    /// The length of its memory in bytes.
    pub length: usize,
    /// The instructions with which it is flushed.
    pub cache: Cache,
    /// The `wb_domain` of the platform.
    pub domain: DomainNumber,
    /// Copies of at least this many bytes are stored past the cache. `wb_region_new` sets the value
    /// that was measured to be best on one CPU. Any value is correct; it only affects speed.
    pub non_temporal_from: usize,
}

impl Region {
    /// Checks the fields as far as they can be checked.
    ///
    /// # Safety
    /// If the result is `Ok`, `cache` describes this CPU correctly.
    unsafe fn check(&self) -> Result<(Known, persist::Domain), Status> {
        // SAFETY: by the caller.
        let cache = unsafe { self.cache.known() }?;
        let domain = match self.domain {
            1 => persist::Domain::MemoryController,
            2 => persist::Domain::Caches,
            _ => return Err(Status::Invalid),
        };
        is_place(self.start.cast::<u8>())?;
        is_memory(self.start, self.length)?;
        let misaligned = self.start.addr() & (cache.line() - 1) != 0;
        if misaligned { Err(Status::Misaligned) } else { Ok((cache, domain)) }
    }

    /// The region that `region` points to. Refuses a struct that lies in the region's own memory.
    ///
    /// # Safety
    /// As [`shared`]. If the result is `Ok`, its `cache` describes this CPU correctly.
    pub(super) unsafe fn known(region: *const Self) -> Result<Self, Status> {
        // SAFETY: by the caller.
        let known = *unsafe { shared(region) }?;
        // SAFETY: by the caller.
        unsafe { known.check() }?;
        Span::of(region).is_apart(&[known.span()])?;
        Ok(known)
    }

    /// Its memory.
    pub(super) fn span(&self) -> Span {
        Span::bytes(self.start, self.length)
    }

    /// Calls `run` with the region. Does not wait for what `run` flushes.
    ///
    /// # Safety
    /// If the fields are accepted, the region's memory may be written to, nothing else uses it
    /// during the call, and `cache` describes this CPU correctly.
    pub(super) unsafe fn with(
        &self,
        run: impl FnOnce(&mut persist::Region<'_>) -> Result<(), OutOfBounds>,
    ) -> Result<(), Status> {
        // SAFETY: by the caller.
        let (cache, domain) = unsafe { self.check() }?;
        // SAFETY: by the caller.
        let bytes = unsafe { memory_mut(self.start, self.length) }?;
        let region = persist::Region::new(bytes, cache, domain).map_err(|_| Status::Misaligned)?;
        let mut region = region.non_temporal_from(self.non_temporal_from);
        let result = run(&mut region).map_err(|OutOfBounds| Status::OutOfBounds);
        // `wb_region_drain` waits for it.
        core::mem::forget(region);
        result
    }
}

/// Makes the `length` bytes from `start` a persistent region. The caller knows that they are
/// persistent. If they are not, a crash loses the data; nothing else goes wrong.
///
/// Errors: `WB_NULL` (any pointer, even for a region of 0 bytes); `WB_MISALIGNED` (either struct,
/// or `start` is not the start of a cache line); `WB_INVALID` (`cache` or `domain`);
/// `WB_OUT_OF_BOUNDS` (the region would not end below the end of the address space); `WB_OVERLAP`
/// (`region` lies in the memory).
///
/// # Safety
/// `region` may be written to. `cache` describes this CPU correctly; it is copied. The memory may
/// be read for as long as the region is used. It may also be written to, unless the region is used
/// only by `wb_log_check` and `wb_log_open_read_only`. No two regions that are in use share memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_new(
    region: *mut Region,
    start: *mut c_void,
    length: usize,
    cache: *const Cache,
    domain: DomainNumber,
) -> Status {
    status_of(|| {
        is_place(region)?;
        // SAFETY: by the caller.
        let cache = *unsafe { shared(cache) }?;
        let non_temporal_from = persist::NON_TEMPORAL_FROM;
        let made = Region { start, length, cache, domain, non_temporal_from };
        // SAFETY: by the caller.
        unsafe { made.check() }?;
        Span::of(region).is_apart(&[made.span()])?;
        // SAFETY: not NULL and aligned; the caller vouches for the rest.
        unsafe { put(region, made) };
        Ok(())
    })
}

/// Starts the write-back of every line that contains one of the `length` bytes from offset `at`.
/// Returns when all lines are issued. For a range of more than a few KiB use a `wb_batch`, which
/// issues the lines in steps. Flushes nothing if `length` is 0.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED`, `WB_INVALID` (`region`); `WB_OVERLAP` (`region` lies in its
/// own memory); `WB_OUT_OF_BOUNDS` (the range, even an empty one).
///
/// # Safety
/// `region` was made by `wb_region_new` or is all zeros. Nothing else uses its memory during the
/// call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_flush(
    region: *const Region,
    at: usize,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on(region, |region| region.flush(at..end(at, length)?)) }
}

/// Waits until all flushed lines are persistent (MFENCE). Blocking.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED`, `WB_INVALID` (`region`); `WB_OVERLAP` (`region` lies in its
/// own memory).
///
/// # Safety
/// As `wb_region_flush`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_drain(region: *const Region) -> Status {
    // SAFETY: by the caller.
    unsafe {
        on(region, |region| {
            region.drain();
            Ok(())
        })
    }
}

/// `wb_region_flush`, then `wb_region_drain`. Blocking. The errors are those of `wb_region_flush`.
///
/// # Safety
/// As `wb_region_flush`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_persist(
    region: *const Region,
    at: usize,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on(region, |region| region.persist(at..end(at, length)?)) }
}

/// Copies `length` bytes from `from` to offset `at` and starts their write-back. Copies of at least
/// `non_temporal_from` bytes use non-temporal stores; their lines are flushed too. `from` may be
/// NULL if `length` is 0.
///
/// Errors: those of `wb_region_flush`; `WB_NULL`, `WB_OUT_OF_BOUNDS` (also `from`); `WB_OVERLAP`
/// (`from` lies in the region).
///
/// # Safety
/// As `wb_region_flush`, and `from` may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_copy(
    region: *const Region,
    at: usize,
    from: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on_copy(region, from, length, |region, from| region.copy(at, from)) }
}

/// As `wb_region_copy`, and waits until the copy is persistent. Blocking.
///
/// # Safety
/// As `wb_region_copy`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_copy_persist(
    region: *const Region,
    at: usize,
    from: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on_copy(region, from, length, |region, from| region.copy_persist(at, from)) }
}

/// Zeroes the `length` bytes from offset `at` (by CLZERO where the CPU has it) and waits until the
/// zeros are persistent. Blocking. The errors are those of `wb_region_flush`.
///
/// # Safety
/// As `wb_region_flush`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_zero_persist(
    region: *const Region,
    at: usize,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on(region, |region| region.zero_persist(at..end(at, length)?)) }
}

/// The end of the range of `length` bytes from `at`.
fn end(at: usize, length: usize) -> Result<usize, OutOfBounds> {
    at.checked_add(length).ok_or(OutOfBounds)
}

/// # Safety
/// As `wb_region_flush`.
unsafe fn on(
    region: *const Region,
    run: impl FnOnce(&mut persist::Region<'_>) -> Result<(), OutOfBounds>,
) -> Status {
    // SAFETY: by the caller.
    status_of(|| unsafe { Region::known(region)?.with(run) })
}

/// # Safety
/// As `wb_region_copy`.
unsafe fn on_copy(
    region: *const Region,
    from: *const c_void,
    length: usize,
    run: impl FnOnce(&mut persist::Region<'_>, &[u8]) -> Result<(), OutOfBounds>,
) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        let region = unsafe { Region::known(region) }?;
        is_memory(from, length)?;
        Span::bytes(from, length).is_apart(&[region.span()])?;
        // SAFETY: by the caller. It lies outside the memory that is changed, by the check above.
        let from = unsafe { memory(from, length) }?;
        // SAFETY: by the caller.
        unsafe { region.with(|region| run(region, from)) }
    })
}
