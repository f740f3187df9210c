//! Awaited calls, polled by hand.

use std::{
    boxed::Box,
    format,
    future::Future,
    pin::{Pin, pin},
    string::String,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::{LONGEST, SOON, boundary};

/// When a task is polled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Polls {
    /// After each step.
    Always,
    /// After a step that has woken it.
    Woken,
}

/// Runs `future` to its end, with a step after each poll that is pending.
///
/// # Errors
/// It does not end, or it was not woken while the device did all that it had to do.
pub(super) fn drive<F: Future>(
    future: F,
    step: &mut impl FnMut(),
    polls: Polls,
) -> Result<F::Output, String> {
    let mut future = pin!(future);
    let woken = Arc::new(Woken::default());
    for _ in 0..10 * SOON {
        if let Poll::Ready(end) = woken.poll(future.as_mut()) {
            return Ok(end);
        }
        let mut steps = 0;
        loop {
            boundary();
            step();
            steps += 1;
            if polls == Polls::Always || woken.is_set() {
                break;
            }
            if steps == SOON {
                return Err(format!("a wake-up is lost: {SOON} steps, and it is not woken"));
            }
        }
    }
    Err(format!("it does not end in {} polls", 10 * SOON))
}

/// A task was woken since its last poll.
#[derive(Default)]
pub(super) struct Woken(AtomicBool);

impl Woken {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(SeqCst)
    }

    pub(super) fn poll<F: Future + ?Sized>(
        self: &Arc<Self>,
        future: Pin<&mut F>,
    ) -> Poll<F::Output> {
        self.0.store(false, SeqCst);
        future.poll(&mut Context::from_waker(&Waker::from(self.clone())))
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// Where a call is dropped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// After this many steps.
    pub steps: usize,
    /// Whether it is polled after the last of them.
    pub polled: bool,
    /// Whether the device makes more steps before the next call.
    pub run_out: bool,
}

impl Cut {
    /// All cuts after this many steps.
    fn all(steps: usize) -> impl Iterator<Item = Self> {
        (0..4_u8).map(move |bits| Self { steps, polled: bits & 1 != 0, run_out: bits & 2 != 0 })
    }
}

/// Makes a run with each cut, until there is a number of steps after which no call is left to drop.
/// `is_dropped` makes the run, and returns whether the call was dropped before its end.
pub(super) fn every_cut(mut is_dropped: impl FnMut(Cut) -> bool) {
    for steps in 0..LONGEST {
        let dropped = Cut::all(steps).filter(|&at| is_dropped(at)).count();
        if dropped == 0 && steps > 0 {
            break;
        }
    }
}

/// Polls `future` as the cut says, and drops it. Returns whether it has ended before.
pub(super) fn cut<F: Future>(future: F, step: &mut impl FnMut(), cut: Cut) -> bool {
    let mut future = Box::pin(future); // Dropped here.
    let woken = Arc::new(Woken::default());
    let mut ended = woken.poll(future.as_mut()).is_ready();
    for n in 1..=cut.steps {
        if ended {
            break;
        }
        boundary();
        step();
        if cut.polled || n < cut.steps {
            ended = woken.poll(future.as_mut()).is_ready();
        }
    }
    ended
}
