//! What the CPU has, the blocking forms in one call, fences, hints, and the whole cache.

use core::{cell::UnsafeCell, ffi::c_void, mem::MaybeUninit};

use super::{Status, answer, is_place, layout::InstructionNumber, memory, memory_mut, put, shared};
use crate::cache::{self, Cache as Known};

/// A byte that is flushed: of any value or none, and anything may change it meanwhile.
type Byte = UnsafeCell<MaybeUninit<u8>>;

/// An instruction that flushes one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Instruction {
    /// Write back and invalidate, ordered like a store on Intel.
    Clflush = 1,
    /// Write back and invalidate, weakly ordered.
    Clflushopt = 2,
    /// Write back, and keep the line if the CPU likes.
    Clwb = 3,
}

/// A hint or an operation that a CPU may have besides: bits of `wb_cache.extras`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Extra {
    /// `wb_prefetch_for_writing`.
    Prefetchw = 1,
    /// `wb_demote`.
    Cldemote = 2,
    /// `wb_zero` without fetching the lines first.
    Clzero = 4,
    /// `wb_wbnoinvd` keeps the lines.
    Wbnoinvd = 8,
}

/// What this CPU has to flush its cache with: what CPUID says (`wb_cache_get`), or filled in by hand
/// by firmware that knows its CPU. By hand it is a promise: the CPU has these instructions, and its
/// lines are at least (with `WB_EXTRA_CLZERO`: exactly) `line` bytes long. Each function that takes
/// one returns `WB_INVALID` for fields that no CPU has.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Cache {
    /// Bytes in a line: a power of two from 8 to 32768.
    pub line: u32,
    /// The instruction behind `wb_batch_flush`.
    pub flush: InstructionNumber,
    /// The instruction behind `wb_batch_write_back`.
    pub write_back: InstructionNumber,
    /// Not 0: CLFLUSH needs MFENCE before and after it, as on every CPU but Intel's.
    pub clflush_is_weak: u32,
    /// Bits of `wb_extra`.
    pub extras: u32,
}

/// The numbers are the same on both sides, whose documentation is not.
const INSTRUCTIONS: [cache::Instruction; 3] =
    [cache::Instruction::Clflush, cache::Instruction::Clflushopt, cache::Instruction::Clwb];
const EXTRAS: [cache::Extra; 4] =
    [cache::Extra::Prefetchw, cache::Extra::Cldemote, cache::Extra::Clzero, cache::Extra::Wbnoinvd];

const _: () = {
    use Extra::{Cldemote, Clzero, Prefetchw, Wbnoinvd};
    use Instruction::{Clflush, Clflushopt, Clwb};
    let (instructions, extras) =
        ([Clflush, Clflushopt, Clwb], [Prefetchw, Cldemote, Clzero, Wbnoinvd]);
    let mut n = 0;
    while n < extras.len() {
        assert!(extras[n] as u32 == EXTRAS[n] as u32);
        assert!(n == instructions.len() || instructions[n] as u32 == INSTRUCTIONS[n] as u32);
        n += 1;
    }
};

impl Cache {
    /// For C.
    fn of(known: Known) -> Self {
        let found = EXTRAS.into_iter().filter(|&extra| known.has(extra));
        Self {
            line: known.line() as u32,
            flush: known.flush_instruction() as u32,
            write_back: known.write_back_instruction() as u32,
            clflush_is_weak: u32::from(known.clflush_is_weak()),
            extras: found.fold(0, |bits, extra| bits | extra as u32),
        }
    }

    /// From C: as far as it can be checked.
    ///
    /// # Safety
    /// If not refused, the CPU has what this says.
    pub(super) unsafe fn known(&self) -> Result<Known, Status> {
        let instruction = |number| {
            let mut all = INSTRUCTIONS.into_iter();
            all.find(|&instruction| instruction as u32 == number).ok_or(Status::Invalid)
        };
        let line = u16::try_from(self.line).map_err(|_| Status::Invalid)?;
        // A region begins at a line, and its words of 8 bytes are aligned by that.
        if !line.is_power_of_two() || line < 8 {
            return Err(Status::Invalid);
        }
        let (flush, write_back) = (instruction(self.flush)?, instruction(self.write_back)?);
        // SAFETY: the line is a power of two; the rest is the caller's word.
        let plain = unsafe { Known::new(line, flush, write_back, self.clflush_is_weak != 0) };
        let (known, rest) =
            EXTRAS.into_iter().fold((plain, self.extras), |(known, rest), extra| {
                match rest & extra as u32 {
                    0 => (known, rest),
                    // SAFETY: by the caller.
                    bit => (unsafe { known.with(extra) }, rest & !bit),
                }
            });
        if rest == 0 { Ok(known) } else { Err(Status::Invalid) }
    }
}

/// What CPUID says. Asked once and kept: CPUID may trap, for microseconds, under a hypervisor.
///
/// `WB_NO_FLUSH`: this CPU has not even CLFLUSH. `WB_NULL`, `WB_MISALIGNED`: of `cache`.
///
/// # Safety
/// `cache` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_cache_get(cache: *mut Cache) -> Status {
    // SAFETY: by the caller.
    unsafe { put_known(cache, Known::get) }
}

/// As `wb_cache_get`, asked anew.
///
/// # Safety
/// As `wb_cache_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_cache_detect(cache: *mut Cache) -> Status {
    // SAFETY: by the caller.
    unsafe { put_known(cache, Known::detect) }
}

/// # Safety
/// `cache` may be written to.
unsafe fn put_known(cache: *mut Cache, known: fn() -> Option<Known>) -> Status {
    answer(|| {
        is_place(cache)?;
        let known = known().ok_or(Status::NoFlush)?;
        // SAFETY: a place; the rest is the caller's word.
        unsafe { put(cache, Cache::of(known)) };
        Ok(())
    })
}

/// Writes back and invalidates every line that `length` bytes from `start` on touch, and waits
/// until that is done. Blocking. Nothing to do if `length` is 0, whatever `start` is.
///
/// `WB_NULL`, `WB_MISALIGNED`, `WB_INVALID`: of `cache`. `WB_NULL`, `WB_OUT_OF_BOUNDS`: of the
/// range.
///
/// # Safety
/// `cache` is true of this CPU. The range is mapped. What it holds does not matter, and others may
/// write to it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_flush_range(
    cache: *const Cache,
    start: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on_range(cache, start, length, |known, range| known.flush_range(range)) }
}

/// As `wb_flush_range`, but the CPU may keep the lines. Without CLWB they are invalidated, too.
///
/// # Safety
/// As `wb_flush_range`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_write_back_range(
    cache: *const Cache,
    start: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on_range(cache, start, length, |known, range| known.write_back_range(range)) }
}

/// Hint: the range will be written soon (PREFETCHW for each line). Nothing without
/// `WB_EXTRA_PREFETCHW`. Never waits, changes no value, needs no fence. Returns as
/// `wb_flush_range`.
///
/// # Safety
/// As `wb_flush_range`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_prefetch_for_writing(
    cache: *const Cache,
    start: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on_range(cache, start, length, |known, range| known.prefetch_for_writing(range)) }
}

/// Hint: the range will next be used by another core (CLDEMOTE for each line). Nothing without
/// `WB_EXTRA_CLDEMOTE`. Never waits, changes no value; it is no write-back: nothing may rely on it.
/// Returns as `wb_flush_range`.
///
/// # Safety
/// As `wb_flush_range`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_demote(
    cache: *const Cache,
    start: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on_range(cache, start, length, |known, range| known.demote(range)) }
}

/// # Safety
/// As `wb_flush_range`.
unsafe fn on_range(
    cache: *const Cache,
    start: *const c_void,
    length: usize,
    operation: impl FnOnce(&Known, &[Byte]),
) -> Status {
    answer(|| {
        // SAFETY: by the caller.
        let known = unsafe { shared(cache)?.known() }?;
        // SAFETY: by the caller; the type says nothing of the bytes.
        operation(&known, unsafe { memory(start, length) }?);
        Ok(())
    })
}

/// Zeroes `length` bytes from `start` on: whole lines by CLZERO where the CPU has it, which does
/// not fetch them first, the rest by stores. The zeros come before later stores; to make them
/// persistent needs a write-back besides. Returns as `wb_flush_range`.
///
/// # Safety
/// `cache` is true of this CPU. The range may be written to, and nothing else uses it meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_zero(cache: *const Cache, start: *mut c_void, length: usize) -> Status {
    answer(|| {
        // SAFETY: by the caller.
        let known = unsafe { shared(cache)?.known() }?;
        // SAFETY: by the caller. Every value of a byte is one, and here none is read.
        known.zero(unsafe { memory_mut(start, length) }?);
        Ok(())
    })
}

/// SFENCE, **ordered**: older stores (non-temporal ones too), CLFLUSHOPT and CLWB come before
/// younger stores and flushes. Completes nothing. A barrier for the compiler, too, as the others.
#[unsafe(no_mangle)]
pub extern "C" fn wb_sfence() {
    cache::sfence();
}

/// LFENCE: older loads are done before any younger instruction begins. Neither completes nor orders
/// a store or a flush: put it after `wb_mfence`, where a time stamp follows.
#[unsafe(no_mangle)]
pub extern "C" fn wb_lfence() {
    cache::lfence();
}

/// MFENCE, **complete**: older loads, stores and flushes are done before any younger load, store or
/// flush.
#[unsafe(no_mangle)]
pub extern "C" fn wb_mfence() {
    cache::mfence();
}

/// WBINVD: writes back and invalidates all of this CPU's caches. Takes milliseconds, with no
/// interrupt in between.
///
/// # Safety
/// Ring 0; elsewhere it faults. No cache is in use as memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_wbinvd() {
    // SAFETY: by the caller.
    unsafe { cache::wbinvd() };
}

/// WBNOINVD: as `wb_wbinvd`, but the lines may stay. A CPU without it (`WB_EXTRA_WBNOINVD`) runs
/// WBINVD.
///
/// # Safety
/// As `wb_wbinvd`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_wbnoinvd() {
    // SAFETY: by the caller.
    unsafe { cache::wbnoinvd() };
}
