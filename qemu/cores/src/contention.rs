//! Both cores at the same slot or event, at full speed: what each of them meets is counted, and that
//! nothing was lost is checked to the last buffer.
//!
//! | half | what meets what |
//! |---|---|
//! | [`steps`] | start, step and callback of both cores, at one slot |
//! | [`ends`] | every end of a job (wait, cancel, drop, detach, forget) with the other core's steps |
//! | [`registration`] | a waiter that changes its waker with a signaller |

pub mod ends;
pub mod registration;
pub mod steps;
mod work;

use core::sync::atomic::{AtomicBool, Ordering};

/// Rounds at least, and at most: between them it ends as soon as everything was met often enough.
const LEAST: u64 = 5000;
const MOST: u64 = 1_000_000;
/// How often that is.
const OFTEN: u64 = 100;

/// The first core has done its rounds.
static OVER: AtomicBool = AtomicBool::new(false);

fn is_over() -> bool {
    OVER.load(Ordering::Acquire)
}

/// Whether another round is due: while something was met too seldom, up to a bound.
fn goes_on(rounds: u64, met: impl IntoIterator<Item = u64>) -> bool {
    rounds < LEAST || (rounds < MOST && met.into_iter().any(|met| met < OFTEN))
}
