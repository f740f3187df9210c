//! What waiting costs in real time, on one thread, beside other crates.
//!
//! `cargo bench --bench cycles` builds this once per choice and runs it. It prints a line of JSON for each
//! subject: the least and the median time of an iteration, in ns.
//!
//! Real time is noisy. So the subjects of a case take turns, a short batch each, and what disturbs the
//! machine disturbs all of them. Each case does the same work for every subject, and each batch checks that the
//! work was done.

mod channel;
mod slices;
mod wake;

use std::time::Instant;

/// How often a batch repeats what it measures: long enough that reading the clock is nothing in it,
/// short enough that most batches run without an interruption.
const ITERATIONS: u32 = 10_000;

/// How many batches of each subject are measured.
const ROUNDS: usize = 300;

/// Batches that warm up caches and branch predictors, and count for nothing.
const WARM_UP: usize = 10;

/// What this was built for.
const CHOICE: &str = if cfg!(wouldblock_single_core) { "single-core" } else { "default" };

/// What does the work of a case.
struct Subject {
    /// The library, or a peer.
    name: &'static str,
    /// Makes what it works on, works [`ITERATIONS`] times, and panics if the work was not done.
    batch: fn(),
}

const fn subject(name: &'static str, batch: fn()) -> Subject {
    Subject { name, batch }
}

fn main() {
    measure("channel_pair", &channel::SUBJECTS);
    measure("channel_slice_64", &slices::SUBJECTS);
    measure("register_signal_poll", &wake::SUBJECTS);
}

/// Measures the subjects of a case in turns, and prints a line for each.
fn measure(case: &str, subjects: &[Subject]) {
    let mut times = vec![Vec::with_capacity(ROUNDS); subjects.len()];
    for round in 0..WARM_UP + ROUNDS {
        for turn in 0..subjects.len() {
            // Each round begins with another subject, so that none always follows the same one.
            let index = (round + turn) % subjects.len();
            let begin = Instant::now();
            (subjects[index].batch)();
            let time = begin.elapsed();
            if round >= WARM_UP {
                times[index].push(time.as_nanos() as f64 / f64::from(ITERATIONS));
            }
        }
    }
    for (Subject { name, .. }, times) in subjects.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let (least, median) = (times[0], times[ROUNDS / 2]);
        println!(
            r#"{{"choice":"{CHOICE}","case":"{case}","subject":"{name}","least":{least:.3},"median":{median:.3}}}"#
        );
    }
}
