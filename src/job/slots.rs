//! Many background operations at once, for a device with a queue: a fixed set of slots, and tickets
//! that travel through the device.
//!
//! ```text
//!            reserve              start                 on_interrupt(ticket)
//!   Slots ───────────► ReservedSlot ───────────► Job ◄──────────────────────────── device
//!                         │ ticket()                                             ▲
//!                         └──────────────── rides in the request ────────────────┘
//! ```
//!
//! A [`Ticket`] names one tenancy of one slot, so the end of the k-th request steps the k-th slot
//! and no other one: what a completion costs does not depend on how many are in flight. A ticket of
//! an earlier tenancy (a device that ends a request twice, or after a reset) steps nothing.
//!
//! Race on several cores: a stale ticket checked while another core reserves that slot may step the
//! new tenant once more, which is harmless. It never cancels it.

// Invariant: `generations[k]` changes only while slot `k` is reserved, by the one that has reserved
// it, before the ticket is known elsewhere.

use core::{convert::Infallible, fmt, mem};

use super::{
    Background, Busy, Callback, Done, Job, Slot, Step, Stepped, state::CANCEL, step::Claim,
};
use crate::atomic::{AtomicU32, Ordering, section};

/// One tenancy of one slot of a [`Slots`]: its index, and which tenancy of it. 32 bits, to ride as
/// the tag of a request through a device.
///
/// Generations come round after 65,536 tenancies of one slot; a ticket that is older than that may
/// pass for a new one. It then causes a try, which is always right, and nothing worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ticket {
    index: u16,
    generation: u16,
}

impl Ticket {
    /// Which slot: less than the number of slots.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// The ticket as a number.
    #[inline(always)]
    pub const fn to_bits(self) -> u32 {
        (self.generation as u32) << 16 | self.index as u32
    }

    /// The ticket of a number, which need not be one that was ever given out: such a ticket steps
    /// nothing.
    #[inline(always)]
    pub const fn from_bits(bits: u32) -> Self {
        Self { index: bits as u16, generation: (bits >> 16) as u16 }
    }
}

/// Room for `N` background operations of one kind, in a `static`: `N` [`Slot`]s, and 4 bytes for
/// each.
///
/// Every slot has all that a [`Slot`] has. A completion costs the same whatever is in flight. A
/// start looks for a vacant slot from the last one given out on: one look while the ends come in
/// the order of the starts, `N` at most.
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
/// let vacancy = READS.reserve().expect("fewer than 32 are in flight");
/// let tag = vacancy.ticket().to_bits(); // What the device gives back at the end.
/// let job = vacancy.start(Read { tag });
/// // In the handler, for each end that the device tells of:
/// let driven = READS.on_interrupt(Ticket::from_bits(tag));
/// assert_eq!(driven.step(), Step::Done);
/// # drop((driven, job));
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

    /// Takes a vacant slot, and with it a ticket for the request that is to come. An operation that
    /// has ended there with nobody to collect it is dropped here.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while every slot has a tenant.
    #[inline]
    pub fn reserve(&'static self) -> nb::Result<ReservedSlot<A>, Infallible> {
        let next = self.next.load(Ordering::Relaxed) as usize;
        let (before, after) = self.slots.split_at_checked(next).unwrap_or((&[], &self.slots));
        for (index, slot) in (next..).zip(after).chain((0..).zip(before)) {
            if slot.reserve() {
                return Ok(self.vacancy(index, slot));
            }
        }
        Err(nb::Error::WouldBlock)
    }

    /// The reserved slot with this index, which is less than `N`.
    #[inline(always)]
    fn vacancy(&'static self, index: usize, slot: &'static Slot<A>) -> ReservedSlot<A> {
        let following = if index + 1 < N { index + 1 } else { 0 };
        self.next.store(following as u32, Ordering::Relaxed);
        let generation = self.generations.get(index).map_or(0, |cell| {
            let generation = (cell.load(Ordering::Relaxed) as u16).wrapping_add(1);
            cell.store(u32::from(generation), Ordering::Release);
            generation
        });
        ReservedSlot { slot, ticket: Ticket { index: index as u16, generation } }
    }

    /// Sets `op` going in a vacant slot and returns at once, as [`Slot::start`]. An operation that
    /// has to know its ticket is made between [`reserve`](Self::reserve) and [`ReservedSlot::start`].
    ///
    /// # Errors
    /// [`Busy`] with the operation while every slot has a tenant.
    #[inline]
    pub fn start(&'static self, op: A) -> Result<Job<A>, Busy<A>> {
        match self.reserve() {
            Ok(vacancy) => Ok(vacancy.start(op)),
            Err(_) => Err(Busy(op)),
        }
    }

    /// As [`start`](Self::start), with a callback at the end, as [`Slot::start_with`].
    ///
    /// # Errors
    /// As [`start`](Self::start).
    #[inline]
    pub fn start_with(&'static self, op: A, callback: Callback<A>) -> Result<Ticket, Busy<A>> {
        match self.reserve() {
            Ok(vacancy) => Ok(vacancy.start_with(op, callback)),
            Err(_) => Err(Busy(op)),
        }
    }

    /// One step of the operation with this ticket, by a handler that was told of its end; as
    /// [`Slot::on_interrupt`]. A ticket whose tenancy is over, and a number that is no ticket, step
    /// nothing: [`Step::Idle`].
    #[inline]
    pub fn on_interrupt(&'static self, ticket: Ticket) -> Stepped {
        match self.slots.get(ticket.index()) {
            Some(slot) if self.is_current(ticket) => slot.on_interrupt(),
            _ => Stepped::idle(),
        }
    }

    /// Asks the operation with this ticket to stop, as [`Slot::cancel`]. A ticket whose tenancy is
    /// over, and a number that is no ticket, cancel nothing: [`Step::Idle`].
    ///
    /// The look at the ticket and the claim are one critical section of two accesses, so the next
    /// tenant of the slot is never cancelled in its place.
    pub fn cancel(&'static self, ticket: Ticket) -> Step {
        let Some(slot) = self.slots.get(ticket.index()) else { return Step::Idle };
        // A tenancy begins with a new generation, and then goes through the section in `fill`. So
        // while this one lasts, a slot that runs has the tenant of the generation that is read.
        let claim =
            section(|_| if self.is_current(ticket) { slot.claim(CANCEL) } else { Claim::Nothing });
        // SAFETY: just claimed.
        unsafe { slot.cancel_claimed(claim) }
    }

    /// Whether no later tenancy of the slot has begun.
    #[inline]
    pub fn is_current(&self, ticket: Ticket) -> bool {
        self.generations
            .get(ticket.index())
            .is_some_and(|cell| cell.load(Ordering::Acquire) == u32::from(ticket.generation))
    }

    /// Takes back what was given up in one of the slots, as [`Slot::reclaim`]: `N` looks.
    pub fn reclaim(&'static self) -> Option<Done<A>> {
        self.slots.iter().find_map(Slot::reclaim)
    }

    /// Slots with a tenant, at some moment during the call: `N` looks.
    pub fn occupied(&self) -> usize {
        self.slots.iter().filter(|slot| !slot.is_idle()).count()
    }
}

/// A reserved slot and its ticket. Dropping it gives the slot back.
#[must_use = "dropping a vacancy gives its slot back"]
pub struct ReservedSlot<A: Background + 'static> {
    /// In the phase `Filling`, by this.
    slot: &'static Slot<A>,
    ticket: Ticket,
}

impl<A: Background + 'static> fmt::Debug for ReservedSlot<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReservedSlot").field(&self.ticket).finish()
    }
}

impl<A: Background + 'static> ReservedSlot<A> {
    /// What the device gives back at the end of the request.
    #[inline(always)]
    pub const fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Sets `op` going here and returns at once, as [`Slot::start`].
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
        mem::forget(self); // The slot is the operation's now, also if its `begin` should panic.
        // SAFETY: it was reserved, by this vacancy, which is gone.
        unsafe { slot.fill(op, callback) };
    }
}

impl<A: Background + 'static> Drop for ReservedSlot<A> {
    #[inline]
    fn drop(&mut self) {
        self.slot.vacate();
    }
}
