//! The state word of a slot: a phase, and what others want of the one who has claimed it.
//!
//! ```text
//!            start                 publish                 step: claim
//!   Idle ───────────► Filling ─► Beginning ─► Running ◄─────────────────► Stepping
//!    ▲ ▲                 ▲                                step: not yet       │ step: the end
//!    │ └─────────────────┼──────────── callback mode ────────────────────────┤
//!    │ Job: collect      │ start, orphaned: drop the old operation            ▼
//!    └───────────────────┴─────────────────────────────────────────────────  Done
//! ```

pub(super) const PHASE: u32 = 0b111;
pub(super) const IDLE: u32 = 0;
pub(super) const FILLING: u32 = 1;
pub(super) const BEGINNING: u32 = 2;
pub(super) const RUNNING: u32 = 3;
pub(super) const STEPPING: u32 = 4;
pub(super) const DONE: u32 = 5;
/// A handler wanted to step while the slot was claimed. The holder steps once more; without a
/// holder, the next claim is that step.
pub(super) const NOTE: u32 = 1 << 3;
/// The operation is to be cancelled, by the holder of the claim or by the next one.
pub(super) const CANCEL: u32 = 1 << 4;
/// Nothing will collect the end: the next `start` drops it.
pub(super) const ORPHAN: u32 = 1 << 5;
/// One more step by the same claim. Counted here, so that the usual step, its claim's only one, has
/// no counter to keep.
pub(super) const AGAIN: u32 = 1 << 6;
/// The bits in which the holder counts its steps. What is left in them, the next claim clears.
pub(super) const AGAINS: u32 = (STEPS - 1) * AGAIN;
/// Steps of one claim, at most. Notes come from handlers: from one that has interrupted the step,
/// and from other cores. Several in one claim are rare, and 64 are none of a device that works. But
/// an operation whose own try steps its slot, or whose device's interrupt comes faster than a try,
/// leaves a note in every step, and the handler that has claimed the slot would never return. A
/// power of two; two under loom, so that models reach it.
pub(super) const STEPS: u32 = if cfg!(loom) { 2 } else { 64 };

/// Idle, or holding an end that nothing will collect.
pub(super) const fn is_vacant(state: u32) -> bool {
    state & PHASE == IDLE || state & (PHASE | ORPHAN) == DONE | ORPHAN
}
