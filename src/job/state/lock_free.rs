//! The state as one word, changed by exchanges.

use super::{
    super::barrier::{device_barrier, pass_on},
    Claim, Request, Requests, Unwound, Vacant,
};
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
const NOTE: u32 = Request::Step as u32;
/// The operation is to be cancelled, by the holder of the claim or by the next one.
const CANCEL: u32 = Request::Cancel as u32;
/// Nothing will collect the end: the next `start` drops it.
const ORPHAN: u32 = 1 << 5;

/// The state word.
pub(in super::super) struct State(AtomicU32);

impl State {
    const_unless_loom! {
        /// Idle.
        pub(in super::super) fn new() -> Self {
            Self(AtomicU32::new(IDLE))
        }
    }

    /// Arrows 1 and 9: moves a vacant slot to `Filling`, if it was in the state `from`, or in any.
    /// `None` if not.
    #[inline]
    pub(in super::super) fn reserve(&self, from: Option<Vacant>) -> Option<Vacant> {
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            if !is_vacant(state) {
                return None;
            }
            let vacant = if state & PHASE == DONE { Vacant::Ended } else { Vacant::Idle };
            if from.is_some_and(|from| from != vacant) {
                return None;
            }
            match self.0.compare_exchange_weak(state, FILLING, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return Some(vacant),
                Err(now) => state = now,
            }
        }
    }

    /// Whether it was given up, and is owed a step: for that no interrupt might come.
    #[inline(always)]
    pub(in super::super) fn is_owed_a_step(&self) -> bool {
        let state = self.0.load(Ordering::Relaxed);
        state & (PHASE | ORPHAN) == RUNNING | ORPHAN && state & (NOTE | CANCEL) != 0
    }

    /// Arrow 3: from `Filling`, which the caller has reserved. The caller is in the critical
    /// section that also contains [`publish`](Self::publish) or [`unwind`](Self::unwind).
    #[inline(always)]
    pub(in super::super) fn begin(&self) {
        self.0.store(BEGINNING, Ordering::Release);
    }

    /// Arrow 4: from `Beginning`, which the caller has set.
    #[inline(always)]
    pub(in super::super) fn publish(&self) {
        self.0.store(RUNNING, Ordering::Release);
    }

    /// Arrow 4: from `Beginning`, which the caller has set, after a panic.
    #[inline(always)]
    pub(in super::super) fn unwind(&self, unwound: Unwound) {
        let state = match unwound {
            Unwound::GivenUp => RUNNING | ORPHAN | CANCEL,
            Unwound::OfAJob => RUNNING,
        };
        self.0.store(state, Ordering::Release);
    }

    /// Arrow 5: moves `Running` to `Stepping`, or leaves the request with the holder.
    #[inline]
    pub(in super::super) fn claim(&self, request: Request) -> Claim {
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
                RUNNING => ((state & !NOTE) + (STEPPING - RUNNING), Claim::Held),
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
    /// request, the claim continues instead, unless `last` says that it has had its maximum of steps:
    /// then the request stays, for the next claim.
    #[inline]
    pub(in super::super) fn release(&self, last: bool) -> Requests {
        pass_on();
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            let requests = state & (NOTE | CANCEL);
            let next = if requests == 0 || last {
                state - (STEPPING - RUNNING)
            } else {
                state & !(NOTE | CANCEL)
            };
            match self.0.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Requests(requests as u8),
                Err(now) => state = now,
            }
        }
    }

    /// Arrow 7: from `Stepping`, which the caller has claimed, to `Done`.
    #[inline(always)]
    pub(in super::super) fn finish(&self) {
        pass_on();
        // An addition keeps `ORPHAN`, which another context may set at any time.
        self.0.fetch_add(DONE - STEPPING, Ordering::Release);
    }

    /// Arrows 2, 8 and 10: from a phase that belongs to the caller to `Idle`. Nothing is left in
    /// the slot.
    #[inline(always)]
    pub(in super::super) fn vacate(&self) {
        pass_on();
        self.0.store(IDLE, Ordering::Release);
    }

    /// Nothing will collect the end.
    #[inline(always)]
    pub(in super::super) fn orphan(&self) {
        self.0.fetch_or(ORPHAN, Ordering::Release);
    }

    /// Whether the phase is `Done`.
    #[inline(always)]
    pub(in super::super) fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) & PHASE == DONE
    }

    /// Whether the phase is `Running`.
    #[inline(always)]
    pub(in super::super) fn is_running(&self) -> bool {
        self.0.load(Ordering::Relaxed) & PHASE == RUNNING
    }

    /// Whether [`reserve`](Self::reserve) would succeed now.
    #[inline(always)]
    pub(in super::super) fn is_vacant(&self) -> bool {
        is_vacant(self.0.load(Ordering::Relaxed))
    }

    /// The phase in words.
    pub(in super::super) fn describe(&self) -> &'static str {
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
