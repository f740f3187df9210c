//! `cargo bench --bench flush`: what cache flushes cost on this CPU, and what an asynchronous flush
//! saves. It compares medians of interleaved rounds with libpmem and others, and writes JSON and
//! plots to `target/bench`.
//!
//! Each time is measured until everything is *complete*: contenders that end with SFENCE get an
//! MFENCE. The bench reports whether each bound is met. It never fails because of a time.

mod measure;
mod overlap;
mod peers;
mod plot;
mod report;
#[path = "../../tests/cache_instructions/trace.rs"]
mod trace;

use std::{fs, hint::black_box};

use measure::{Contender, compare, median, stay};
use nix::libc;
use overlap::{Kind, overlap};
use peers::Libpmem;
use report::Report;
use wouldblock::{
    cache::{Cache, Instruction, LINES_PER_STEP, mfence},
    persist::{Domain, Region},
};

const LINE: usize = 64;
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Memory that begins at a page, if possible a large one, as firmware maps it.
struct Memory {
    bytes: Vec<u8>,
    start: usize,
}

impl Memory {
    fn new(length: usize) -> Self {
        const PAGE: usize = 2 * MIB;
        let mut bytes = vec![0; length + PAGE];
        let start = bytes.as_ptr().addr().wrapping_neg() % PAGE;
        // SAFETY: advice on memory that `bytes` owns.
        unsafe {
            let address = bytes.as_mut_ptr().add(start).cast();
            libc::madvise(address, length, libc::MADV_HUGEPAGE);
        }
        bytes.iter_mut().enumerate().for_each(|(n, byte)| *byte = (n * 7 + 1) as u8);
        Self { bytes, start }
    }

    fn get(&mut self, length: usize) -> &mut [u8] {
        &mut self.bytes[self.start..][..length]
    }
}

/// The number of bytes of several areas of this size: enough of them for a coarse clock, and so few
/// that the first-level cache holds them and the data of the computing. A large size gives one
/// area.
fn areas(size: usize) -> usize {
    size * (16 * KIB / size).clamp(1, 32)
}

/// Changes every line, and waits until the stores have finished.
fn dirty(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().step_by(LINE) {
        *byte = byte.wrapping_add(1);
    }
    black_box(bytes);
    mfence();
}

fn main() {
    // Before anything else executes CPUID.
    let asked = count_cpuid(|| _ = black_box(Cache::get()));
    let cache = Cache::get().expect("a CPU that can flush its cache");
    println!(
        "{}: {} and {}",
        model().as_deref().unwrap_or("this CPU"),
        mnemonic(cache.flush_instruction()),
        mnemonic(cache.write_back_instruction())
    );
    match stay() {
        Ok(here) => {
            println!("all on CPU {here}; medians of interleaved rounds, each until it is complete")
        }
        Err(error) => println!("cannot stay on one CPU ({error}): expect more noise"),
    }
    let libpmem = Libpmem::load();
    if libpmem.is_none() {
        println!("libpmem is not installed (Debian: apt-get install libpmem1): left out");
    }
    let mut report = Report::new();
    detect(&mut report, asked);
    let mut memory = Memory::new(64 * MIB);
    for size in [LINE, 256, KIB, 4 * KIB, 64 * KIB, MIB, 16 * MIB, 64 * MIB] {
        persist(&mut report, cache, libpmem, memory.get(areas(size)), size);
    }
    for count in [64, 1024] {
        objects(&mut report, cache, libpmem, memory.get(areas(count * LINE)), count);
    }
    overlaps(&mut report, cache, libpmem, &mut memory);
    let mut source = Memory::new(16 * MIB);
    for cached in [false, true] {
        for size in [LINE, 256, KIB, 4 * KIB, 64 * KIB, MIB, 16 * MIB] {
            let from = source.get(size);
            copy(&mut report, cache, libpmem, memory.get(areas(size)), from, cached);
        }
    }
    if libpmem.is_some() {
        println!("{UNSWEPT}");
    }
    report.end();
}

/// The name and family that the CPU reports.
fn model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let value = |name| text.lines().find(|line| line.starts_with(name))?.split(": ").nth(1);
    let (name, family) = (value("model name")?, value("cpu family")?.parse::<u32>().ok()?);
    Some(format!("{name}, family {family:X}h"))
}

fn mnemonic(instruction: Instruction) -> String {
    format!("{instruction:?}").to_uppercase()
}

/// Compares writing dirty lines back, and waiting.
fn persist(
    report: &mut Report,
    cache: Cache,
    libpmem: Option<Libpmem>,
    bytes: &mut [u8],
    size: usize,
) {
    let mut ours = |bytes: &mut [u8]| {
        let region = Region::new(bytes, cache, Domain::MemoryController);
        region.expect("aligned").persist(0..size).expect("in bounds");
    };
    let mut linux = |bytes: &mut [u8]| peers::linux(cache, bytes);
    let mut pmem = |bytes: &mut [u8]| {
        if let Some(libpmem) = libpmem {
            libpmem.persist(bytes);
            mfence();
        }
    };
    let mut contenders: Vec<Contender<'_>> = vec![&mut ours, &mut linux];
    if libpmem.is_some() {
        contenders.push(&mut pmem);
    }
    let samples = compare(bytes, size, &mut dirty, &mut contenders);
    let bound = if size <= 64 * KIB { 1.03 } else { 1.08 };
    report.add("persist", size, "the Linux sequence", None, &samples[0], &samples[1]);
    if libpmem.is_some() {
        report.add("persist", size, "pmem_persist", Some(bound), &samples[0], &samples[2]);
    }
}

/// Compares many objects of one line each, with one wait for all of them.
fn objects(
    report: &mut Report,
    cache: Cache,
    libpmem: Option<Libpmem>,
    bytes: &mut [u8],
    count: usize,
) {
    let size = count * LINE;
    let mut ours = |bytes: &mut [u8]| {
        let mut batch = cache.batch();
        for object in bytes.chunks(LINE) {
            batch.write_back(object);
        }
        batch.wait();
    };
    let mut waits = |bytes: &mut [u8]| {
        for object in bytes.chunks(LINE) {
            cache.write_back_range(object);
        }
    };
    let mut pmem = |bytes: &mut [u8]| {
        if let Some(libpmem) = libpmem {
            for object in bytes.chunks(LINE) {
                libpmem.persist(object);
            }
            mfence();
        }
    };
    let mut contenders: Vec<Contender<'_>> = vec![&mut ours, &mut waits];
    if libpmem.is_some() {
        contenders.push(&mut pmem);
    }
    let samples = compare(bytes, size, &mut dirty, &mut contenders);
    let case = format!("batch_{count}_objects");
    let of_waits = (count == 64).then_some(0.033);
    report.add(&case, LINE, "a wait for each", of_waits, &samples[0], &samples[1]);
    if libpmem.is_some() {
        let bound = if count == 64 { 0.5 } else { 0.05 };
        report.add(&case, LINE, "pmem_persist for each", Some(bound), &samples[0], &samples[2]);
    }
}

/// Compares computing during a flush, for as long as the flush takes. A long range is flushed in
/// steps.
fn overlaps(report: &mut Report, cache: Cache, libpmem: Option<Libpmem>, memory: &mut Memory) {
    // SAFETY: the CPU has these instructions; the flush only replaces the write-back.
    let invalidating = unsafe {
        let flush = cache.flush_instruction();
        Cache::new(cache.line() as u16, flush, flush, true)
    };
    let kinds = &[Kind::Registers, Kind::Loads, Kind::Stores][..];
    for (cache, libpmem, name, kinds) in
        [(cache, libpmem, "", kinds), (invalidating, None, ", invalidated", &kinds[..1])]
    {
        let pace = overlap::pace(cache, memory.get(MIB));
        println!(
            "between two steps of {LINES_PER_STEP} lines: {:.0} ns of computing, or its share",
            pace * LINES_PER_STEP as f64
        );
        for (case, lines) in [
            ("overlap_16_lines", 16),
            ("overlap_128_lines", 128),
            ("step_1024_lines", 1024),
            ("step_16_MiB", 16 * MIB / LINE),
        ] {
            let size = lines * LINE;
            for &kind in kinds {
                let bytes = memory.get(areas(size));
                let found = overlap(cache, libpmem, bytes, size, pace, (kind, 1.0));
                let case = format!("{case}{name}{}", kind.name());
                let bound = (kind == Kind::Registers && name.is_empty()).then_some(0.59);
                let peer = "flush, wait, compute";
                let row = report.add(&case, size, peer, bound, &found.ours, &found.blocking);
                let [flush, compute] = [found.flush, found.compute];
                let alone = format!("alone: flush {flush:.0} ns, compute {compute:.0} ns");
                println!("    {alone}");
                row.note(alone);
                if let Some(libpmem) = &found.libpmem {
                    let peer = "pmem_flush, compute, wait";
                    report.add(&case, size, peer, Some(1.02), &found.ours, libpmem);
                }
            }
        }
    }
    let pace = overlap::pace(cache, memory.get(MIB));
    for lines in [16, 128, 1024] {
        let size = lines * LINE;
        for share in [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0] {
            let bytes = memory.get(areas(size));
            let found = overlap(cache, None, bytes, size, pace, (Kind::Registers, share));
            let both = [&found.ours, &found.blocking].map(|samples| median(samples));
            report.curve(lines, [found.compute, both[0], both[1]]);
        }
    }
}

/// Compares copying, until it is persistent, to lines that are in the cache and to lines that are
/// not.
fn copy(
    report: &mut Report,
    cache: Cache,
    libpmem: Option<Libpmem>,
    bytes: &mut [u8],
    from: &[u8],
    cached: bool,
) {
    let size = from.len();
    let mut evict = |bytes: &mut [u8]| cache.flush_range(bytes);
    let prepare: Contender<'_> = if cached { &mut dirty } else { &mut evict };
    let mut ours = |bytes: &mut [u8]| {
        let region = Region::new(bytes, cache, Domain::MemoryController);
        region.expect("aligned").copy_persist(0, from).expect("in bounds");
    };
    let mut plain = |bytes: &mut [u8]| {
        bytes.copy_from_slice(from);
        cache.write_back_range(bytes);
    };
    let mut pmem = |bytes: &mut [u8]| {
        if let Some(libpmem) = libpmem {
            libpmem.memcpy_persist(bytes, from);
            mfence();
        }
    };
    let mut contenders: Vec<Contender<'_>> = vec![&mut ours, &mut plain];
    if libpmem.is_some() {
        contenders.push(&mut pmem);
    }
    let samples = compare(bytes, size, prepare, &mut contenders);
    let case = if cached { "copy_persist, in the cache" } else { "copy_persist" };
    let bound = (size >= KIB && !cached).then_some(1.0);
    report.add(case, size, "memcpy and CLWB", bound, &samples[0], &samples[1]);
    if libpmem.is_some() {
        let peer = "pmem_memcpy_persist";
        let row = report.add(case, size, peer, None, &samples[0], &samples[2]);
        if size >= 256 {
            row.note(UNSWEPT.into());
        }
    }
}

/// Why a copy may take longer than libpmem's.
const UNSWEPT: &str = "from 256 B on pmem_memcpy_persist stores past the cache and writes nothing back: \
    a line that is in the cache may be stored there, and lost; copy_persist writes each line back";

/// The number of CPUIDs that `run` executes, counted by single steps.
fn count_cpuid(run: impl FnOnce()) -> usize {
    trace::executed(run).iter().filter(|executed| executed.mnemonic == trace::CPUID).count()
}

/// CPUID is executed in the first call, and never again.
fn detect(report: &mut Report, first: usize) {
    let mut memory = Memory::new(LINE);
    let later = count_cpuid(|| {
        let cache = Cache::get().expect("a CPU that can flush its cache");
        let region = Region::new(memory.get(LINE), cache, Domain::MemoryController);
        region.expect("aligned").persist(0..LINE).expect("in bounds");
        let mut batch = cache.batch();
        batch.flush(&[0_u8; 64]);
        batch.step();
        batch.wait();
    });
    assert!(first > 0 && later == 0, "CPUID is asked {first} times at first, {later} times later");
    report.count("detect", "CPUIDs of the first call", later, first);

    let mut ours = |_: &mut [u8]| _ = black_box(Cache::get());
    let mut asked = |_: &mut [u8]| _ = black_box(Cache::detect());
    let samples = compare(&mut [0; 16], 1, &mut |_| (), &mut [&mut ours, &mut asked]);
    report.add("detect", 0, "CPUID each time", None, &samples[0], &samples[1]);
}
