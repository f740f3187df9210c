//! The background side: an interrupt carries on the very attempt that the blocking form retries.
//!
//! A [`Slot`] stands in a `static` and owns the operation while it runs, buffers included; the end
//! gives the whole operation back. So a forgotten [`Job`] leaves a busy slot, never a buffer that a
//! device writes behind its owner's back.
//!
//! ```text
//!            start                 publish                 step: claim
//!   Idle ───────────► Filling ─► Beginning ─► Running ◄─────────────────► Stepping
//!    ▲ ▲                 ▲                                step: not yet       │ step: the end
//!    │ └─────────────────┼──────────── callback mode ────────────────────────┤
//!    │ Job: collect      │ start, orphaned: drop the old operation            ▼
//!    └───────────────────┴─────────────────────────────────────────────────  Done
//! ```
//!
//! # Invariant
//! **`op`, `result` and `callback` belong to who moved the phase to `Filling` or `Stepping`, until
//! that one moves it on; in `Done` to the slot's [`Job`], or, once the slot is orphaned, to who
//! moves it to `Filling`.** `op` is initialised from `Beginning` to `Done`, `result` in `Done`,
//! `callback` from `Beginning` on. `Beginning` is only ever seen by another core: it lasts as long
//! as a critical section.
//!
//! # No interrupt is lost
//! A step that finds the slot claimed answers [`Step::Contended`], never sees `&mut op`, and leaves
//! a note; the holder steps once more before it lets go. `begin` and the publication are one
//! critical section, so the first step comes after both.
//!
//! # More of them, and less of a type
//! - [`Slots`]: many at once, for a device with a queue, with tickets that travel through it
//! - [`ScopedSlot`]: an operation with borrowed buffers, in a bracket that does not end before it
//! - [`Inline`], and `Boxed` with the feature `alloc`: operations of any type in one slot, closures
//!   ([`from_fns`]) among them
//! - [`With`]: data that ride along to the callback

/// In an implementation of [`Background`] by an operation that another one is inside of.
macro_rules! forward_background {
    (|$this:ident| $inner:expr) => {
        #[inline(always)]
        fn begin(&mut self) {
            let $this = self;
            $inner.begin();
        }

        #[inline(always)]
        fn cancel(&mut self) {
            let $this = self;
            $inner.cancel();
        }
    };
}

#[cfg(feature = "alloc")]
mod boxed;
mod combine;
mod driven;
mod handle;
mod inline;
mod scope;
mod slot;
mod slots;

use core::fmt;

use crate::attempt::Attempt;
#[cfg(feature = "alloc")]
pub use boxed::{Boxed, free_dropped};
pub use combine::{FromFns, With, from_fns};
pub use driven::{Step, Stepped};
pub use handle::{Ended, Job};
pub use inline::Inline;
pub use scope::{ScopeEnded, ScopedJob, ScopedSlot};
pub use slot::Slot;
pub use slots::{ReservedSlot, Slots, Ticket};

/// An operation that goes on after the call returned: a transfer, a whole buffer to send.
///
/// In a [`Slot`] it owns what it needs, buffers included, and travels to the interrupt handler and
/// back: a slot stands in a `static`, so nothing in the operation is borrowed for less. In the
/// scope of a [`ScopedSlot`] it may borrow.
pub trait Background: Attempt<Output: Send, Error: Send> + Send {
    /// Sets the device going. Called once, in place, with interrupts masked; an interrupt must
    /// follow. Never waits, and costs the same on a stuck device as on a ready one.
    fn begin(&mut self);

    /// Asks the device to stop. Tries go on until it has: the end says how it ended. Never waits.
    fn cancel(&mut self);
}

/// The end of a background operation: the operation itself, with all it owns, and its result.
#[derive(Debug)]
pub struct Done<A: Attempt> {
    /// The operation, given back.
    pub op: A,
    /// How it ended.
    pub result: Result<A::Output, A::Error>,
}

/// The slot has a tenant; the operation comes back unharmed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Busy<A>(pub A);

impl<A> fmt::Debug for Busy<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Busy(..)")
    }
}

impl<A> fmt::Display for Busy<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the slot is busy with another operation")
    }
}

impl<A> core::error::Error for Busy<A> {}

/// Called with the end of an operation, by the step that ends it.
pub type Callback<A> = fn(Done<A>);
