//! The state as bytes, which change in critical sections. For small processors, where a critical
//! section takes a few instructions.

// # Invariant
// `phase` changes in a section, or by the context that has moved it to `Filling` or `Stepping`, or
// that owns `Done`. `requests` changes in sections. `orphan` is 0 from the reservation on, and is set
// once: by the owner of the job, for whom that is the last use of the slot, or where `begin` panics.

use super::{
    super::barrier::{device_barrier, pass_on},
    Claim, Request, Requests, Unwound, Vacant,
};
use crate::atomic::{Byte, const_unless_loom, section};

const IDLE: u8 = 0;
const FILLING: u8 = 1;
const BEGINNING: u8 = 2;
const RUNNING: u8 = 3;
const STEPPING: u8 = 4;
const DONE: u8 = 5;

const NOTE: u8 = Request::Step as u8;
const CANCEL: u8 = Request::Cancel as u8;

/// Three bytes. All zero at the start, so that a `static` is in `.bss`.
pub(in super::super) struct State {
    phase: Byte,
    /// What is asked of the holder of the claim, or of the next one.
    requests: Byte,
    /// Nothing will collect the end: the next `start` drops it.
    orphan: Byte,
}

impl State {
    const_unless_loom! {
        /// Idle.
        pub(in super::super) fn new() -> Self {
            Self { phase: Byte::new(IDLE), requests: Byte::new(0), orphan: Byte::new(0) }
        }
    }

    /// Arrows 1 and 9: moves a vacant slot to `Filling`, if it was in the state `from`, or in any.
    /// `None` if not.
    #[inline(never)]
    pub(in super::super) fn reserve(&self, from: Option<Vacant>) -> Option<Vacant> {
        section(|_| {
            let vacant = self.vacant().filter(|vacant| from.is_none_or(|from| from == *vacant));
            if vacant.is_some() {
                self.phase.set(FILLING);
                self.requests.set(0);
                self.orphan.set(0);
            }
            vacant
        })
    }

    #[inline(always)]
    fn vacant(&self) -> Option<Vacant> {
        match self.phase.acquire() {
            IDLE => Some(Vacant::Idle),
            DONE if self.orphan.acquire() != 0 => Some(Vacant::Ended),
            _ => None,
        }
    }

    /// Whether it was given up, and is owed a step: for that no interrupt might come.
    #[inline(always)]
    pub(in super::super) fn is_owed_a_step(&self) -> bool {
        self.is_running() && self.orphan.get() != 0 && self.requests.get() != 0
    }

    /// Arrow 3: from `Filling`, which the caller has reserved. The caller is in the critical
    /// section that also contains [`publish`](Self::publish) or [`unwind`](Self::unwind).
    #[inline(always)]
    pub(in super::super) fn begin(&self) {
        self.phase.set(BEGINNING);
    }

    /// Arrow 4: from `Beginning`, which the caller has set.
    #[inline(always)]
    pub(in super::super) fn publish(&self) {
        self.phase.release(RUNNING);
    }

    /// Arrow 4: from `Beginning`, which the caller has set, after a panic.
    #[inline(always)]
    pub(in super::super) fn unwind(&self, unwound: Unwound) {
        if let Unwound::GivenUp = unwound {
            self.requests.set(CANCEL);
            self.orphan.set(1);
        }
        self.phase.release(RUNNING);
    }

    /// Arrow 5: moves `Running` to `Stepping`, or leaves the request with the holder.
    #[inline]
    pub(in super::super) fn claim(&self, request: Request) -> Claim {
        // The handler has quieted its device: that comes before the state is read, and before a note
        // is seen by the holder (see there).
        device_barrier();
        let phase = section(|_| {
            let phase = self.phase.get();
            let requests = self.requests.get();
            if phase == RUNNING {
                self.phase.set(STEPPING);
                // The step that follows is also the step that an old note has asked for.
                self.requests.set(requests & !NOTE);
            } else if phase == STEPPING {
                self.requests.set(requests | request as u8);
            }
            phase
        });
        match phase {
            RUNNING => Claim::Held,
            // While it begins: `begin` itself, in its section, has called its handler. The interrupt
            // that must follow it is still to come.
            STEPPING | BEGINNING => Claim::Contended,
            _ => Claim::Nothing,
        }
    }

    /// Arrow 6: from `Stepping`, which the caller has claimed, back to `Running`. If there was a
    /// request, the claim continues instead, unless `last` says that it has had its maximum of steps:
    /// then the request stays, for the next claim.
    #[inline]
    pub(in super::super) fn release(&self, last: bool) -> Requests {
        pass_on();
        section(|_| {
            let requests = self.requests.get();
            if requests == 0 || last {
                self.phase.set(RUNNING);
            } else {
                self.requests.set(0);
            }
            Requests(requests)
        })
    }

    /// Arrow 7: from `Stepping`, which the caller has claimed, to `Done`.
    #[inline(always)]
    pub(in super::super) fn finish(&self) {
        pass_on();
        self.phase.release(DONE);
    }

    /// Arrows 2, 8 and 10: from a phase that belongs to the caller to `Idle`. Nothing is left in
    /// the slot.
    #[inline(always)]
    pub(in super::super) fn vacate(&self) {
        pass_on();
        self.phase.release(IDLE);
    }

    /// Nothing will collect the end.
    #[inline(always)]
    pub(in super::super) fn orphan(&self) {
        self.orphan.release(1);
    }

    /// Whether the phase is `Done`.
    #[inline(always)]
    pub(in super::super) fn is_done(&self) -> bool {
        self.phase.acquire() == DONE
    }

    /// Whether the phase is `Running`.
    #[inline(always)]
    pub(in super::super) fn is_running(&self) -> bool {
        self.phase.get() == RUNNING
    }

    /// Whether [`reserve`](Self::reserve) would succeed now.
    #[inline(always)]
    pub(in super::super) fn is_vacant(&self) -> bool {
        self.vacant().is_some()
    }

    /// The phase in words.
    pub(in super::super) fn describe(&self) -> &'static str {
        match self.phase.get() {
            IDLE => "idle",
            DONE => "done",
            _ => "running",
        }
    }
}
