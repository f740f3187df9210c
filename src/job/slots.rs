//! Many background operations at once, for a device with a queue: a fixed number of slots, and
//! tickets that travel through the device.
//!
//! ```text
//!            reserve              start                 on_interrupt(ticket)
//!   Slots ───────────► ReservedSlot ───────────► Job ◄──────────────────────────── device
//!                         │ ticket()                                             ▲
//!                         └──────────────── part of the request ─────────────────┘
//! ```
//!
//! A [`Ticket`] names one operation in one slot. So the end of a request steps exactly the slot of
//! that request, and the cost of a completion does not depend on the number of requests in flight.
//! The ticket of an earlier operation (from a device that ends a request twice, or after a reset)
//! steps nothing.
//!
//! Race on several cores: a stale ticket that is checked while another core reserves that slot may
//! step the new operation once more, which is harmless. It never cancels it.

// Invariant: `generations[k]` changes only while slot `k` is reserved. Only the context that has
// reserved the slot changes it, before the ticket is known elsewhere.

use core::{convert::Infallible, fmt, mem};

use super::{
    Background, Callback, Done, Job, Slot, Step, Stepped,
    state::{Claim, Request},
};
use crate::atomic::{AtomicU32, Ordering, section};

/// Names one operation in one slot of a [`Slots`]: the index of the slot, and a generation that
/// counts the operations in it. 32 bits, so that a device can carry it as the tag of a request.
///
/// Generations repeat after 65,536 operations in one slot, so an older ticket may be taken for a
/// new one. It then causes one more try, which is always right, and nothing worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ticket {
    index: u16,
    generation: u16,
}

impl Ticket {
    /// The index of the slot, less than the number of slots.
    #[inline(always)]
    #[doc(hidden)]
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// The ticket as a number, e.g. for the tag of a request.
    #[inline(always)]
    pub const fn to_bits(self) -> u32 {
        (self.generation as u32) << 16 | self.index as u32
    }

    /// The ticket with this number. Any number is allowed: a ticket that was never given out steps
    /// nothing.
    #[inline(always)]
    pub const fn from_bits(bits: u32) -> Self {
        Self { index: bits as u16, generation: (bits >> 16) as u16 }
    }
}

/// Room for `N` background operations of one kind, in a `static`: `N` [`Slot`]s, and 4 bytes for
/// each.
///
/// The cost of a completion does not depend on the number in flight. A start searches for a vacant
/// slot from the last reserved one on: it checks one slot if operations end in the order of their
/// starts, and at most `N`.
///
/// ```no_run
/// use wouldblock::{
///     Attempt,
///     job::{Background, Slots, Step, Ticket},
/// };
///
/// struct Read {
///     tag: u32,
/// }
/// # impl Attempt for Read {
/// #     type Output = ();
/// #     type Error = ();
/// #     fn attempt(&mut self) -> nb::Result<(), ()> { Ok(()) }
/// # }
/// # impl Background for Read { fn begin(&mut self) { let _ = self.tag; } fn cancel(&mut self) {} }
/// static READS: Slots<Read, 32> = Slots::new();
///
/// let reserved = READS.reserve().expect("fewer than 32 are in flight");
/// let tag = reserved.ticket().to_bits(); // The device returns it at the end of the request.
/// let job = reserved.start(Read { tag });
/// // In the handler, for each request that the device has ended:
/// let stepped = READS.on_interrupt(Ticket::from_bits(tag));
/// assert_eq!(stepped.step(), Step::Done);
/// # drop((stepped, job));
/// ```
pub struct Slots<A: Background + 'static, const N: usize> {
    slots: [Slot<A>; N],
    generations: [AtomicU32; N],
    /// Where the next search begins.
    next: AtomicU32,
}

impl<A: Background + 'static, const N: usize> fmt::Debug for Slots<A, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.slots).finish()
    }
}

impl<A: Background + 'static, const N: usize> Default for Slots<A, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Background + 'static, const N: usize> Slots<A, N> {
    const INDEX_FITS: () = assert!(N <= 1 << 16, "the index of a ticket has 16 bits");

    #[cfg(not(loom))]
    /// Idle slots. More than 65,536 do not compile.
    pub const fn new() -> Self {
        const { Self::INDEX_FITS }
        Self {
            slots: [const { Slot::new() }; N],
            generations: [const { AtomicU32::new(0) }; N],
            next: AtomicU32::new(0),
        }
    }

    #[cfg(loom)]
    /// Idle slots. More than 65,536 do not compile.
    pub fn new() -> Self {
        const { Self::INDEX_FITS }
        Self {
            slots: core::array::from_fn(|_| Slot::new()),
            generations: core::array::from_fn(|_| AtomicU32::new(0)),
            next: AtomicU32::new(0),
        }
    }

    /// Reserves a vacant slot, with a ticket for the next request. If an operation has ended there
    /// that nothing will collect, it is dropped here.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while every slot holds an operation.
    #[inline]
    pub fn reserve(&'static self) -> nb::Result<ReservedSlot<A>, Infallible> {
        let next = self.next.load(Ordering::Relaxed) as usize;
        let (before, after) = self.slots.split_at_checked(next).unwrap_or((&[], &self.slots));
        for (index, slot) in (next..).zip(after).chain((0..).zip(before)) {
            if slot.reserve() {
                return Ok(self.issue(index, slot));
            }
        }
        Err(nb::Error::WouldBlock)
    }

    /// Makes the ticket of the reserved slot with this index, which is less than `N`.
    #[inline(always)]
    fn issue(&'static self, index: usize, slot: &'static Slot<A>) -> ReservedSlot<A> {
        let following = if index + 1 < N { index + 1 } else { 0 };
        self.next.store(following as u32, Ordering::Relaxed);
        let generation = self.generations.get(index).map_or(0, |cell| {
            let generation = (cell.load(Ordering::Relaxed) as u16).wrapping_add(1);
            cell.store(u32::from(generation), Ordering::Release);
            generation
        });
        ReservedSlot { slot, ticket: Ticket { index: index as u16, generation } }
    }

    /// One step of the operation with this ticket, by a handler to which the device has reported
    /// its end; as [`Slot::on_interrupt`]. A stale ticket, and a number that is no ticket, step
    /// nothing: [`Step::Idle`].
    #[inline]
    pub fn on_interrupt(&'static self, ticket: Ticket) -> Stepped {
        match self.slots.get(ticket.index()) {
            Some(slot) if self.is_current(ticket) => slot.on_interrupt(),
            _ => Stepped::idle(),
        }
    }

    /// Asks the operation with this ticket to stop, as [`Slot::cancel`]. A stale ticket, and a
    /// number that is no ticket, cancel nothing: [`Step::Idle`].
    ///
    /// The check of the ticket and the claim are one critical section of two accesses. So a stale
    /// ticket never cancels the next operation in the slot.
    pub fn cancel(&'static self, ticket: Ticket) -> Step {
        let Some(slot) = self.slots.get(ticket.index()) else { return Step::Idle };
        // A new operation first gets a new generation, and then goes through the section in `fill`.
        // So during this section a running slot holds the operation of the generation that is read.
        let claim = section(|_| match self.is_current(ticket) {
            true => slot.machine.state.claim(Request::Cancel),
            false => Claim::Nothing,
        });
        // SAFETY: the section above has claimed it, if `claim` says so.
        unsafe { slot.cancel_claimed(claim) }
    }

    /// Whether the ticket is the last one that was given out for its slot.
    #[doc(hidden)]
    #[inline]
    pub fn is_current(&self, ticket: Ticket) -> bool {
        self.generations
            .get(ticket.index())
            .is_some_and(|cell| cell.load(Ordering::Acquire) == u32::from(ticket.generation))
    }

    /// Takes back what was given up in one of the slots, as [`Slot::reclaim`]. It checks `N` slots.
    pub fn reclaim(&'static self) -> Option<Done<A>> {
        self.slots.iter().find_map(Slot::reclaim)
    }

    /// The number of slots that hold an operation at some moment during the call. It checks `N`
    /// slots.
    #[doc(hidden)]
    pub fn occupied(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.is_idle()).count()
    }
}

/// A reserved slot and its ticket. Dropping it gives the slot back.
#[must_use = "dropping a reserved slot gives it back"]
pub struct ReservedSlot<A: Background + 'static> {
    // In the phase `Filling`; this owns it.
    slot: &'static Slot<A>,
    ticket: Ticket,
}

impl<A: Background + 'static> fmt::Debug for ReservedSlot<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReservedSlot").field(&self.ticket).finish()
    }
}

impl<A: Background + 'static> ReservedSlot<A> {
    /// The ticket that the device returns at the end of the request.
    #[inline(always)]
    pub const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Starts `op` in this slot and returns at once, as [`Slot::start`].
    #[inline]
    pub fn start(self, op: A) -> Job<A> {
        let slot = self.slot;
        self.launch(op, None);
        Job::of(slot)
    }

    /// As [`start`](Self::start), with a callback at the end, as [`Slot::start_with`].
    #[inline]
    pub fn start_with(self, op: A, callback: Callback<A>) -> Ticket {
        let ticket = self.ticket;
        self.launch(op, Some(callback));
        ticket
    }

    #[inline(always)]
    fn launch(self, op: A, callback: Option<Callback<A>>) {
        let slot = self.slot;
        mem::forget(self); // The slot belongs to the operation now, also if `begin` panics.
        // SAFETY: `self` had reserved the slot, and is gone.
        unsafe { slot.fill(op, callback) };
    }
}

impl<A: Background + 'static> Drop for ReservedSlot<A> {
    #[inline]
    fn drop(&mut self) {
        self.slot.machine.state.vacate();
    }
}
