//! Times contenders in turns, and what of a difference is noise.

use std::{
    arch::x86_64::{__rdtscp, _mm_lfence, _rdtsc},
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Nanoseconds in a tick of the time-stamp counter.
static TICK: LazyLock<f64> = LazyLock::new(|| {
    let (begun, first) = (Instant::now(), now());
    while begun.elapsed() < Duration::from_millis(50) {}
    begun.elapsed().as_nanos() as f64 / (now() - first) as f64
});

fn now() -> u64 {
    // SAFETY: fences and the time-stamp counter change nothing, and every x86_64 CPU has them.
    unsafe {
        _mm_lfence();
        let now = _rdtsc();
        _mm_lfence();
        now
    }
}

/// One run, in ns.
pub fn once(run: impl FnOnce()) -> f64 {
    let tick = *TICK;
    let begun = now();
    run();
    let mut processor = 0;
    // SAFETY: as above; all that is older is executed before RDTSCP.
    let ended = unsafe { __rdtscp(&mut processor) };
    ended.saturating_sub(begun) as f64 * tick
}

/// What is compared: each ends with everything complete.
pub type Contender<'a> = &'a mut dyn FnMut(&mut [u8]);

/// The samples of each contender, in ns; the n-th ones are of one round. A sample is the mean over
/// the areas of `size` bytes in `bytes`, one after the other (a clock may be as coarse as 10 ns).
/// `prepare` runs on all of them before each, untimed. Who begins changes from round to round.
pub fn compare(
    bytes: &mut [u8],
    size: usize,
    prepare: &mut dyn FnMut(&mut [u8]),
    contenders: &mut [Contender<'_>],
) -> Vec<Vec<f64>> {
    const BUDGET: Duration = Duration::from_millis(400);
    const ROUNDS: std::ops::RangeInclusive<usize> = 15..=5000;
    let mut samples = vec![Vec::new(); contenders.len()];
    let begun = Instant::now();
    for round in 0.. {
        let enough = begun.elapsed() > BUDGET && round > *ROUNDS.start();
        if enough || round > *ROUNDS.end() {
            break;
        }
        for turn in 0..contenders.len() {
            let chosen = (turn + round) % contenders.len();
            prepare(bytes);
            let areas = bytes.len() / size;
            let sample = once(|| bytes.chunks_exact_mut(size).for_each(&mut *contenders[chosen]));
            if round > 0 {
                samples[chosen].push(sample / areas as f64); // the first round warms up
            }
        }
    }
    samples
}

pub fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

pub fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}
