//! `cargo bench --bench flush`: what cache flushes cost on this CPU, and what the asynchronous
//! shape saves. Interleaved medians, beside libpmem and others; JSON in `target/bench/flush.json`.
//!
//! A time is until everything is *complete*: contenders that end with SFENCE get an MFENCE besides.
//! It says whether a bound is met, and never fails for a time.

mod measure;
mod peers;
mod report;

use std::hint::black_box;

use measure::{compare, median, once};
use peers::Libpmem;
use report::Report;
use wouldblock::{
    cache::{Cache, LINES_PER_STEP, mfence},
    persist::{Domain, Region},
};

const LINE: usize = 64;
const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Memory that begins at a page.
struct Memory {
    bytes: Vec<u8>,
    start: usize,
}

impl Memory {
    fn new(length: usize) -> Self {
        let bytes: Vec<u8> = (0..length + 4096).map(|n| (n * 7 + 1) as u8).collect();
        let start = bytes.as_ptr().addr().wrapping_neg() % 4096;
        Self { bytes, start }
    }

    fn get(&mut self, length: usize) -> &mut [u8] {
        &mut self.bytes[self.start..][..length]
    }
}

/// Bytes of so many areas of that size that a coarse clock does not matter, and that the first
/// cache holds them all; of a long one, a single one.
fn areas(size: usize) -> usize {
    size * (32 * KIB / size).clamp(1, 32)
}

/// Changes every line, and lets the stores finish.
fn dirty(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().step_by(LINE) {
        *byte = byte.wrapping_add(1);
    }
    black_box(bytes);
    mfence();
}

fn main() {
    let cache = Cache::get().expect("a CPU that can flush its cache");
    let libpmem = Libpmem::load();
    if libpmem.is_none() {
        println!("libpmem is not installed (Debian: apt-get install libpmem1): left out");
    }
    let mut report = Report::new();
    let mut memory = Memory::new(64 * MIB);
    for size in [LINE, 256, KIB, 4 * KIB, 64 * KIB, MIB, 16 * MIB, 64 * MIB] {
        persist(&mut report, cache, libpmem, memory.get(areas(size)), size);
    }
    for count in [64, 1024] {
        objects(&mut report, cache, libpmem, memory.get(areas(count * LINE)), count);
    }
    for (case, lines) in [
        ("overlap_16_lines", 16),
        ("overlap_128_lines", 128),
        ("step_1024_lines", 1024),
        ("step_16_MiB", 16 * MIB / LINE),
    ] {
        for compute in [Compute::Registers, Compute::Loads, Compute::Stores] {
            let size = lines * LINE;
            overlap(&mut report, cache, libpmem, memory.get(areas(size)), size, (case, compute));
            // SAFETY: what the CPU has; only CLFLUSHOPT takes the place of CLWB.
            let invalidating = unsafe {
                let flush = cache.flush_instruction();
                Cache::new(cache.line() as u16, flush, flush, true)
            };
            let case = format!("{case}, invalidated");
            overlap(
                &mut report,
                invalidating,
                None,
                memory.get(areas(size)),
                size,
                (&case, compute),
            );
        }
    }
    let mut source = Memory::new(16 * MIB);
    for size in [LINE, 256, KIB, 4 * KIB, 64 * KIB, MIB, 16 * MIB] {
        copy(&mut report, cache, libpmem, memory.get(areas(size)), source.get(size));
    }
    detect(&mut report);
    report.end();
}

/// Writing dirty lines back, and waiting.
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
    let mut contenders: Vec<measure::Contender<'_>> = vec![&mut ours, &mut linux];
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

/// Many objects of a line each, and one end for all of them.
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
    let mut contenders: Vec<measure::Contender<'_>> = vec![&mut ours, &mut waits];
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

/// What goes on while lines are flushed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compute {
    Registers,
    Loads,
    Stores,
}

impl Compute {
    fn name(self) -> &'static str {
        match self {
            Self::Registers => "",
            Self::Loads => " (loads)",
            Self::Stores => " (stores)",
        }
    }

    /// Each step needs the one before, so this takes its time whatever the CPU can do at once.
    fn run(self, scratch: &mut [usize; 256], steps: usize) {
        let mut x = black_box(1_usize);
        for step in 0..steps {
            x = match self {
                Self::Registers => x.wrapping_mul(0x9e37_79b9),
                Self::Loads => scratch[x % 256] + step % 2,
                Self::Stores => {
                    scratch[step % 256] = x;
                    x.wrapping_mul(0x9e37_79b9)
                }
            };
        }
        black_box(x);
    }
}

/// Computing, as long as the flush takes, while it goes on; a long range in steps between pieces of
/// it.
fn overlap(
    report: &mut Report,
    cache: Cache,
    libpmem: Option<Libpmem>,
    bytes: &mut [u8],
    size: usize,
    (case, compute): (&str, Compute),
) {
    let scratch = &mut [1_usize; 256];
    let alone = compare(bytes, size, &mut dirty, &mut [&mut |bytes| cache.write_back_range(bytes)]);
    let chunk = (LINES_PER_STEP * LINE).min(size);
    let pieces = size / chunk;
    // As many steps as take as long as the flush, with what it costs to begin; twice, since the
    // first guess may be far off.
    let wanted = median(&alone[0]) / pieces as f64;
    let mut steps = wanted as usize;
    for _ in 0..2 {
        const RUNS: usize = 50;
        let trials = (0..RUNS).map(|_| {
            once(|| {
                for _ in 0..RUNS {
                    mfence();
                    compute.run(scratch, steps);
                }
            })
        });
        let took = median(&trials.collect::<Vec<_>>()) / RUNS as f64;
        steps = (steps as f64 * wanted / took) as usize + 1;
    }

    let scratch = &std::cell::RefCell::new(scratch);
    let run = |pieces: usize| compute.run(&mut scratch.borrow_mut(), steps * pieces);
    let mut ours = |bytes: &mut [u8]| {
        let mut batch = cache.batch();
        batch.write_back(bytes);
        run(1);
        for _ in 1..pieces {
            batch.step();
            run(1);
        }
        batch.wait();
    };
    let mut blocking = |bytes: &mut [u8]| {
        cache.write_back_range(bytes);
        run(pieces);
    };
    let mut pmem = |bytes: &mut [u8]| {
        if let Some(libpmem) = libpmem {
            for chunk in bytes.chunks(size / pieces) {
                libpmem.flush(chunk);
                run(1);
            }
            mfence();
        }
    };
    let mut contenders: Vec<measure::Contender<'_>> = vec![&mut ours, &mut blocking];
    if libpmem.is_some() {
        contenders.push(&mut pmem);
    }
    let samples = compare(bytes, size, &mut dirty, &mut contenders);
    let case = format!("{case}{}", compute.name());
    let bound = (compute == Compute::Registers).then_some(0.59);
    report.add(&case, size, "flush, wait, compute", bound, &samples[0], &samples[1]);
    if libpmem.is_some() {
        let peer = "pmem_flush, compute, wait";
        report.add(&case, size, peer, Some(1.02), &samples[0], &samples[2]);
    }
}

/// Copying to lines that are not cached, until they are persistent.
fn copy(
    report: &mut Report,
    cache: Cache,
    libpmem: Option<Libpmem>,
    bytes: &mut [u8],
    from: &[u8],
) {
    let size = from.len();
    let mut evict = |bytes: &mut [u8]| cache.flush_range(bytes);
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
    let mut contenders: Vec<measure::Contender<'_>> = vec![&mut ours, &mut plain];
    if libpmem.is_some() {
        contenders.push(&mut pmem);
    }
    let samples = compare(bytes, size, &mut evict, &mut contenders);
    let bound = (size >= KIB).then_some(1.0);
    report.add("copy_persist", size, "memcpy and CLWB", bound, &samples[0], &samples[1]);
    if libpmem.is_some() {
        // It may be above 1: libpmem does not sweep, and so relies on lines that are not cached.
        report.add("copy_persist", size, "pmem_memcpy_persist", None, &samples[0], &samples[2]);
    }
}

/// What is known of the CPU, against asking it.
fn detect(report: &mut Report) {
    let mut ours = |_: &mut [u8]| {
        black_box(Cache::get());
    };
    let mut asked = |_: &mut [u8]| {
        black_box(Cache::detect());
    };
    let samples = compare(&mut [0; 16], 1, &mut |_| (), &mut [&mut ours, &mut asked]);
    report.add("detect", 0, "CPUID each time", Some(0.5), &samples[0], &samples[1]);
}
