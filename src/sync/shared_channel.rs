//! A many-to-many channel in a `static`: a queue in a critical section, and two events for up to
//! `W` waiters each.
//!
//! Not over a lock-free queue for many: a suspended enqueue there can make a full queue look empty
//! to everybody else, and a handler cannot wait for the foreground that it has suspended.
//!
//! # Invariant
//! **The queue is touched in a critical section only, and nothing of the user's runs in there**: a
//! value is moved, never dropped, cloned or compared.

use core::convert::Infallible;

use heapless::Deque;

use crate::{
    atomic::{UnsafeCell, const_unless_loom, section},
    attempt::Attempt,
    event::{Broadcast, Operation, Waiter, wait::Tied},
};

/// A queue of up to `N` values between any number of contexts, of which up to `W` on each side can
/// wait asleep or suspended. Each value is received once.
///
/// Costs a critical section for each try that moves a value. One sender and one receiver are better
/// served by [`Channel`](crate::sync::Channel).
///
/// ```
/// use wouldblock::{Attempt, block::Spin, sync::SharedChannel};
///
/// static LOG: SharedChannel<u8, 2, 1> = SharedChannel::new();
///
/// assert_eq!(LOG.try_send(1), Ok(())); // from any handler
/// assert_eq!(LOG.try_send(2), Ok(()));
/// assert_eq!(LOG.try_send(3), Err(3)); // full: the value comes back
/// let mut receiver = LOG.receiver().expect("one receiver can wait");
/// assert_eq!(receiver.recv().block(Spin), Ok(1));
/// assert_eq!(LOG.try_recv(), Ok(2));
/// assert_eq!(LOG.try_recv(), Err(nb::Error::WouldBlock));
/// ```
pub struct SharedChannel<T, const N: usize, const W: usize> {
    queue: UnsafeCell<Deque<T, N>>,
    room: Broadcast<W>,
    news: Broadcast<W>,
}

// SAFETY: by the module's invariant one context at a time touches the queue, whose values are sent
// through it.
unsafe impl<T: Send, const N: usize, const W: usize> Sync for SharedChannel<T, N, W> {}

impl<T, const N: usize, const W: usize> Default for SharedChannel<T, N, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize, const W: usize> SharedChannel<T, N, W> {
    const_unless_loom! {
        /// An empty channel.
        pub fn new() -> Self {
            Self {
                queue: UnsafeCell::new(Deque::new()),
                room: Broadcast::new(),
                news: Broadcast::new(),
            }
        }
    }

    #[inline]
    fn with_queue<R>(&self, f: impl FnOnce(&mut Deque<T, N>) -> R) -> R {
        // SAFETY: by the invariant nobody else is in the section meanwhile, nor is this called
        // again.
        section(|_| self.queue.with_mut(|queue| f(unsafe { &mut *queue })))
    }

    /// One try.
    ///
    /// # Errors
    /// The value, while the channel is full.
    #[inline]
    pub fn try_send(&self, value: T) -> Result<(), T> {
        self.with_queue(|queue| queue.push_back(value))?;
        self.news.signal();
        Ok(())
    }

    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while the channel is empty.
    #[inline]
    pub fn try_recv(&self) -> nb::Result<T, Infallible> {
        let value = self.with_queue(Deque::pop_front).ok_or(nb::Error::WouldBlock)?;
        self.room.signal();
        Ok(value)
    }

    /// Values in it, at some moment during the call.
    pub fn len(&self) -> usize {
        self.with_queue(|queue| queue.len())
    }

    /// Whether there are none, at some moment during the call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room, at some moment during the call.
    pub fn is_full(&self) -> bool {
        self.len() == N
    }

    /// Drops what is in it, one value at a time, outside of the critical section.
    pub fn clear(&self) {
        while let Ok(value) = self.try_recv() {
            drop(value);
        }
    }

    /// Somebody who can wait for room, or `None` while all `W` are handed out. It comes back when
    /// it is dropped.
    pub fn sender(&self) -> Option<SharedSender<'_, T, N, W>> {
        Some(SharedSender { channel: self, waiter: self.room.waiter()? })
    }

    /// Somebody who can wait for values, or `None` while all `W` are handed out. It comes back when
    /// it is dropped.
    pub fn receiver(&self) -> Option<SharedReceiver<'_, T, N, W>> {
        Some(SharedReceiver { channel: self, waiter: self.news.waiter()? })
    }
}

/// Who waits for room in a [`SharedChannel`].
pub struct SharedSender<'c, T, const N: usize, const W: usize> {
    channel: &'c SharedChannel<T, N, W>,
    waiter: Waiter<'c>,
}

impl<'c, T, const N: usize, const W: usize> SharedSender<'c, T, N, W> {
    /// Sends `value`, in every form.
    ///
    /// # Cancel safety
    /// Readiness: the value is in the operation until the try that succeeds;
    /// [`Operation::into_inner`] and [`SharedSend::into_value`] get it back. Dropping the operation
    /// drops it.
    #[inline]
    pub fn send(&mut self, value: T) -> Operation<Tied<'_, SharedSend<'c, T, N, W>>> {
        self.waiter.operation(SharedSend { channel: self.channel, value: Some(value) })
    }
}

/// Who waits for values of a [`SharedChannel`].
pub struct SharedReceiver<'c, T, const N: usize, const W: usize> {
    channel: &'c SharedChannel<T, N, W>,
    waiter: Waiter<'c>,
}

impl<'c, T, const N: usize, const W: usize> SharedReceiver<'c, T, N, W> {
    /// Receives one value, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn recv(&mut self) -> Operation<Tied<'_, SharedRecv<'c, T, N, W>>> {
        self.waiter.operation(SharedRecv { channel: self.channel })
    }
}

/// See [`SharedSender::send`].
#[must_use = "an attempt does nothing until it is tried"]
pub struct SharedSend<'c, T, const N: usize, const W: usize> {
    channel: &'c SharedChannel<T, N, W>,
    value: Option<T>,
}

impl<T, const N: usize, const W: usize> SharedSend<'_, T, N, W> {
    /// The value, if it was not sent.
    pub fn into_value(self) -> Option<T> {
        self.value
    }
}

impl<T, const N: usize, const W: usize> Attempt for SharedSend<'_, T, N, W> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if let Some(value) = self.value.take() {
            self.channel.try_send(value).map_err(|value| {
                self.value = Some(value);
                nb::Error::WouldBlock
            })?;
        }
        Ok(())
    }
}

/// See [`SharedReceiver::recv`].
#[must_use = "an attempt does nothing until it is tried"]
pub struct SharedRecv<'c, T, const N: usize, const W: usize> {
    channel: &'c SharedChannel<T, N, W>,
}

impl<T, const N: usize, const W: usize> Attempt for SharedRecv<'_, T, N, W> {
    type Output = T;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<T, Infallible> {
        self.channel.try_recv()
    }
}
