//! The state word of a slot: a phase, and the requests to the context that has claimed the slot.
//!
//! ```text
//!         1             3               4             5
//!   Idle ───► Filling ────► Beginning ────► Running ────► Stepping
//!    ▲   ◄───   ▲                                   ◄────   │ │
//!    │    2     │ 9                                   6     │ │
//!    │          └──────────────────────── Done ◄────────────┘ │
//!    │                       10            │        7         │
//!    ├─────────────────────────────────────┘                  │
//!    │                        8                               │
//!    └────────────────────────────────────────────────────────┘
//! ```
//!
//! | arrow | function | cause |
//! |---|---|---|
//! | 1 | [`State::reserve`] | a start reserves an idle slot |
//! | 2 | [`State::vacate`] | a reservation is given back; an old end was reclaimed, or its drop panicked |
//! | 3 | [`State::begin`] | the operation is in the slot, and its `begin` is called next |
//! | 4 | [`State::publish`] | `begin` has returned |
//! | 4 | [`State::unwind`] | `begin` has panicked |
//! | 5 | [`State::claim`] | a step begins |
//! | 6 | [`State::release`] | the try would block |
//! | 7 | [`State::finish`] | the operation has ended, and has a job |
//! | 8 | [`State::vacate`] | the operation has ended, and has a callback |
//! | 9 | [`State::reserve`], [`State::reserve_ended`] | a start, or a reclaim, finds an end that was given up |
//! | 10 | [`State::vacate`] | the job collects the end |

use super::barrier::{device_barrier, pass_on};
use crate::atomic::{AtomicU32, Ordering, const_unless_loom, section};

const PHASE: u32 = 0b111;
const IDLE: u32 = 0;
const FILLING: u32 = 1;
const BEGINNING: u32 = 2;
const RUNNING: u32 = 3;
const STEPPING: u32 = 4;
const DONE: u32 = 5;
/// A handler has asked for a step while the slot was claimed. The claim's holder steps once more;
/// if there is no holder, the next claim is that step.
const NOTE: u32 = 1 << 3;
/// The operation is to be cancelled, by the holder of the claim or by the next one.
const CANCEL: u32 = 1 << 4;
/// Nothing will collect the end: the next `start` drops it.
const ORPHAN: u32 = 1 << 5;
/// One more step by the same claim. It is counted in the state word, so that the usual claim, which
/// has one step, needs no counter.
const AGAIN: u32 = 1 << 6;
/// The bits in which the holder counts its steps. The next claim clears what is left in them.
const AGAINS: u32 = (STEPS - 1) * AGAIN;
/// The maximum of steps per claim, a power of two. It is 2 under loom, so that models reach it.
///
/// Notes come from handlers: from one that has interrupted the step, and from other cores. Several
/// notes during one claim are rare, and no device that works causes 64. But an operation whose own
/// try steps its slot, or a device that interrupts faster than a try, leaves a note in every step.
/// Without a maximum the handler that has claimed the slot would never return.
const STEPS: u32 = if cfg!(loom) { 2 } else { 64 };

/// What a context that finds the slot claimed asks of the holder.
#[derive(Clone, Copy)]
pub(super) enum Request {
    /// Nothing: a waiter tries again anyway, and a note would only keep the holder stepping.
    Nothing = 0,
    /// One more step: the handler will not come back by itself.
    Step = NOTE as isize,
    /// To cancel the operation.
    Cancel = CANCEL as isize,
}

/// What became of a claim.
pub(super) enum Claim {
    /// The caller holds the slot, and has to step it.
    Held,
    /// Another context holds the slot, and has the request.
    Contended,
    /// There is no operation to step.
    Nothing,
}

/// What became of a release.
pub(super) enum Release {
    /// The slot is released.
    Released,
    /// The slot is released, and one more step is owed: this claim has had its maximum.
    Owed,
    /// The claim continues with one more step, after a cancellation if so.
    Again { cancel: bool },
}

/// What was in a vacant slot.
#[derive(PartialEq, Eq)]
pub(super) enum Vacant {
    Idle,
    /// An end that was given up.
    Ended,
}

/// Whose operation it is whose `begin` has panicked.
#[derive(Clone, Copy)]
pub(super) enum Unwound {
    /// It counts as the operation of a dropped job: it is orphaned and cancelled.
    GivenUp,
    /// The caller of `fill` has its job.
    OfAJob,
}

/// The state word.
pub(super) struct State(AtomicU32);

impl State {
    const_unless_loom! {
        /// Idle.
        pub(super) fn new() -> Self {
            Self(AtomicU32::new(IDLE))
        }
    }

    /// Arrows 1 and 9: moves a vacant slot to `Filling`. `None` if it is not vacant.
    ///
    /// `try_step` steps the slot once, if it can be claimed: a slot that was given up may be owed a
    /// step, for which no interrupt might come.
    #[inline(always)]
    pub(super) fn reserve(&self, try_step: impl Fn() + Copy) -> Option<Vacant> {
        self.reserve_if(|_| true, try_step)
    }

    /// Arrow 9: as [`reserve`](Self::reserve), but only if there is an end that was given up.
    #[inline(always)]
    pub(super) fn reserve_ended(&self, try_step: impl Fn() + Copy) -> Option<Vacant> {
        self.reserve_if(|vacant| vacant == Vacant::Ended, try_step)
    }

    #[inline(always)]
    fn reserve_if(
        &self,
        suits: impl Fn(Vacant) -> bool,
        try_step: impl Fn() + Copy,
    ) -> Option<Vacant> {
        let vacant = |state| if state & PHASE == DONE { Vacant::Ended } else { Vacant::Idle };
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            if !is_vacant(state) {
                state = self.take_owed_step(state, try_step)?;
            }
            if !suits(vacant(state)) {
                return None;
            }
            match self.0.compare_exchange_weak(state, FILLING, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return Some(vacant(state)),
                Err(now) => state = now,
            }
        }
    }

    /// Steps what was given up and is owed a step. Returns the state after that, if the slot is
    /// vacant now.
    #[cold]
    fn take_owed_step(&self, state: u32, try_step: impl Fn()) -> Option<u32> {
        let owed = state & (PHASE | ORPHAN) == RUNNING | ORPHAN && state & (NOTE | CANCEL) != 0;
        if !owed {
            return None;
        }
        try_step();
        let state = self.0.load(Ordering::Relaxed);
        is_vacant(state).then_some(state)
    }

    /// Arrow 3: from `Filling`, which the caller has reserved. The caller is in the critical
    /// section that also contains [`publish`](Self::publish) or [`unwind`](Self::unwind).
    #[inline(always)]
    pub(super) fn begin(&self) {
        self.0.store(BEGINNING, Ordering::Release);
    }

    /// Arrow 4: from `Beginning`, which the caller has set.
    #[inline(always)]
    pub(super) fn publish(&self) {
        self.0.store(RUNNING, Ordering::Release);
    }

    /// Arrow 4: from `Beginning`, which the caller has set, after a panic.
    #[inline(always)]
    pub(super) fn unwind(&self, unwound: Unwound) {
        let state = match unwound {
            Unwound::GivenUp => RUNNING | ORPHAN | CANCEL,
            Unwound::OfAJob => RUNNING,
        };
        self.0.store(state, Ordering::Release);
    }

    /// Arrow 5: moves `Running` to `Stepping`, or leaves the request with the holder.
    #[inline]
    pub(super) fn claim(&self, request: Request) -> Claim {
        // The usual case: running, without a note.
        match self.0.compare_exchange_weak(RUNNING, STEPPING, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Claim::Held,
            Err(state) => self.claim_from(state, request as u32),
        }
    }

    /// As [`claim`](Self::claim), from any state.
    #[cold]
    fn claim_from(&self, mut state: u32, request: u32) -> Claim {
        let mut confirmed = false;
        pass_on(); // The handler has quieted its device: the holder that takes its note sees that.
        loop {
            let (next, claim) = match state & PHASE {
                // The step that follows is also the step that an old note has asked for.
                RUNNING => ((state & !(NOTE | AGAINS)) + (STEPPING - RUNNING), Claim::Held),
                STEPPING => (state | request, Claim::Contended),
                BEGINNING => {
                    // Another core is about to publish, in a critical section: wait for its end.
                    state = section(|_| self.0.load(Ordering::Relaxed));
                    if state & PHASE == BEGINNING {
                        // This runs inside that section: `begin` itself has called its handler. The
                        // interrupt that must follow `begin` is still to come.
                        return Claim::Contended;
                    }
                    continue;
                }
                _ if confirmed => return Claim::Nothing,
                _ => {
                    // The first load may have been performed before the device was quieted: load
                    // again, after a barrier (see there).
                    device_barrier();
                    state = self.0.load(Ordering::Relaxed);
                    confirmed = true;
                    continue;
                }
            };
            match self.0.compare_exchange_weak(
                state,
                next,
                Ordering::AcqRel, // What precedes a note precedes the step that it asks for.
                Ordering::Relaxed,
            ) {
                Ok(_) => return claim,
                Err(now) => state = now,
            }
        }
    }

    /// Arrow 6: from `Stepping`, which the caller has claimed, back to `Running`. If there was a
    /// note or a request to cancel, the claim continues instead, unless it has had its maximum of
    /// steps: then the request stays, and one more step is owed.
    #[inline]
    pub(super) fn release(&self) -> Release {
        pass_on();
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            let noted = state & (NOTE | CANCEL) != 0;
            let bounded = state & AGAINS == AGAINS;
            let next = match (noted, bounded) {
                (false, _) => state - (STEPPING - RUNNING),
                (true, false) => (state & !(NOTE | CANCEL)) + AGAIN,
                (true, true) => (state | NOTE) - (STEPPING - RUNNING),
            };
            match self.0.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if !noted => return Release::Released,
                Ok(_) if bounded => return Release::Owed,
                Ok(_) => return Release::Again { cancel: state & CANCEL != 0 },
                Err(now) => state = now,
            }
        }
    }

    /// Arrow 7: from `Stepping`, which the caller has claimed, to `Done`.
    #[inline(always)]
    pub(super) fn finish(&self) {
        pass_on();
        // An addition keeps `ORPHAN`, which another context may set at any time.
        self.0.fetch_add(DONE - STEPPING, Ordering::Release);
    }

    /// Arrows 2, 8 and 10: from a phase that belongs to the caller to `Idle`. Nothing is left in
    /// the slot.
    #[inline(always)]
    pub(super) fn vacate(&self) {
        pass_on();
        self.0.store(IDLE, Ordering::Release);
    }

    /// Nothing will collect the end.
    #[inline(always)]
    pub(super) fn orphan(&self) {
        self.0.fetch_or(ORPHAN, Ordering::Release);
    }

    /// Whether the phase is `Done`.
    #[inline(always)]
    pub(super) fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) & PHASE == DONE
    }

    /// Whether the phase is `Running`.
    #[inline(always)]
    pub(super) fn is_running(&self) -> bool {
        self.0.load(Ordering::Relaxed) & PHASE == RUNNING
    }

    /// Whether [`reserve`](Self::reserve) would succeed now.
    #[inline(always)]
    pub(super) fn is_vacant(&self) -> bool {
        is_vacant(self.0.load(Ordering::Relaxed))
    }

    /// The phase in words.
    pub(super) fn describe(&self) -> &'static str {
        match self.0.load(Ordering::Relaxed) & PHASE {
            IDLE => "idle",
            DONE => "done",
            _ => "running",
        }
    }
}

/// Idle, or with an end that nothing will collect.
#[inline(always)]
const fn is_vacant(state: u32) -> bool {
    state & PHASE == IDLE || state & (PHASE | ORPHAN) == DONE | ORPHAN
}
