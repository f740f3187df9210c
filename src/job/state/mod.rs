//! The state of a slot: a phase, and the requests to the context that has claimed the slot.
//!
//! It is one of two files with the same methods, of which the binary's processor chooses: `lock_free`,
//! one word and exchanges; `sections`, bytes that change in critical sections.
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
//! | 9 | [`State::reserve`] | a start, or a reclaim, finds an end that was given up |
//! | 10 | [`State::vacate`] | the job collects the end |

// See the module `event`, which chooses in the same way.
#[cfg_attr(
    any(
        wouldblock_sections,
        wouldblock_single_core,
        not(target_pointer_width = "64"),
        not(target_has_atomic = "32")
    ),
    path = "sections.rs"
)]
#[cfg_attr(
    not(any(
        wouldblock_sections,
        wouldblock_single_core,
        not(target_pointer_width = "64"),
        not(target_has_atomic = "32")
    )),
    path = "lock_free.rs"
)]
mod chosen;

pub(super) use chosen::State;

/// The maximum of steps per claim. It is 2 under loom, so that models reach it.
///
/// Notes come from handlers: from one that has interrupted the step, and from other cores. Several
/// notes during one claim are rare, and no device that works causes 64. But an operation whose own
/// try steps its slot, or a device that interrupts faster than a try, leaves a note in every step.
/// Without a maximum the handler that has claimed the slot would never return.
pub(super) const STEPS: u32 = if cfg!(loom) { 2 } else { 64 };

/// What a context that finds the slot claimed asks of the holder.
#[derive(Clone, Copy)]
pub(super) enum Request {
    /// Nothing: a waiter tries again anyway, and a note would only keep the holder stepping.
    Nothing = 0,
    /// One more step: the handler will not come back by itself.
    Step = 1 << 3,
    /// To cancel the operation.
    Cancel = 1 << 4,
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

/// What a release has found: the requests that came since the claim, or since the last release.
#[derive(Clone, Copy)]
pub(super) struct Requests(u8);

impl Requests {
    #[inline(always)]
    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub(super) const fn has(self, request: Request) -> bool {
        self.0 & request as u8 != 0
    }
}

/// What was in a vacant slot.
#[derive(Clone, Copy, PartialEq, Eq)]
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
