//! A one-to-one channel: a lock-free ring, and two events that say "room" and "news".
//!
//! # Invariant
//! **The sender writes `tail`, the receiver `head`, each only its own; both are below `N`. The
//! cells from `head` up to, not including, `tail` (around the end) hold values and are the
//! receiver's; the others are empty and the sender's.** An index is published (released) after its
//! cell was written or read, and acquired by the other end before it uses the cell. Each end loads
//! its own index relaxed: nobody else writes it. There is one sender and one receiver: each has the
//! only waiter of its event.
//!
//! Not over a library's queue: those at hand take the index modulo a length known at run time,
//! which leaves a panic path in a handler's code, and none of them can be put under loom.

use core::{convert::Infallible, marker, mem::MaybeUninit};

use crate::{
    atomic::{AtomicU32, Ordering, UnsafeCell, const_unless_loom},
    attempt::{Attempt, from_fn},
    event::{Event, Operation, Waiter, wait::Tied},
};

/// A queue between one sender and one receiver, each in any context. It holds `N - 1` values, `N`
/// is at least 2.
///
/// ```
/// use wouldblock::{block::Spin, sync::Channel};
///
/// static CHANNEL: Channel<u8, 3> = Channel::new();
///
/// let (mut sender, mut receiver) = CHANNEL.split().expect("nobody else has an end");
/// assert_eq!(sender.try_send(1), Ok(()));
/// assert_eq!(sender.send(2).block(Spin), Ok(()));
/// assert_eq!(sender.try_send(3), Err(3)); // full: the value comes back
/// assert_eq!(receiver.recv().block(Spin), Ok(1));
/// assert_eq!(receiver.try_recv(), Ok(2));
/// assert_eq!(receiver.try_recv(), Err(nb::Error::WouldBlock));
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

    /// The end that sends, or `None` while it is handed out. It comes back when it is dropped,
    /// and may then be taken in another context.
    pub fn sender(&self) -> Option<Sender<'_, T>> {
        Some(Sender { room: self.ends.room.waiter()?, end: self.end() })
    }

    /// The end that receives, or `None` while it is handed out, as [`sender`](Self::sender).
    pub fn receiver(&self) -> Option<Receiver<'_, T>> {
        Some(Receiver { news: self.ends.news.waiter()?, end: self.end() })
    }

    /// Both ends, or `None` while one of them is handed out. Values that earlier ends left are still
    /// there.
    pub fn split(&self) -> Option<(Sender<'_, T>, Receiver<'_, T>)> {
        Some((self.sender()?, self.receiver()?))
    }

    /// Takes back ends that were forgotten. Values that they left are still there.
    pub fn reset(&mut self) {
        // Nobody can hold an end now, since this borrow is exclusive.
        self.ends.room = Event::new();
        self.ends.news = Event::new();
    }

    /// Values in it, at some moment during the call.
    pub fn len(&self) -> usize {
        self.end().len()
    }

    /// Whether there are none, at some moment during the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room, at some moment during the call.
    pub fn is_full(&self) -> bool {
        self.len() == N - 1
    }

    fn end(&self) -> End<'_, T> {
        End { ends: &self.ends, ring: &self.ring[..] }
    }
}

impl<T, const N: usize> Drop for Channel<T, N> {
    fn drop(&mut self) {
        let end = self.end();
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
        self.ends.news.signal();
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
        self.ends.room.signal();
        Some(value)
    }

    fn len(&self) -> usize {
        let tail = self.ends.tail.load(Ordering::Acquire) as usize;
        let head = self.ends.head.load(Ordering::Acquire) as usize;
        if tail >= head { tail - head } else { tail + self.ring.len() - head }
    }

    /// By the sender only: as many of `values` as there is room for, published and told once.
    fn push_slice(&self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let head = self.ends.head.load(Ordering::Acquire);
        let mut tail = self.ends.tail.load(Ordering::Relaxed);
        let mut count = 0;
        for &value in values {
            let next = self.after(tail);
            if next == head {
                break;
            }
            self.cell(tail).with_mut(|cell| {
                // SAFETY: by the invariant the cell at `tail` is empty and the sender's.
                unsafe { (*cell).write(value) };
            });
            (tail, count) = (next, count + 1);
        }
        if count > 0 {
            self.ends.tail.store(tail, Ordering::Release);
            self.ends.news.signal();
        }
        count
    }

    /// By the receiver only: as many as there are, at most `values` full.
    fn pop_slice(&self, values: &mut [T]) -> usize
    where
        T: Copy,
    {
        let tail = self.ends.tail.load(Ordering::Acquire);
        let mut head = self.ends.head.load(Ordering::Relaxed);
        let mut count = 0;
        for value in values {
            if head == tail {
                break;
            }
            // SAFETY: as in `pop`.
            *value = self.cell(head).with_mut(|cell| unsafe { (*cell).assume_init_read() });
            (head, count) = (self.after(head), count + 1);
        }
        if count > 0 {
            self.ends.head.store(head, Ordering::Release);
            self.ends.room.signal();
        }
        count
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
    pub fn send(&mut self, value: T) -> Operation<Tied<'_, Send<'_, 'c, T>>> {
        self.room.operation(Send { end: &mut self.end, value: Some(value) })
    }
}

impl<'c, T: Copy> Sender<'c, T> {
    /// Sends as many of `values` as there is room for, at least one, in every form. Of none 0.
    ///
    /// # Cancel safety
    /// Readiness.
    pub fn send_slice<'a>(
        &'a mut self,
        values: &'a [T],
    ) -> Operation<Tied<'a, impl Attempt<Output = usize, Error = Infallible>>> {
        let end = &self.end;
        self.room.operation(from_fn(move || match end.push_slice(values) {
            0 if !values.is_empty() => Err(nb::Error::WouldBlock),
            count => Ok(count),
        }))
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
    pub fn try_recv(&mut self) -> nb::Result<T, Infallible> {
        self.end.pop().ok_or(nb::Error::WouldBlock)
    }

    /// Receives one value, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn recv(&mut self) -> Operation<Tied<'_, Recv<'_, 'c, T>>> {
        self.news.operation(Recv { end: &mut self.end })
    }
}

impl<'c, T> Receiver<'c, T> {
    /// Drops what is in it, up to what the sender has sent by the time it is seen empty.
    pub fn clear(&mut self) {
        while self.end.pop().is_some() {}
    }
}

impl<'c, T: Copy> Receiver<'c, T> {
    /// Receives what is there, at least one and at most `values` full, in every form. Into none 0.
    ///
    /// # Cancel safety
    /// Readiness.
    pub fn recv_slice<'a>(
        &'a mut self,
        values: &'a mut [T],
    ) -> Operation<Tied<'a, impl Attempt<Output = usize, Error = Infallible>>> {
        let end = &self.end;
        self.news.operation(from_fn(move || match end.pop_slice(values) {
            0 if !values.is_empty() => Err(nb::Error::WouldBlock),
            count => Ok(count),
        }))
    }
}

/// See [`Receiver::recv`].
#[must_use = "an attempt does nothing until it is tried"]
pub struct Recv<'r, 'c, T> {
    end: &'r mut End<'c, T>,
}

impl<T> Attempt for Recv<'_, '_, T> {
    type Output = T;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<T, Infallible> {
        self.end.pop().ok_or(nb::Error::WouldBlock)
    }
}
