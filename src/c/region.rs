//! A persistent region.

use core::ffi::c_void;

use super::{
    Cache, Span, Status, answer, is_memory, is_place, layout::DomainNumber, memory, memory_mut,
    put, shared,
};
use crate::{
    cache::Cache as Known,
    persist::{self, OutOfBounds},
};

/// What survives a power cut. Firmware knows: the NFIT's platform capabilities say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Domain {
    /// ADR: what has reached the memory controller. Lines are flushed.
    MemoryController = 1,
    /// eADR: the caches too. No line is flushed, and a drain only waits until the stores have left
    /// the CPU. A wrong choice of this loses data.
    Caches = 2,
}

/// Persistent memory, made by `wb_region_new`. To be persistent, a store is flushed (starts the
/// write-back: asynchronous) and then drained (waits for all that was flushed: blocking); one drain
/// serves any number of flushes. Between two calls the memory is the program's to load and store. A
/// region may be copied, and has no end of its own; drain what was flushed before another CPU
/// uses it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Region {
    /// Its memory.
    pub start: *mut c_void,
    /// Bytes of it.
    pub length: usize,
    /// What it is flushed with.
    pub cache: Cache,
    /// What survives a power cut.
    pub domain: DomainNumber,
    /// Copies from this many bytes on are stored past the cache. `wb_region_new` sets what was
    /// measured to be best on one CPU; any other value is right, too.
    pub non_temporal_from: usize,
}

impl Region {
    /// Checks all that can be checked of it.
    ///
    /// # Safety
    /// If not refused, its cache is true of this CPU.
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

    /// The region that is there, which does not lie in its own memory.
    ///
    /// # Safety
    /// As [`shared`]. If not refused, its cache is true of this CPU.
    pub(super) unsafe fn known(region: *const Self) -> Result<Self, Status> {
        // SAFETY: by the caller.
        let known = *unsafe { shared(region) }?;
        // SAFETY: by the caller.
        unsafe { known.check() }?;
        Span::of(region).is_apart(&[known.span()])?;
        Ok(known)
    }

    /// Where its memory is.
    pub(super) fn span(&self) -> Span {
        Span::bytes(self.start, self.length)
    }

    /// The memory, for the time of a call, in which nothing else uses it. What is flushed is not
    /// waited for.
    ///
    /// # Safety
    /// If not refused, the region's memory may be written to, nothing else uses it meanwhile, and
    /// its cache is true of this CPU.
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
        // Its fence is `wb_region_drain`.
        core::mem::forget(region);
        result
    }
}

/// Makes `length` bytes from `start` on a persistent region. That they are persistent is the
/// caller's knowledge; if they are not, nothing but the data of a crash is lost.
///
/// `WB_NULL`: any pointer, even for a region of 0 bytes. `WB_MISALIGNED`: of either struct, or
/// `start` is not at a line of the cache. `WB_INVALID`: of `cache` or `domain`. `WB_OUT_OF_BOUNDS`:
/// the region would not end below the end of the address space. `WB_OVERLAP`: `region` lies in the
/// memory.
///
/// # Safety
/// `region` may be written to. `cache` is true of this CPU; it is copied. The memory may be read,
/// and for every use but that of a log which is only read (`wb_log_check`,
/// `wb_log_open_read_only`) written, for as long as the region is used. No two regions that are in
/// use share memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_new(
    region: *mut Region,
    start: *mut c_void,
    length: usize,
    cache: *const Cache,
    domain: DomainNumber,
) -> Status {
    answer(|| {
        is_place(region)?;
        // SAFETY: by the caller.
        let cache = *unsafe { shared(cache) }?;
        let non_temporal_from = persist::NON_TEMPORAL_FROM;
        let made = Region { start, length, cache, domain, non_temporal_from };
        // SAFETY: by the caller.
        unsafe { made.check() }?;
        Span::of(region).is_apart(&[made.span()])?;
        // SAFETY: a place; the rest is the caller's word.
        unsafe { put(region, made) };
        Ok(())
    })
}

/// Starts the write-back of every line that `length` bytes from offset `at` on touch. Returns when
/// all are issued; a range beyond a few KiB is better flushed in steps, by a `wb_batch`. Nothing to
/// flush if `length` is 0.
///
/// `WB_NULL`, `WB_MISALIGNED`, `WB_INVALID`: of `region`. `WB_OVERLAP`: it lies in its own memory.
/// `WB_OUT_OF_BOUNDS`: of the range, also of an empty one.
///
/// # Safety
/// `region` was made by `wb_region_new` or is all zeros. Nothing else uses its memory meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_region_flush(
    region: *const Region,
    at: usize,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on(region, |region| region.flush(at..end(at, length)?)) }
}

/// Waits until everything flushed is persistent (MFENCE). Blocking.
///
/// `WB_NULL`, `WB_MISALIGNED`, `WB_INVALID`: of `region`. `WB_OVERLAP`: it lies in its own memory.
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

/// `wb_region_flush`, then `wb_region_drain`. Blocking. Returns as `wb_region_flush`.
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

/// Copies `length` bytes from `from` to offset `at` and starts their write-back. From
/// `non_temporal_from` bytes on with non-temporal stores, and then flushed all the same. `from` may
/// be NULL if `length` is 0.
///
/// As `wb_region_flush`; `WB_NULL`, `WB_OUT_OF_BOUNDS`: of `from`, too. `WB_OVERLAP`: `from` lies
/// in the region.
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

/// As `wb_region_copy`, and waits until it is persistent. Blocking.
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

/// Zeroes `length` bytes from offset `at` on (by CLZERO where the CPU has it) and waits until that
/// is persistent. Blocking. Returns as `wb_region_flush`.
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

/// Where a range ends.
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
    answer(|| unsafe { Region::known(region)?.with(run) })
}

/// # Safety
/// As `wb_region_copy`.
unsafe fn on_copy(
    region: *const Region,
    from: *const c_void,
    length: usize,
    run: impl FnOnce(&mut persist::Region<'_>, &[u8]) -> Result<(), OutOfBounds>,
) -> Status {
    answer(|| {
        // SAFETY: by the caller.
        let region = unsafe { Region::known(region) }?;
        is_memory(from, length)?;
        Span::bytes(from, length).is_apart(&[region.span()])?;
        // SAFETY: by the caller; it lies outside the memory that is changed.
        let from = unsafe { memory(from, length) }?;
        // SAFETY: by the caller.
        unsafe { region.with(|region| run(region, from)) }
    })
}
