//! A many-to-many channel in a `static`: a queue in a critical section, and two events for up to
//! `W` waiters each.
//!
//! It is not built on a lock-free queue for many: there a suspended enqueue can make a full queue
//! look empty to all other contexts, and a handler cannot wait for the foreground that it has
//! interrupted.

// # Invariant
// **The queue is only used in a critical section, and no code of the user's runs in there**: a
// value is moved, never dropped, cloned or compared.

use core::convert::Infallible;

use heapless::Deque;

use super::sending::{Push, Sending};
use crate::{
    atomic::{UnsafeCell, const_unless_loom, section},
    attempt::from_fn,
    event::{
        Broadcast, Operation, Waiter,
        wait::{Tied, Wait},
    },
};

/// A queue of up to `N` values between any number of contexts. Up to `W` senders and up to `W`
/// receivers can wait asleep or suspended. Each value is received once.
///
/// Each try costs a critical section. For one sender and one receiver a
/// [`Channel`](crate::sync::Channel) is better.
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

// SAFETY: by the module's invariant one context at a time uses the queue, and values are sent
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
        // SAFETY: by the invariant no other context is in the section meanwhile, and `f` does not
        // call this again.
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

    /// A sender that can wait for room, or `None` while all `W` are handed out. Dropping it gives
    /// it back.
    pub fn sender(&self) -> Option<SharedSender<'_, T, N, W>> {
        Some(SharedSender { channel: self, waiter: self.room.waiter()? })
    }

    /// A receiver that can wait for values, or `None` while all `W` are handed out. Dropping it
    /// gives it back.
    pub fn receiver(&self) -> Option<SharedReceiver<'_, T, N, W>> {
        Some(SharedReceiver { channel: self, waiter: self.news.waiter()? })
    }
}

impl<T, const N: usize, const W: usize> Push<T> for &SharedChannel<T, N, W> {
    #[inline]
    fn push(&self, value: T) -> Result<(), T> {
        self.try_send(value)
    }
}

/// A sender that can wait for room in a [`SharedChannel`].
pub struct SharedSender<'c, T, const N: usize, const W: usize> {
    channel: &'c SharedChannel<T, N, W>,
    waiter: Waiter<'c>,
}

impl<'c, T, const N: usize, const W: usize> SharedSender<'c, T, N, W> {
    /// Sends `value`, in every form.
    ///
    /// # Cancel safety
    /// Readiness: the value is in the operation until the try that succeeds. Dropping the operation
    /// drops the value; `operation.into_inner().into_value()` returns it if it was not sent.
    #[inline]
    pub fn send(
        &mut self,
        value: T,
    ) -> Operation<Tied<'_, Sending<&'c SharedChannel<T, N, W>, T>>> {
        self.waiter.operation(Sending::new(self.channel, value))
    }
}

/// A receiver that can wait for values of a [`SharedChannel`].
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
    pub fn recv(&mut self) -> Operation<impl Wait<Output = T, Error = Infallible>> {
        let channel = self.channel;
        self.waiter.operation(from_fn(move || channel.try_recv()))
    }
}
