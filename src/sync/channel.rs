//! A one-to-one channel: a lock-free ring, and two events that announce room and values.
//!
//! It is not built on the queue of a library: the available ones compute the index modulo a length
//! that is only known at run time, which leaves a panic path in the code of a handler, and none of
//! them can be run under loom.

// # Invariant
// **Only the sender writes `tail`, only the receiver writes `head`; both are below `N`. The cells
// from `head` up to, not including, `tail` (around the end) hold values and belong to the receiver;
// the others are empty and belong to the sender.** Each side publishes its index (release) after it
// has written or read the cell; the other side acquires the index before it uses the cell. Each
// side loads its own index relaxed, since nothing else writes it. There is one sender and one
// receiver: each has the only waiter of its event.

use core::{convert::Infallible, mem::MaybeUninit};

use super::sending::{Push, Sending};
use crate::{
    atomic::{UnsafeCell, Word, const_unless_loom, read_each, write_each},
    attempt::from_fn,
    event::{
        Event, Operation,
        wait::{Tied, Wait},
    },
};

/// A queue between one sender and one receiver, each in any context. It holds `N - 1` values; `N`
/// is at least 2.
///
/// ```
/// use wouldblock::{block::Spin, sync::Channel};
///
/// static CHANNEL: Channel<u8, 3> = Channel::new();
///
/// let (mut sender, mut receiver) = CHANNEL.split().expect("neither end is handed out");
/// assert_eq!(sender.try_send(1), Ok(()));
/// assert_eq!(sender.send(2).block(Spin), Ok(()));
/// assert_eq!(sender.try_send(3), Err(3)); // full: the value comes back
/// assert_eq!(receiver.recv().block(Spin), Ok(1));
/// assert_eq!(receiver.try_recv(), Ok(2));
/// assert_eq!(receiver.try_recv(), Err(nb::Error::WouldBlock));
/// ```
pub struct Channel<T, const N: usize> {
    ring: Ring<[Cell<T>; N]>,
}

/// Room for one value.
type Cell<T> = UnsafeCell<MaybeUninit<T>>;

/// The cells, where the values begin and end, and the events of both sides. One pointer leads an end
/// to all of it.
struct Ring<C: ?Sized> {
    /// Index of the oldest value.
    head: Word,
    /// Index after the newest value.
    tail: Word,
    room: Event,
    news: Event,
    cells: C,
}

// SAFETY: by the module's invariant each cell has one owner at a time; values are sent through it.
unsafe impl<T: Send, const N: usize> Sync for Channel<T, N> {}

// SAFETY: a channel owns its values.
unsafe impl<T: Send, const N: usize> Send for Channel<T, N> {}

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
        Self { ring: Ring::new([const { UnsafeCell::new(MaybeUninit::uninit()) }; N]) }
    }

    #[cfg(loom)]
    /// An empty channel.
    pub fn new() -> Self {
        let () = Self::FITS;
        Self { ring: Ring::new(core::array::from_fn(|_| UnsafeCell::new(MaybeUninit::uninit()))) }
    }

    /// The end that sends, or `None` while it is handed out. Dropping it gives it back; another
    /// context may take it then.
    pub fn sender(&self) -> Option<Sender<'_, T>> {
        self.ring.room.take_waiter().then(|| Sender(self.end()))
    }

    /// The end that receives, or `None` while it is handed out, as [`sender`](Self::sender).
    pub fn receiver(&self) -> Option<Receiver<'_, T>> {
        self.ring.news.take_waiter().then(|| Receiver(self.end()))
    }

    /// Both ends, or `None` while one of them is handed out. The channel keeps the values that
    /// earlier ends have left in it.
    pub fn split(&self) -> Option<(Sender<'_, T>, Receiver<'_, T>)> {
        Event::take_two_waiters(&self.ring.room, &self.ring.news)
            .then(|| (Sender(self.end()), Receiver(self.end())))
    }

    /// Takes back ends that were forgotten: without this they stay handed out for good. The channel
    /// keeps its values.
    pub fn reset(&mut self) {
        // The borrow is exclusive, so no end is in use.
        self.ring.room = Event::new();
        self.ring.news = Event::new();
    }

    /// How many values the channel held at some moment during the call. An estimate only where
    /// both ends move again and again during the call.
    pub fn len(&self) -> usize {
        self.end().len()
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether [`len`](Self::len) is all that the channel can hold.
    pub fn is_full(&self) -> bool {
        self.len() == N - 1
    }

    fn end(&self) -> End<'_, T> {
        End { ring: &self.ring }
    }
}

impl<T, const N: usize> Drop for Channel<T, N> {
    fn drop(&mut self) {
        let end = self.end();
        while end.pop().is_some() {}
    }
}

impl<C> Ring<C> {
    const_unless_loom! {
        fn new(cells: C) -> Self {
            Self {
                head: Word::new(0),
                tail: Word::new(0),
                room: Event::new(),
                news: Event::new(),
                cells,
            }
        }
    }
}

/// The part of the channel that both ends use.
pub struct End<'c, T> {
    ring: &'c Ring<[Cell<T>]>,
}

impl<T> Clone for End<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for End<'_, T> {}

// SAFETY: an end belongs to one side, and values are sent through it. By the invariant the other
// side uses other cells.
unsafe impl<T: Send> Send for End<'_, T> {}

impl<'c, T> End<'c, T> {
    /// Only the sender calls this.
    #[inline]
    fn push(&self, value: T) -> Result<(), T> {
        let tail = self.ring.tail.get();
        let next = self.after(tail);
        if next == self.ring.head.acquire() {
            return Err(value);
        }
        self.cell(tail).with_mut(|cell| {
            // SAFETY: by the invariant the cell at `tail` is empty and belongs to the sender.
            unsafe { (*cell).write(value) };
        });
        self.ring.tail.release(next);
        self.ring.news.signal();
        Ok(())
    }

    /// Only the receiver calls this.
    #[inline]
    fn pop(&self) -> Option<T> {
        let head = self.ring.head.get();
        if head == self.ring.tail.acquire() {
            return None;
        }
        // SAFETY: by the invariant the cell at `head` holds a value and belongs to the receiver. It
        // counts as empty once `head` has moved past it.
        let value = self.cell(head).with_mut(|cell| unsafe { (*cell).assume_init_read() });
        self.ring.head.release(self.after(head));
        self.ring.room.signal();
        Some(value)
    }

    fn len(&self) -> usize {
        // Of two indices that were loaded one after the other, the ends may have moved both in
        // between. So `tail` is loaded again; a few times at most, since a try is bounded.
        let mut tail = self.ring.tail.acquire();
        let mut head = 0;
        for _ in 0..4 {
            head = self.ring.head.acquire();
            let before = core::mem::replace(&mut tail, self.ring.tail.acquire());
            if tail == before {
                break;
            }
        }
        self.held(head, tail)
    }

    /// Only the sender calls this. Pushes as many of `values` as fit, publishes them together and
    /// signals once.
    fn push_slice(&self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let tail = self.ring.tail.get();
        let head = self.ring.head.acquire();
        // One cell stays empty.
        let count = values.len().min(self.ring.cells.len() - 1 - self.held(head, tail));
        if count > 0 {
            // SAFETY: by the invariant `tail` is below the length of the ring; `count` is below it,
            // and the first run is no longer than `count`, which is no more than `values`. The
            // cells of the runs are empty and belong to the sender.
            let next = unsafe {
                let ([first, second], next) = self.runs(tail, count);
                let (values, rest) = values.split_at_unchecked(first.len());
                write_each(first, values);
                write_each(second, rest);
                next
            };
            self.ring.tail.release(next);
            self.ring.news.signal();
        }
        count
    }

    /// Only the receiver calls this. Pops the values that are there, at most `values.len()`.
    fn pop_slice(&self, values: &mut [T]) -> usize
    where
        T: Copy,
    {
        let head = self.ring.head.get();
        let tail = self.ring.tail.acquire();
        let count = values.len().min(self.held(head, tail));
        if count > 0 {
            // SAFETY: as in `push_slice`, but the cells of the runs hold values and belong to the
            // receiver. They count as empty once `head` has moved past them.
            let next = unsafe {
                let ([first, second], next) = self.runs(head, count);
                let (values, rest) = values.split_at_mut_unchecked(first.len());
                read_each(first, values);
                read_each(second, rest);
                next
            };
            self.ring.head.release(next);
            self.ring.room.signal();
        }
        count
    }

    /// How many values there are from `head` up to `tail`, around the end.
    #[inline(always)]
    fn held(&self, head: u32, tail: u32) -> usize {
        let (head, tail) = (head as usize, tail as usize);
        if tail >= head { tail - head } else { self.ring.cells.len() - (head - tail) }
    }

    /// The `count` cells from `index` as two runs, up to the end and from the start, and the index
    /// after them.
    ///
    /// # Safety
    /// `index` is below the length of the ring, and `count` is, too.
    #[inline(always)]
    unsafe fn runs(&self, index: u32, count: usize) -> ([&'c [Cell<T>]; 2], u32) {
        let index = index as usize;
        // SAFETY: `index` is within the ring. The first run is within `rest`; the second one ends
        // before `index`, since `count` is below the length of the ring.
        unsafe {
            let (start, rest) = self.ring.cells.split_at_unchecked(index);
            let (first, second, next) = match count.checked_sub(rest.len()) {
                Some(more) => (rest.len(), more, more),
                None => (count, 0, index + count),
            };
            ([rest.get_unchecked(..first), start.get_unchecked(..second)], next as u32)
        }
    }

    /// The index after `index`, around the end.
    #[inline(always)]
    fn after(&self, index: u32) -> u32 {
        let next = index + 1;
        if next as usize == self.ring.cells.len() { 0 } else { next }
    }

    #[inline(always)]
    fn cell(&self, index: u32) -> &Cell<T> {
        // SAFETY: by the invariant an index is below the length of the ring.
        unsafe { self.ring.cells.get_unchecked(index as usize) }
    }
}

impl<T> Push<T> for End<'_, T> {
    #[inline]
    fn push(&self, value: T) -> Result<(), T> {
        self.push(value)
    }
}

/// The end that sends.
pub struct Sender<'c, T>(End<'c, T>);

impl<T> Drop for Sender<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the sender is the waiter for room; this is its last use.
        unsafe { self.0.ring.room.give_waiter_back() };
    }
}

impl<'c, T> Sender<'c, T> {
    /// One try.
    ///
    /// # Errors
    /// The value, while the channel is full.
    #[inline]
    pub fn try_send(&mut self, value: T) -> Result<(), T> {
        self.0.push(value)
    }

    /// Sends `value`, in every form.
    ///
    /// # Cancel safety
    /// Readiness: the value is in the operation until the try that succeeds. Dropping the operation
    /// drops the value; `operation.into_inner().into_value()` returns it if it was not sent.
    // The attempt, too, borrows the sender: there is one context that sends.
    #[inline]
    pub fn send(&mut self, value: T) -> Operation<Tied<'_, Sending<End<'_, T>, T>>> {
        Tied::lent(&self.0.ring.room, Sending::new(self.0, value))
    }
}

impl<'c, T: Copy> Sender<'c, T> {
    /// Sends as many of `values` as fit, at least one, in every form, and returns their number.
    /// With an empty slice it returns 0 at once.
    ///
    /// # Cancel safety
    /// Readiness: nothing is moved until the try that succeeds.
    pub fn send_slice<'a>(
        &'a mut self,
        values: &'a [T],
    ) -> Operation<impl Wait<Output = usize, Error = Infallible>> {
        let end = self.0;
        Tied::lent(
            &end.ring.room,
            from_fn(move || match end.push_slice(values) {
                0 if !values.is_empty() => Err(nb::Error::WouldBlock),
                count => Ok(count),
            }),
        )
    }
}

/// The end that receives.
pub struct Receiver<'c, T>(End<'c, T>);

impl<T> Drop for Receiver<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the receiver is the waiter for news; this is its last use.
        unsafe { self.0.ring.news.give_waiter_back() };
    }
}

impl<'c, T> Receiver<'c, T> {
    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while the channel is empty.
    #[inline]
    pub fn try_recv(&mut self) -> nb::Result<T, Infallible> {
        self.0.pop().ok_or(nb::Error::WouldBlock)
    }

    /// Receives one value, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn recv(&mut self) -> Operation<impl Wait<Output = T, Error = Infallible>> {
        let end = self.0;
        Tied::lent(&end.ring.news, from_fn(move || end.pop().ok_or(nb::Error::WouldBlock)))
    }
}

impl<T> Receiver<'_, T> {
    /// Drops the values in the channel, up to the last one that was sent before it is seen empty.
    pub fn clear(&mut self) {
        while self.0.pop().is_some() {}
    }
}

impl<'c, T: Copy> Receiver<'c, T> {
    /// Receives the values that are there, at least one and at most `values.len()`, in every form,
    /// and returns their number. With an empty slice it returns 0 at once.
    ///
    /// # Cancel safety
    /// Readiness: nothing is moved until the try that succeeds.
    pub fn recv_slice<'a>(
        &'a mut self,
        values: &'a mut [T],
    ) -> Operation<impl Wait<Output = usize, Error = Infallible>> {
        let end = self.0;
        Tied::lent(
            &end.ring.news,
            from_fn(move || match end.pop_slice(values) {
                0 if !values.is_empty() => Err(nb::Error::WouldBlock),
                count => Ok(count),
            }),
        )
    }
}
