//! A one-to-one channel: a lock-free ring, and two events that say "room" and "news".
//!
//! # Invariant
//! **The sender writes `tail`, the receiver `head`, each only its own; both are below `N`. The
//! cells from `head` up to, not including, `tail` (around the end) hold values and are the
//! receiver's; the others are empty and the sender's.** An index is published (released) after its
//! cell was written or read, and acquired by the other end before it uses the cell. Each end loads
//! its own index relaxed: nobody else writes it. There is one sender and one receiver: `split`
//! borrows the channel exclusively.
//!
//! Not over a library's queue: those at hand take the index modulo a length known at run time,
//! which leaves a panic path in a handler's code, and none of them can be put under loom.

use core::{convert::Infallible, marker, mem::MaybeUninit};

use crate::{
    atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom},
    attempt::Attempt,
    event::{Event, Operation, Waiter},
};

/// A queue between one sender and one receiver, each in any context. It holds `N - 1` values, `N`
/// is at least 2.
///
/// ```
/// use wouldblock::{block::Spin, sync::Channel};
///
/// let mut channel = Channel::<u8, 3>::new();
/// let (mut sender, mut receiver) = channel.split();
/// assert_eq!(sender.try_send(1), Ok(()));
/// assert_eq!(sender.send(2).block(Spin), Ok(()));
/// assert_eq!(sender.try_send(3), Err(3)); // full: the value comes back
/// assert_eq!(receiver.receive().block(Spin), Ok(1));
/// assert_eq!(receiver.try_receive(), Ok(2));
/// assert_eq!(receiver.try_receive(), Err(nb::Error::WouldBlock));
/// ```
pub struct Channel<T, const N: usize> {
    ends: Ends,
    ring: [UnsafeCell<MaybeUninit<T>>; N],
}

/// Where the values begin and end, and who waits for what.
struct Ends {
    /// The oldest value.
    head: AtomicU32,
    /// Behind the newest one.
    tail: AtomicU32,
    room: Event,
    news: Event,
}

// SAFETY: by the module's invariant each cell has one owner at a time; values are sent through it.
unsafe impl<T: marker::Send, const N: usize> Sync for Channel<T, N> {}

// SAFETY: a channel owns its values.
unsafe impl<T: marker::Send, const N: usize> marker::Send for Channel<T, N> {}

impl<T, const N: usize> Default for Channel<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> Channel<T, N> {
    const FITS: () = assert!(N >= 2 && N <= u32::MAX as usize, "a channel of N holds N - 1 values");

    #[cfg(not(loom))]
    /// An empty channel.
    pub const fn new() -> Self {
        let () = Self::FITS;
        Self { ends: Ends::new(), ring: [const { UnsafeCell::new(MaybeUninit::uninit()) }; N] }
    }

    #[cfg(loom)]
    /// An empty channel.
    pub fn new() -> Self {
        let () = Self::FITS;
        let ring = core::array::from_fn(|_| UnsafeCell::new(MaybeUninit::uninit()));
        Self { ends: Ends::new(), ring }
    }

    /// The two ends. Values that earlier ends left are still there.
    pub fn split(&mut self) -> (Sender<'_, T>, Receiver<'_, T>) {
        // Ends that were forgotten took their waiters with them; nobody can hold one now, since
        // this borrow is exclusive.
        self.ends.room = Event::new();
        self.ends.news = Event::new();
        let Ends { room, news, .. } = &self.ends;
        let (Some(for_room), Some(for_news)) = (room.waiter(), news.waiter()) else {
            unreachable!("a new event has its waiter")
        };
        let (ends, ring) = (&self.ends, &self.ring[..]);
        (
            Sender { end: End { ends, ring }, room: for_room },
            Receiver { end: End { ends, ring }, news: for_news },
        )
    }
}

impl<T, const N: usize> Drop for Channel<T, N> {
    fn drop(&mut self) {
        let end = End { ends: &self.ends, ring: &self.ring[..] };
        while end.pop().is_some() {}
    }
}

impl Ends {
    const_unless_loom! {
        fn new() -> Self {
            Self { head: AtomicU32::new(0), tail: AtomicU32::new(0), room: Event::new(), news: Event::new() }
        }
    }
}

/// What both ends see of the channel.
struct End<'c, T> {
    ends: &'c Ends,
    ring: &'c [UnsafeCell<MaybeUninit<T>>],
}

// SAFETY: an end is one side's only, and values are sent through it. Other contexts use the other
// side's cells.
unsafe impl<T: marker::Send> marker::Send for End<'_, T> {}

impl<T> End<'_, T> {
    /// By the sender only.
    #[inline]
    fn push(&self, value: T) -> Result<(), T> {
        let tail = self.ends.tail.load(Ordering::Relaxed);
        let next = self.after(tail);
        if next == self.ends.head.load(Ordering::Acquire) {
            return Err(value);
        }
        self.cell(tail).with_mut(|cell| {
            // SAFETY: by the invariant the cell at `tail` is empty and the sender's.
            unsafe { (*cell).write(value) };
        });
        self.ends.tail.store(next, Ordering::Release);
        self.ends.news.signal(0);
        Ok(())
    }

    /// By the receiver only.
    #[inline]
    fn pop(&self) -> Option<T> {
        let head = self.ends.head.load(Ordering::Relaxed);
        if head == self.ends.tail.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: by the invariant the cell at `head` holds a value that is the receiver's, and is
        // empty once `head` has moved on.
        let value = self.cell(head).with_mut(|cell| unsafe { (*cell).assume_init_read() });
        self.ends.head.store(self.after(head), Ordering::Release);
        self.ends.room.signal(0);
        Some(value)
    }

    /// The index behind `index`, around the end.
    #[inline(always)]
    fn after(&self, index: u32) -> u32 {
        let next = index + 1;
        if next as usize == self.ring.len() { 0 } else { next }
    }

    #[inline(always)]
    fn cell(&self, index: u32) -> &UnsafeCell<MaybeUninit<T>> {
        // SAFETY: by the invariant an index is below the ring's length.
        unsafe { self.ring.get_unchecked(index as usize) }
    }
}

/// The end that sends.
pub struct Sender<'c, T> {
    end: End<'c, T>,
    room: Waiter<'c>,
}

impl<'c, T> Sender<'c, T> {
    /// One try.
    ///
    /// # Errors
    /// The value, while the channel is full.
    #[inline]
    pub fn try_send(&mut self, value: T) -> Result<(), T> {
        self.end.push(value)
    }

    /// Sends `value`, in every form.
    ///
    /// # Cancel safety
    /// Readiness: the value is in the operation until the try that succeeds;
    /// [`Operation::into_inner`] and [`Send::into_value`] get it back. Dropping the operation drops
    /// it.
    #[inline]
    pub fn send(&mut self, value: T) -> Operation<'_, Send<'_, 'c, T>> {
        self.room.operation(Send { end: &mut self.end, value: Some(value) })
    }
}

/// See [`Sender::send`].
#[must_use = "an attempt does nothing until it is tried"]
pub struct Send<'s, 'c, T> {
    end: &'s mut End<'c, T>,
    value: Option<T>,
}

impl<T> Send<'_, '_, T> {
    /// The value, if it was not sent.
    pub fn into_value(self) -> Option<T> {
        self.value
    }
}

impl<T> Attempt for Send<'_, '_, T> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if let Some(value) = self.value.take() {
            self.end.push(value).map_err(|value| {
                self.value = Some(value);
                nb::Error::WouldBlock
            })?;
        }
        Ok(())
    }
}

/// The end that receives.
pub struct Receiver<'c, T> {
    end: End<'c, T>,
    news: Waiter<'c>,
}

impl<'c, T> Receiver<'c, T> {
    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while the channel is empty.
    #[inline]
    pub fn try_receive(&mut self) -> nb::Result<T, Infallible> {
        self.end.pop().ok_or(nb::Error::WouldBlock)
    }

    /// Receives one value, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn receive(&mut self) -> Operation<'_, Receive<'_, 'c, T>> {
        self.news.operation(Receive { end: &mut self.end })
    }
}

/// See [`Receiver::receive`].
#[must_use = "an attempt does nothing until it is tried"]
pub struct Receive<'r, 'c, T> {
    end: &'r mut End<'c, T>,
}

impl<T> Attempt for Receive<'_, '_, T> {
    type Output = T;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<T, Infallible> {
        self.end.pop().ok_or(nb::Error::WouldBlock)
    }
}
