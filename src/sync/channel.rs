//! A one-to-one channel: `heapless`' lock-free queue, and two events that say "room" and "news".

use core::convert::Infallible;

use heapless::spsc::{Consumer, Producer, Queue};

use crate::{
    attempt::Attempt,
    event::{Event, Operation, Waiter},
};

/// A queue between one sender and one receiver, each in any context. It holds `N - 1` values.
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
#[derive(Debug)]
pub struct Channel<T, const N: usize> {
    queue: Queue<T, N>,
    room: Event,
    news: Event,
}

impl<T, const N: usize> Default for Channel<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> Channel<T, N> {
    /// An empty channel.
    pub const fn new() -> Self {
        Self { queue: Queue::new(), room: Event::new(), news: Event::new() }
    }

    /// The two ends.
    pub fn split(&mut self) -> (Sender<'_, T>, Receiver<'_, T>) {
        // Ends that were forgotten took their waiters with them; nobody can hold one now, since
        // this borrow is exclusive.
        self.room = Event::new();
        self.news = Event::new();
        let (producer, consumer) = self.queue.split();
        let (room, news) = (&self.room, &self.news);
        let (Some(for_room), Some(for_news)) = (room.waiter(), news.waiter()) else {
            unreachable!("a new event has its waiter")
        };
        (Sender { producer, room: for_room, news }, Receiver { consumer, news: for_news, room })
    }
}

/// The end that sends.
pub struct Sender<'c, T> {
    producer: Producer<'c, T>,
    room: Waiter<'c>,
    news: &'c Event,
}

impl<'c, T> Sender<'c, T> {
    /// One try.
    ///
    /// # Errors
    /// The value, while the channel is full.
    #[inline]
    pub fn try_send(&mut self, value: T) -> Result<(), T> {
        self.producer.enqueue(value)?;
        self.news.signal(0);
        Ok(())
    }

    /// Sends `value`, in every form.
    ///
    /// # Cancel safety
    /// Readiness: the value is in the operation until the try that succeeds;
    /// [`Operation::into_inner`] and [`Send::into_value`] get it back. Dropping the operation drops
    /// it.
    #[inline]
    pub fn send(&mut self, value: T) -> Operation<'_, Send<'_, 'c, T>> {
        let Self { producer, room, news } = self;
        room.operation(Send { producer, news, value: Some(value) })
    }
}

/// See [`Sender::send`].
#[must_use = "an attempt does nothing until it is tried"]
pub struct Send<'s, 'c, T> {
    producer: &'s mut Producer<'c, T>,
    news: &'c Event,
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
            if let Err(value) = self.producer.enqueue(value) {
                self.value = Some(value);
                return Err(nb::Error::WouldBlock);
            }
            self.news.signal(0);
        }
        Ok(())
    }
}

/// The end that receives.
pub struct Receiver<'c, T> {
    consumer: Consumer<'c, T>,
    news: Waiter<'c>,
    room: &'c Event,
}

impl<'c, T> Receiver<'c, T> {
    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`] while the channel is empty.
    #[inline]
    pub fn try_receive(&mut self) -> nb::Result<T, Infallible> {
        self.receive().attempt()
    }

    /// Receives one value, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    #[inline]
    pub fn receive(&mut self) -> Operation<'_, Receive<'_, 'c, T>> {
        let Self { consumer, news, room } = self;
        news.operation(Receive { consumer, room })
    }
}

/// See [`Receiver::receive`].
#[must_use = "an attempt does nothing until it is tried"]
pub struct Receive<'r, 'c, T> {
    consumer: &'r mut Consumer<'c, T>,
    room: &'c Event,
}

impl<T> Attempt for Receive<'_, '_, T> {
    type Output = T;
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<T, Infallible> {
        let value = self.consumer.dequeue().ok_or(nb::Error::WouldBlock)?;
        self.room.signal(0);
        Ok(value)
    }
}
