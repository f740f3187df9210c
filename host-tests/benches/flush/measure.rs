//! Measures contenders in turns, and how much of a difference is noise.

use std::{
    arch::x86_64::{__rdtscp, _mm_lfence, _rdtsc},
    io,
    sync::LazyLock,
    time::{Duration, Instant},
};

use nix::{
    sched::{CpuSet, sched_getcpu, sched_setaffinity},
    sys::resource::{UsageWho, getrusage},
    unistd::Pid,
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

/// Keeps this thread on its current CPU, because a cache belongs to a CPU. Returns the CPU's
/// number.
pub fn stay() -> io::Result<usize> {
    let here = sched_getcpu()?;
    let mut only = CpuSet::new();
    only.set(here)?;
    sched_setaffinity(Pid::from_raw(0), &only)?;
    Ok(here)
}

/// The time of one run in ns.
fn once(run: impl FnOnce()) -> f64 {
    let tick = *TICK;
    let begun = now();
    run();
    let mut processor = 0;
    // SAFETY: as above. All older instructions are executed before RDTSCP.
    let ended = unsafe { __rdtscp(&mut processor) };
    ended.saturating_sub(begun) as f64 * tick
}

/// A contender. It returns when everything is complete.
pub type Contender<'a> = &'a mut dyn FnMut(&mut [u8]);

/// The samples of each contender in ns; the n-th samples of all contenders are of one round. A
/// sample is the mean over the areas of `size` bytes in `bytes`, one after the other (a clock may
/// be as coarse as 10 ns). Before each sample, `prepare` runs on all areas, untimed. The order of
/// the contenders changes from round to round.
///
/// Rounds continue until the noise of each contender against the first is below half a percent, or
/// the time has passed, so a loaded machine runs more rounds. A round in which the kernel took the
/// CPU away is not counted, while there is time for other rounds.
pub fn compare(
    bytes: &mut [u8],
    size: usize,
    prepare: &mut dyn FnMut(&mut [u8]),
    contenders: &mut [Contender<'_>],
) -> Vec<Vec<f64>> {
    const BUDGET: Duration = Duration::from_millis(1500);
    const ROUNDS: std::ops::Range<usize> = 40..5000;
    const NOISE: f64 = 0.005;
    let mut samples = vec![Vec::new(); contenders.len()];
    let begun = Instant::now();
    for round in 0..ROUNDS.end {
        let kept = samples[0].len();
        if kept >= ROUNDS.start && kept % ROUNDS.start == 0 {
            let quiet = |peers: &Vec<f64>| {
                let [low, high] = interval(&samples[0], peers);
                high - low < 2.0 * NOISE * low
            };
            if begun.elapsed() > BUDGET || samples.iter().all(quiet) {
                break;
            }
        }
        let mut times = vec![0.0; contenders.len()];
        let mut preempted = 0;
        for turn in 0..contenders.len() {
            let chosen = (turn + round) % contenders.len();
            prepare(bytes);
            let areas = bytes.len() / size;
            let before = preemptions();
            let time = once(|| bytes.chunks_exact_mut(size).for_each(&mut *contenders[chosen]));
            preempted += preemptions() - before;
            times[chosen] = time / areas as f64;
        }
        let late = begun.elapsed() > 4 * BUDGET || round >= ROUNDS.end - ROUNDS.start;
        // The first round only warms up.
        if round > 0 && (preempted == 0 || late) {
            samples.iter_mut().zip(times).for_each(|(samples, time)| samples.push(time));
        }
    }
    samples
}

/// How often the kernel has taken the CPU away from this thread; 0 if it does not report it.
fn preemptions() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.involuntary_context_switches())
}

pub fn median(samples: &[f64]) -> f64 {
    let sorted = sorted(samples.iter().copied());
    sorted[sorted.len() / 2]
}

/// The interval of the median of the ratios of single rounds, with 95 % confidence. It is from
/// order statistics of the binomial distribution, so outliers do not matter, and no distribution is
/// assumed.
pub fn interval(ours: &[f64], peers: &[f64]) -> [f64; 2] {
    let ratios = sorted(ours.iter().zip(peers).map(|(ours, peer)| ours / peer));
    let count = ratios.len() as f64;
    let low = (count / 2.0 - 0.98 * count.sqrt()).max(0.0) as usize;
    [ratios[low], ratios[ratios.len() - 1 - low]]
}

fn sorted(samples: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = samples.collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}
