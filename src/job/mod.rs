//! Operations in the background: the interrupt handler makes the tries while the program does
//! something else.
//!
//! The handler of the device must be able to reach the operation. So the operation is in a
//! `static`, in a [`Slot`]. [`Slot::start`] moves it in and starts the device; each interrupt tries
//! it once; at the end the [`Job`] or a callback gets the whole operation back, buffers included.
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
//!     let stepped = SLOT.on_interrupt(); // After the handler has quieted the device.
//!     // Here the interrupt is acknowledged.
//!     drop(stepped); // Wakes the waiter of the job.
//! }
//!
//! let job = SLOT.start(Read { into: [0] }).expect("nothing else is in the slot");
//! DATA.store(7, Relaxed); // The device has data,
//! handler(); // and interrupts.
//! assert_eq!(job.wait(Spin).op.into, [7]);
//! ```
//!
//! A slot owns the operation while it runs. So forgetting a [`Job`] leaves a busy slot, never a
//! buffer that a device writes after its owner is gone.
//!
//! # No interrupt is lost
//! A step that finds the slot being stepped does not touch the operation: it leaves a note and
//! returns [`Step::Contended`]. The step that it met tries once more before it ends. That is
//! bounded, see [`Step::Again`]. `begin` and the publication of the operation are one critical
//! section, so the first step comes after both, also on another core.
//!
//! # Handlers that interrupt handlers
//! Handlers of different priorities may step one slot: for instance one for the data and one for the
//! errors of a device. The higher one can come at any place of the lower one's step. It quiets its
//! source, its step is `Contended`, and the step that it has interrupted makes the try for both. So
//! neither interrupt is lost, and no operation sees two tries at once.
//!
//! # After a panic
//! Where panics unwind: after a panic of `begin` the operation is cancelled and brought to its end
//! like that of a dropped job ([`Slot::start`]), and a [`ScopedSlot::scope`] waits for that end
//! before it returns. A panic of a waker, or of the drop of what had been given up, leaves a usable
//! slot. A panic of the operation's own try, or of its `arm`, `disarm` or `cancel`, leaves the slot
//! busy for ever, since it is not known what its device still does.
//!
//! # Other kinds of slots
//! - [`Slots`]: many operations at once, for a device with a queue, with tickets that travel
//!   through it
//! - [`ScopedSlot`]: an operation with borrowed buffers, in a function that does not return before
//!   the operation has ended
//! - [`Inline`]: operations of any type in one slot

// Invariant: `op`, `result` and `callback` belong to the context that has moved the phase to
// `Filling` or `Stepping`, until that context moves it further. In `Done` they belong to the slot's
// `Job`, or, once the slot is orphaned, to the context that moves it to `Filling`. In `Beginning`
// they belong to the call of `fill`; that phase lasts as long as a critical section, so only
// another core sees it. `op` is initialised from `Beginning` to `Done`, `result` in `Done`,
// `callback` from `Beginning` on.

/// `begin` and `cancel` of an operation that holds another one: they forward to the inner one.
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
mod handle;
mod inline;
mod mapped;
mod scope;
mod slot;
mod slots;
mod state;
mod step;
mod stepped;

use core::fmt;

use crate::attempt::Attempt;
pub use handle::Job;
pub use inline::Inline;
pub use scope::{ScopedJob, ScopedSlot};
pub use slot::Slot;
pub use slots::{ReservedSlot, Slots, Ticket};
pub use stepped::{Step, Stepped};

/// An operation that continues after the call has returned: a transfer, a whole buffer to send.
///
/// In a [`Slot`] it owns what it needs, buffers included, and moves to the interrupt handler and
/// back: a slot is in a `static`, so everything that the operation borrows is `'static`. In the
/// scope of a [`ScopedSlot`] it may borrow for less.
///
/// None of its methods may step or cancel the slot that it is in; handlers and callbacks do that.
pub trait Background: Attempt<Output: Send, Error: Send> + Send {
    /// Starts the device. Called once, when the operation is at its final address, with interrupts
    /// masked; an interrupt must follow. It never waits, and costs the same on a stuck device as on
    /// a ready one.
    ///
    /// The library orders the writes to memory-mapped devices in here after the operation was made
    /// known to handlers on all cores. If the device reads a buffer, the operation itself must
    /// order the writes to that buffer before the start, with a fence.
    fn begin(&mut self);

    /// Asks the device to stop. Tries continue until it has stopped, and their result says how the
    /// operation has ended. It never waits, and may be called more than once.
    fn cancel(&mut self);
}

/// The end of a background operation: the operation, with all that it owns, and its result.
#[derive(Debug)]
pub struct Done<A: Attempt> {
    /// The operation, given back.
    pub op: A,
    /// How it ended.
    pub result: Result<A::Output, A::Error>,
}

/// The slot holds another operation. Returns the new one unchanged.
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

/// A function that the step that ends an operation calls with the end.
type Callback<A> = fn(Done<A>);
