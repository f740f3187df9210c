//! Both cores use the same slot or event at full speed. Every time that they meet is counted, and
//! in the end every buffer is accounted for, so that nothing was lost.
//!
//! | half | what meets |
//! |---|---|
//! | [`steps`] | start, step and callback of both cores, at one slot |
//! | [`ends`] | every end of a job (wait, cancel, drop, detach) with the other core's steps |
//! | [`registration`] | a waiter that changes its waker, and a signaller |

pub mod ends;
pub mod registration;
pub mod steps;
mod work;

use core::sync::atomic::{AtomicBool, Ordering};

/// The least number of rounds.
const LEAST: u64 = 5000;
/// The largest number of rounds. Between the two, a run ends when everything was met [`OFTEN`].
const MOST: u64 = 1_000_000;
/// How often each kind of meeting must happen.
const OFTEN: u64 = 100;

/// Whether the first core has ended its rounds.
static OVER: AtomicBool = AtomicBool::new(false);

fn is_over() -> bool {
    OVER.load(Ordering::Acquire)
}

/// Whether another round is needed: some kind of meeting was too rare, and the bound is not
/// reached.
fn continues(rounds: u64, met: impl IntoIterator<Item = u64>) -> bool {
    rounds < LEAST || (rounds < MOST && met.into_iter().any(|met| met < OFTEN))
}
