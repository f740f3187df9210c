//! The CPU's instructions, the blocking forms in one call, fences, hints, and the whole cache.

use core::{cell::UnsafeCell, ffi::c_void, mem::MaybeUninit};

use super::{
    Status, is_place, layout::InstructionNumber, memory, memory_mut, put, shared, status_of,
};
use crate::cache::{self, Cache as Known};

/// A byte that is flushed. It may be uninitialized, and other code may change it during the call.
type Byte = UnsafeCell<MaybeUninit<u8>>;

/// An instruction that flushes one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Instruction {
    /// Write back and invalidate, ordered like a store on Intel.
    Clflush = 1,
    /// Write back and invalidate, weakly ordered.
    Clflushopt = 2,
    /// Write back; the CPU may keep the line.
    Clwb = 3,
}

/// Further instructions that a CPU may have: bits of `wb_cache.extras`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub enum Extra {
    /// `wb_prefetch_for_writing`.
    Prefetchw = 1,
    /// `wb_demote`.
    Cldemote = 2,
    /// `wb_zero` does not fetch the lines first.
    Clzero = 4,
    /// `wb_wbnoinvd` may keep the lines.
    Wbnoinvd = 8,
}

/// The instructions with which this CPU flushes its cache. `wb_cache_get` asks CPUID for them;
/// firmware that knows its CPU may fill the fields in itself. It then promises that the CPU has
/// these instructions, and that a line is at least (with `WB_EXTRA_CLZERO`: exactly) `line` bytes
/// long. Each function that takes this struct returns `WB_INVALID` for values that no CPU has.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Cache {
    /// Bytes in a line: a power of two from 8 to 32768.
    pub line: u32,
    /// The instruction that `wb_batch_flush` uses.
    pub flush: InstructionNumber,
    /// The instruction that `wb_batch_write_back` uses.
    pub write_back: InstructionNumber,
    /// Not 0: CLFLUSH needs MFENCE before and after it. It does on every CPU that is not Intel's.
    pub clflush_is_weak: u32,
    /// Bits of `wb_extra`.
    pub extras: u32,
}

// The numbers of the C enums are those of the Rust enums. The enums exist twice because their
// documentation names the functions of one language.
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
    /// The struct for C.
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

    /// Checks what C handed over, as far as it can be checked.
    ///
    /// # Safety
    /// If the result is `Ok`, the CPU has the instructions that this names.
    pub(super) unsafe fn known(&self) -> Result<Known, Status> {
        let instruction = |number| {
            let mut all = INSTRUCTIONS.into_iter();
            all.find(|&instruction| instruction as u32 == number).ok_or(Status::Invalid)
        };
        let line = u16::try_from(self.line).map_err(|_| Status::Invalid)?;
        // A region begins at a line, and this must align its words of 8 bytes.
        if !line.is_power_of_two() || line < 8 {
            return Err(Status::Invalid);
        }
        let (flush, write_back) = (instruction(self.flush)?, instruction(self.write_back)?);
        // SAFETY: the line is a power of two; the caller vouches for the rest.
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

/// Stores in `cache` what CPUID reports. CPUID is executed once and its result is kept, because
/// under a hypervisor CPUID may trap, which takes microseconds.
///
/// Errors: `WB_NO_FLUSH` (the CPU does not even have CLFLUSH); `WB_NULL`, `WB_MISALIGNED`
/// (`cache`).
///
/// # Safety
/// `cache` may be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_cache_get(cache: *mut Cache) -> Status {
    // SAFETY: by the caller.
    unsafe { put_known(cache, Known::get) }
}

/// As `wb_cache_get`, but executes CPUID again.
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
    status_of(|| {
        is_place(cache)?;
        let known = known().ok_or(Status::NoFlush)?;
        // SAFETY: not NULL and aligned; the caller vouches for the rest.
        unsafe { put(cache, Cache::of(known)) };
        Ok(())
    })
}

/// Writes back and invalidates every line that contains one of the `length` bytes from `start`, and
/// waits until that is done. Blocking. Does nothing if `length` is 0, whatever `start` is.
///
/// Errors: `WB_NULL`, `WB_MISALIGNED`, `WB_INVALID` (`cache`); `WB_NULL`, `WB_OUT_OF_BOUNDS` (the
/// range).
///
/// # Safety
/// `cache` describes this CPU correctly. The range is mapped. Its bytes may be uninitialized, and
/// other code may write to them during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_flush_range(
    cache: *const Cache,
    start: *const c_void,
    length: usize,
) -> Status {
    // SAFETY: by the caller.
    unsafe { on_range(cache, start, length, |known, range| known.flush_range(range)) }
}

/// As `wb_flush_range`, but the CPU may keep the lines. On a CPU without CLWB they are
/// invalidated too.
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

/// Hint: the range will be written soon (PREFETCHW for each line). Does nothing without
/// `WB_EXTRA_PREFETCHW`. Never waits, changes no value, needs no fence. The errors are those of
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

/// Hint: another core will use the range next (CLDEMOTE for each line). Does nothing without
/// `WB_EXTRA_CLDEMOTE`. Never waits, changes no value. It does not replace a write-back: the CPU
/// may ignore it. The errors are those of `wb_flush_range`.
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
    status_of(|| {
        // SAFETY: by the caller.
        let known = unsafe { shared(cache)?.known() }?;
        // SAFETY: by the caller. The element type allows any bytes, and changes to them.
        operation(&known, unsafe { memory(start, length) }?);
        Ok(())
    })
}

/// Zeroes the `length` bytes from `start`: whole lines by CLZERO where the CPU has it, which does
/// not fetch them first, and the rest by stores. The zeros take effect before later stores. To make
/// them persistent, write them back too. The errors are those of `wb_flush_range`.
///
/// # Safety
/// `cache` describes this CPU correctly. The range may be written to, and nothing else uses it
/// during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_zero(cache: *const Cache, start: *mut c_void, length: usize) -> Status {
    status_of(|| {
        // SAFETY: by the caller.
        let known = unsafe { shared(cache)?.known() }?;
        // SAFETY: by the caller. The bytes are written, never read.
        known.zero(unsafe { memory_mut(start, length) }?);
        Ok(())
    })
}

/// SFENCE, **ordered**: older stores (also non-temporal ones), CLFLUSHOPT and CLWB take effect
/// before younger stores and flushes. Completes nothing. Like the other fences it is a barrier for
/// the compiler too.
#[unsafe(no_mangle)]
pub extern "C" fn wb_sfence() {
    cache::sfence();
}

/// LFENCE: older loads are done before any younger instruction begins. It neither completes nor
/// orders stores and flushes. Where a time stamp follows a flush, call it after `wb_mfence`.
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

/// WBINVD: writes back and invalidates all of this CPU's caches. Takes milliseconds, during which
/// the CPU takes no interrupt.
///
/// # Safety
/// The CPU is in ring 0 (elsewhere it faults), and no cache is used as memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_wbinvd() {
    // SAFETY: by the caller.
    unsafe { cache::wbinvd() };
}

/// WBNOINVD: as `wb_wbinvd`, but the lines may stay in the cache. A CPU without it
/// (`WB_EXTRA_WBNOINVD`) executes WBINVD instead.
///
/// # Safety
/// As `wb_wbinvd`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wb_wbnoinvd() {
    // SAFETY: by the caller.
    unsafe { cache::wbnoinvd() };
}
