//! Cache flush in ring 0. QEMU executes a flush as a no-op, so its effect cannot be observed. On a
//! CPU model without the instruction QEMU raises #UD instead; then the handler sees every operand.

use core::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use board::{
    Board,
    exceptions::{Exception, Frame, remove_handler, set_handler},
};
use firmware::report::Xorshift;
use wouldblock::{
    attempt::{Attempt, Progress},
    cache::{
        self, Batch, Cache,
        Instruction::{self, Clflush, Clflushopt, Clwb},
        LINES_PER_STEP,
    },
};

fn flushed_in_steps(_: &'static Board) {
    let cache = Cache::get().expect("a cache that can be flushed");
    assert_eq!(Cache::detect(), Some(cache));
    assert_eq!(cache.line(), 64);
    static MEMORY: [u8; 64 * 200] = [5; 64 * 200];
    let mut batch = cache.batch();
    batch.flush(&MEMORY);
    let mut tries = 0;
    while batch.attempt().is_err() {
        tries += 1;
        assert_eq!(batch.progress() % LINES_PER_STEP, 0);
    }
    assert!(tries >= 2);
    assert!(batch.progress() >= 200);
    batch.wait();
    cache.write_back_range(&MEMORY[1..2]);
    cache.flush_range(&MEMORY[..0]);
    assert!(MEMORY.iter().all(|&byte| byte == 5));
}
crate::registry::test!(flushed_in_steps);

/// Only flush instructions that this CPU has are executed: any other would raise #UD. The runner
/// boots this test on CPUs that lack some of them, and reads from the log what was chosen.
fn falls_back_to_what_there_is(_: &'static Board) {
    static MEMORY: [u8; 1000] = [5; 1000];
    let Some(cache) = Cache::get() else {
        defmt::info!("chosen: no cache that can be flushed");
        return;
    };
    defmt::info!("chosen: {}", cache);
    cache.flush_range(&MEMORY);
    cache.write_back_range(&MEMORY);
    let mut batch = cache.batch();
    batch.flush(&MEMORY[3..]);
    batch.write_back(&MEMORY[..7]);
    batch.order();
    assert!(MEMORY.iter().all(|&byte| byte == 5));
}
crate::registry::test!(falls_back_to_what_there_is);

/// In ring 0 all caches can be written back at once, and no data is lost.
fn the_whole_cache(_: &'static Board) {
    let memory = core::hint::black_box([7_u64; 100]);
    // SAFETY: this runs in ring 0, and no cache is used as memory.
    unsafe {
        cache::wbinvd();
        cache::wbnoinvd();
    }
    assert!(memory.iter().all(|&word| word == 7));
}
crate::registry::test!(the_whole_cache);

const LINE: usize = 64;
const RANGES: usize = 4000;
/// Cache lines in the longest range: more than one step flushes.
const LONGEST: usize = 150;

/// The number of flushes of one range that trapped.
static TRAPS: AtomicUsize = AtomicUsize::new(0);
/// Instruction and address of each of these flushes, in order.
static TRAPPED: [[AtomicUsize; 2]; LONGEST + 2] =
    [const { [const { AtomicUsize::new(0) }; 2] }; LONGEST + 2];

/// Records instruction and operand of a flush that this CPU does not have, and skips it.
fn note(frame: &mut Frame) -> bool {
    let Some((instruction, register, length)) = decode(frame.instruction()) else { return false };
    if let Some([kind, address]) = TRAPPED.get(TRAPS.fetch_add(1, Relaxed)) {
        kind.store(instruction as usize, Relaxed);
        address.store(frame.register(register) as usize, Relaxed);
    }
    // SAFETY: the instruction is a flush of this length. A flush changes no value, so the program
    // means the same without it.
    unsafe { frame.skip(length) };
    true
}

/// Decodes a flush: the instruction, the register that holds its operand, and its length in bytes
/// (Intel SDM vol. 2, chapter 2).
fn decode(code: &[u8]) -> Option<(Instruction, usize, u64)> {
    let (prefix, rest) = match code {
        [0x66, rest @ ..] => (true, rest),
        _ => (false, code),
    };
    let (rex, rest) = match rest {
        [rex @ 0x40..=0x4f, rest @ ..] => (Some(rex), rest),
        _ => (None, rest),
    };
    let [0x0f, 0xae, modrm, rest @ ..] = rest else { return None };
    let instruction = match (prefix, modrm >> 3 & 7) {
        (false, 7) => Clflush,
        (true, 7) => Clflushopt,
        (true, 6) => Clwb,
        _ => return None,
    };
    // The operand is `[register]`: rsp and r12 need a SIB byte, rbp and r13 a displacement of 0.
    let more = match (modrm >> 6, modrm & 7, rest) {
        (0, 4, [0x24, ..]) | (1, 0..=3 | 5..=7, [0, ..]) => 1,
        (0, 0..=3 | 6 | 7, _) => 0,
        _ => return None,
    };
    let register = usize::from(modrm & 7) | usize::from(rex.unwrap_or(&0) & 1) << 3;
    Some((instruction, register, 3 + u64::from(prefix) + u64::from(rex.is_some()) + more))
}

/// Whether exactly the cache lines of this range trapped: each once, in order, by that instruction.
/// The expected list is computed in another way than in the library: the cache line of every byte,
/// without repetition.
fn is_exact(range: *const [u8], instruction: Instruction) -> bool {
    let mut count = 0;
    let mut last = None;
    for offset in 0..range.len() {
        let line = (range.addr() + offset) & !(LINE - 1);
        if last != Some(line) {
            last = Some(line);
            let [kind, address] = &TRAPPED[count];
            if kind.load(Relaxed) != instruction as usize || address.load(Relaxed) != line {
                return false;
            }
            count += 1;
        }
    }
    TRAPS.load(Relaxed) == count
}

/// The library's flush.
fn library(cache: Cache, range: *const [u8], instruction: Instruction) {
    let mut batch: Batch<'_> = cache.batch();
    // SAFETY: a flush that traps is skipped, and QEMU executes any other as a no-op, so the range
    // need not be mapped.
    unsafe {
        if instruction == cache.flush_instruction() {
            batch.flush_raw(range);
        } else {
            batch.write_back_raw(range);
        }
    }
    batch.wait();
}

/// A twin with a planted mistake: it counts the end from the start rounded down, so it misses the
/// tail of an unaligned range.
fn twin_without_tail(cache: Cache, range: *const [u8], instruction: Instruction) {
    let rounded = range.len().next_multiple_of(LINE);
    let offset = range.addr() % LINE;
    let missed = !range.is_empty() && rounded < offset + range.len();
    let length = if missed { rounded - offset } else { range.len() };
    library(cache, ptr::slice_from_raw_parts(range.cast(), length), instruction);
}

type Flush = fn(Cache, *const [u8], Instruction);

/// Flushes `RANGES` pseudo-random ranges. Returns how many were flushed exactly, and how many cache
/// lines trapped in all. Every fourth range ends at the end of the address space.
fn exact(flush: Flush, cache: Cache, instruction: Instruction, first_seed: u32) -> (usize, usize) {
    #[repr(align(64))]
    struct Memory([u8; LINE * (LONGEST + 1)]);
    static MEMORY: Memory = Memory([5; LINE * (LONGEST + 1)]);
    let mut random = Xorshift::new(first_seed);
    let (mut exact, mut lines) = (0, 0);
    for n in 0..RANGES {
        let start = random.word() as usize % LINE;
        // Most ranges are short, so that head and tail are close together.
        let longest = if n % 8 == 0 { LINE * (LONGEST - 1) } else { 4 * LINE };
        let length = random.word() as usize % longest;
        let range = if n % 4 == 1 {
            ptr::slice_from_raw_parts(ptr::without_provenance(length.wrapping_neg()), length)
        } else {
            &raw const MEMORY.0[start..start + length]
        };
        TRAPS.store(0, Relaxed);
        flush(cache, range, instruction);
        exact += usize::from(is_exact(range, instruction));
        lines += TRAPS.load(Relaxed);
    }
    (exact, lines)
}

/// Which cache lines each instruction flushes. On a CPU that has none of them (`-cpu
/// max,-clflush,-clflushopt,-clwb`, as the runner boots it) every flush traps and is compared. On
/// any other CPU this checks only that none traps.
fn every_line(_: &'static Board) {
    // SAFETY: `note` uses atomics and its frame only.
    unsafe { set_handler(Exception::InvalidOpcode, note) };
    let traps = Cache::detect().is_none();
    for (flush, write_back, instruction) in
        [(Clflush, Clflush, Clflush), (Clflushopt, Clflush, Clflushopt), (Clflush, Clwb, Clwb)]
    {
        // SAFETY: this CPU has cache lines of 64 bytes; `note` handles what it does not have.
        let cache = unsafe { Cache::new(LINE as u16, flush, write_back, true) };
        let (found, lines) = exact(library, cache, instruction, 0x5eed);
        let (of_twin, _) = exact(twin_without_tail, cache, instruction, 0x5eed);
        defmt::info!(
            "{}: {=usize} of {=usize} ranges exact, {=usize} lines; the twin: {=usize}",
            instruction,
            found,
            RANGES,
            lines,
            of_twin
        );
        if traps {
            assert_eq!(found, RANGES);
            assert!(lines > 10 * RANGES);
            assert!(0 < of_twin && of_twin < RANGES);
        } else {
            assert_eq!(lines, 0);
        }
    }
    remove_handler(Exception::InvalidOpcode);
    defmt::info!("flushes trap: {=bool}", traps);
}
crate::registry::test!(every_line);
