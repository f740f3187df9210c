//! Computing while lines are flushed: of which kind, how much, and in which pieces.

use std::{array, cell::Cell, hint::black_box};

use wouldblock::cache::{Cache, LINES_PER_STEP, mfence};

use crate::{
    LINE, dirty,
    measure::{Contender, compare, median},
    peers::Libpmem,
};

/// The kind of computing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Registers,
    Loads,
    Stores,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Registers => "",
            Self::Loads => " (loads)",
            Self::Stores => " (stores)",
        }
    }
}

/// An amount of computing.
pub struct Compute {
    kind: Kind,
    scratch: [Cell<usize>; 256],
    blocks: usize,
    /// The number of blocks between two steps of the flush.
    piece: usize,
}

impl Compute {
    /// The amount that takes `time`, with a piece that takes `piece` between two steps of the
    /// flush; both in ns.
    fn that_takes(kind: Kind, time: f64, piece: f64) -> Self {
        let scratch = array::from_fn(|_| Cell::new(1));
        let mut compute = Self { kind, scratch, blocks: (time / 4.0) as usize + 1, piece: 0 };
        // The first guess may be far off.
        for _ in 0..3 {
            let mut run = |_: &mut [u8]| compute.all();
            let times = &mut vec![0; (1e4 / time.max(1.0)).clamp(1.0, 16.0) as usize];
            let took = median(&compare(times, 1, &mut |_| (), &mut [&mut run])[0]);
            compute.blocks = (compute.blocks as f64 * time / took.max(1.0)).round() as usize;
        }
        compute.piece = (compute.blocks as f64 * piece / time.max(1.0)).round() as usize;
        compute
    }

    /// Each operation needs the result of the one before, also across pieces, so that the CPU
    /// cannot execute several of them in parallel. Four operations are a block, so that a short
    /// piece costs no mispredicted branch. It is never inlined, so that all contenders run the same
    /// code.
    #[inline(never)]
    fn run(&self, blocks: usize, mut x: usize) -> usize {
        // An operation of which the compiler cannot combine several.
        let next = |x: usize| (x ^ (x >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for block in 0..blocks {
            for n in 0..4 {
                x = match self.kind {
                    Kind::Registers => next(x),
                    Kind::Loads => self.scratch[x % 256].get() + n % 2,
                    Kind::Stores => {
                        self.scratch[(4 * block + n) % 256].set(x);
                        next(x)
                    }
                };
            }
        }
        x
    }

    fn all(&self) {
        black_box(self.run(self.blocks, black_box(1)));
    }

    /// Computes a piece before each of `steps` steps of the flush, and then the rest.
    fn between(&self, steps: usize, mut step: impl FnMut()) {
        let (mut left, mut x) = (self.blocks, black_box(1));
        for _ in 0..steps {
            let now = self.piece.min(left);
            x = self.run(now, x);
            left -= now;
            step();
        }
        black_box(self.run(left, x));
    }
}

/// The time in ns in which a line of a long range is flushed. The computing between two steps takes
/// as long as the lines of one step, and one step is ahead. So there are always lines in flight,
/// and the computing does not wait for them.
pub fn pace(cache: Cache, bytes: &mut [u8]) -> f64 {
    const LINES: usize = 1024;
    let mut flush = |bytes: &mut [u8]| cache.write_back_range(bytes);
    let size = LINES * LINE;
    let took = median(&compare(&mut bytes[..size], size, &mut dirty, &mut [&mut flush])[0]);
    took / LINES as f64
}

/// The samples of the contenders.
pub struct Overlap {
    /// Issue, compute, then wait; a long range in steps.
    pub ours: Vec<f64>,
    /// Flush, wait, then compute.
    pub blocking: Vec<f64>,
    /// The same as `ours` with libpmem.
    pub libpmem: Option<Vec<f64>>,
    /// The flush alone until it is complete, in ns, of the same rounds.
    pub flush: f64,
    /// The computing alone, in ns, of the same rounds.
    pub compute: f64,
}

/// Compares flushes of the areas of `size` bytes in `bytes` during computing that takes `share`
/// times as long as the flush.
pub fn overlap(
    cache: Cache,
    libpmem: Option<Libpmem>,
    bytes: &mut [u8],
    size: usize,
    pace: f64,
    (kind, share): (Kind, f64),
) -> Overlap {
    let mut flush = |bytes: &mut [u8]| cache.write_back_range(bytes);
    let alone = median(&compare(bytes, size, &mut dirty, &mut [&mut flush])[0]);
    let pace = pace.min(alone / (size / LINE) as f64);
    let compute = Compute::that_takes(kind, alone * share, pace * LINES_PER_STEP as f64);
    let steps = (size / LINE).div_ceil(LINES_PER_STEP);
    let between = steps.saturating_sub(2); // The first two come before all computing.

    let mut ours = |bytes: &mut [u8]| {
        let mut batch = cache.batch();
        batch.write_back(bytes);
        batch.step();
        compute.between(between, || _ = batch.step());
        batch.wait();
    };
    let mut blocking = |bytes: &mut [u8]| {
        cache.write_back_range(bytes);
        compute.all();
    };
    let mut computing = |_: &mut [u8]| compute.all();
    let mut pmem = |bytes: &mut [u8]| {
        if let Some(libpmem) = libpmem {
            let mut chunks = bytes.chunks(LINES_PER_STEP * LINE);
            let mut step = || chunks.next().into_iter().for_each(|chunk| libpmem.flush(chunk));
            step();
            step();
            compute.between(between, step);
            mfence();
        }
    };
    let mut contenders: Vec<Contender<'_>> =
        vec![&mut ours, &mut blocking, &mut flush, &mut computing];
    if libpmem.is_some() {
        contenders.push(&mut pmem);
    }
    let mut samples = compare(bytes, size, &mut dirty, &mut contenders).into_iter();
    let mut next = || samples.next().unwrap_or_default();
    let (ours, blocking, flush, compute) = (next(), next(), median(&next()), median(&next()));
    Overlap { ours, blocking, flush, compute, libpmem: samples.next() }
}
