//! An operation in the background: the interrupt handler makes its tries, while the program does
//! something else.
//!
//! The device's handler needs an operation that it can reach, so that is in a `static`: a [`Slot`].
//! [`Slot::start`] moves the operation in and sets the device going; each interrupt tries it once;
//! the end gives the whole operation back, buffers included, through the [`Job`] or to a callback.
//!
//! ```
//! use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! use wouldblock::{Attempt, block::Spin, job::{Background, Slot}};
//!
//! static DATA: AtomicU32 = AtomicU32::new(0); // Stands for a register: 0 is "not yet".
//! static SLOT: Slot<Read> = Slot::new();
//!
//! struct Read { into: [u32; 1] }
//! impl Attempt for Read {
//!     type Output = ();
//!     type Error = ();
//!     fn attempt(&mut self) -> nb::Result<(), ()> {
//!         self.into[0] = DATA.load(Relaxed);
//!         if self.into[0] == 0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
//!     }
//! }
//! impl Background for Read {
//!     fn begin(&mut self) {} // Sets the device going.
//!     fn cancel(&mut self) {}
//! }
//!
//! fn handler() {
//!     let stepped = SLOT.on_interrupt(); // After the device was quieted.
//!     // Here the interrupt is acknowledged.
//!     drop(stepped); // Wakes what waits for the job.
//! }
//!
//! let job = SLOT.start(Read { into: [0] }).expect("nothing else is in the slot");
//! DATA.store(7, Relaxed); // The device has something,
//! handler(); // and interrupts.
//! assert_eq!(job.wait(Spin).op.into, [7]);
//! ```
//!
//! A slot owns the operation while it runs. So a [`Job`] that is forgotten leaves a busy slot, never
//! a buffer that a device writes after its owner is gone.
//!
//! # No interrupt is lost
//! A step that finds the slot being stepped returns [`Step::Contended`], never sees the operation,
//! and leaves a note: the step that it met tries once more before it ends. That is bounded, see
//! [`Step::Again`]. `begin` and the publication of the operation are one critical section, so the
//! first step comes after both, on another core too.
//!
//! # After a panic
//! Where panics unwind: a panic of `begin` leaves an operation that is cancelled and brought to its
//! end as that of a dropped job ([`Slot::start`]), and a [`ScopedSlot::scope`] waits for that end
//! before it is left. A panic of a waker, or of the drop of what had been given up, costs nothing:
//! the slot is usable again. A panic of the operation's own try, or of its `cancel`, leaves the slot
//! busy for ever, since it is not known what its device still does.
//!
//! # More of them, and less of a type
//! - [`Slots`]: many at once, for a device with a queue, with tickets that travel through it
//! - [`ScopedSlot`]: an operation with borrowed buffers, in a bracket that does not end before it
//! - [`Inline`], and `Boxed` with the feature `alloc`: operations of any type in one slot, closures
//!   ([`from_fns`]) among them
//! - [`With`]: data that ride along to the callback

// Invariant: `op`, `result` and `callback` belong to the one that moved the phase to `Filling` or
// `Stepping`, until that one moves it on; in `Done` to the slot's `Job`, or, once the slot is
// orphaned, to the one that moves it to `Filling`. `op` is initialised from `Beginning` to `Done`,
// `result` in `Done`, `callback` from `Beginning` on. In `Beginning` they belong to the call of
// `fill`; it lasts as long as a critical section, so only another core sees it.

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

mod barrier;
#[cfg(feature = "alloc")]
mod boxed;
mod combine;

mod handle;
mod inline;
mod scope;
mod slot;
mod slots;
mod state;
mod step;
mod stepped;

use core::fmt;

use crate::attempt::Attempt;
#[cfg(feature = "alloc")]
pub use boxed::{Boxed, free_dropped};
pub use combine::{FromFns, With, from_fns};
pub use handle::{Ended, Job};
pub use inline::Inline;
pub use scope::{ScopeEnded, ScopedJob, ScopedSlot};
pub use slot::Slot;
pub use slots::{ReservedSlot, Slots, Ticket};
pub use stepped::{Step, Stepped};

/// An operation that continues after the call returned: a transfer, a whole buffer to send.
///
/// In a [`Slot`] it owns what it needs, buffers included, and travels to the interrupt handler and
/// back: a slot stands in a `static`, so nothing in the operation is borrowed for less. In the
/// scope of a [`ScopedSlot`] it may borrow.
///
/// None of its methods steps or cancels the slot that it is in: that is for handlers and callbacks.
pub trait Background: Attempt<Output: Send, Error: Send> + Send {
    /// Sets the device going. Called once, in place, with interrupts masked; an interrupt must
    /// follow. Never waits, and costs the same on a stuck device as on a ready one.
    ///
    /// Writes to memory-mapped devices come after the operation was made known to handlers on all
    /// cores. A buffer that the device reads is the operation's to order before them, by a fence.
    fn begin(&mut self);

    /// Asks the device to stop. Tries continue until it has: the end says how it ended. Never waits.
    /// May be called more than once.
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
