//! `Channel`: its two ends on two cores, with more values than the ring has places.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering::*},
    thread,
};
use wouldblock::{
    attempt,
    event::{Event, Waiter},
    nb,
    sync::{self, Channel},
};

use crate::run::{ASLEEP, TORN, Yields, block_on, explores, finds, leak};

/// Three places, of which one stays free: the channel holds two values.
const PLACES: usize = 3;

/// What a model runs over: the library's channel, or a twin.
trait Subject {
    type Sender: Send + 'static;
    type Receiver: Send + 'static;
    fn new() -> (Self::Sender, Self::Receiver);
    /// Sends. Suspends while the channel is full.
    fn send(sender: &mut Self::Sender, value: u32);
    /// Receives. Suspends while the channel is empty.
    fn receive(receiver: &mut Self::Receiver) -> u32;
}

struct Library;

impl Subject for Library {
    type Sender = sync::Sender<'static, u32>;
    type Receiver = sync::Receiver<'static, u32>;

    fn new() -> (Self::Sender, Self::Receiver) {
        Box::leak(Box::new(Channel::<u32, PLACES>::new())).split().unwrap()
    }

    fn send(sender: &mut Self::Sender, value: u32) {
        block_on(sender.send(value)).unwrap();
    }

    fn receive(receiver: &mut Self::Receiver) -> u32 {
        block_on(receiver.recv()).unwrap()
    }
}

/// The library's channel by slices of two values. Each try moves as many of them as it can.
struct Slices;

impl Subject for Slices {
    type Sender = (sync::Sender<'static, u32>, Vec<u32>);
    type Receiver = (sync::Receiver<'static, u32>, Vec<u32>);

    fn new() -> (Self::Sender, Self::Receiver) {
        let (sender, receiver) = Library::new();
        ((sender, Vec::new()), (receiver, Vec::new()))
    }

    /// Sends when there are two values.
    fn send((sender, values): &mut Self::Sender, value: u32) {
        values.push(value);
        while values.len() > 1 {
            let sent = block_on(sender.send_slice(values)).unwrap();
            values.drain(..sent);
        }
    }

    fn receive((receiver, values): &mut Self::Receiver) -> u32 {
        if values.is_empty() {
            let mut buffer = [0; 2];
            let received = block_on(receiver.recv_slice(&mut buffer)).unwrap();
            values.extend(&buffer[..received]);
        }
        values.remove(0)
    }
}

/// Sends and receives values by slices. The sender may keep the last value.
fn slices<const VALUES: u32>() {
    let (mut sender, mut receiver) = Slices::new();
    let sends = thread::spawn(move || {
        (0..=VALUES).for_each(|value| Slices::send(&mut sender, value));
    });
    for value in 0..VALUES {
        assert_eq!(Slices::receive(&mut receiver), value);
    }
    sends.join().unwrap();
}

const SOUND: u8 = 0;
/// Publishes the index before it writes the value.
const PUBLISHES_FIRST: u8 = 1;
/// The index does not order the value that was written before it.
const RELAXED_TAIL: u8 = 2;
/// The index does not order the value that was read before it.
const RELAXED_HEAD: u8 = 3;
/// Signals before it publishes.
const SIGNALS_FIRST: u8 = 4;
/// Does not signal that there is room.
const SILENT: u8 = 5;

/// A copy of the ring, over the library's events.
struct Twin<const FLAW: u8> {
    head: AtomicU32,
    tail: AtomicU32,
    ring: [UnsafeCell<Option<u32>>; PLACES],
    room: Event,
    news: Event,
}

// SAFETY: the models show that it is `Sync`, except for its flaw.
unsafe impl<const FLAW: u8> Sync for Twin<FLAW> {}

impl<const FLAW: u8> Twin<FLAW> {
    fn push(&self, value: u32) -> nb::Result<(), ()> {
        let tail = self.tail.load(Relaxed);
        let next = (tail + 1) % PLACES as u32;
        if next == self.head.load(Acquire) {
            return Err(nb::Error::WouldBlock);
        }
        let publish =
            || self.tail.store(next, if FLAW == RELAXED_TAIL { Relaxed } else { Release });
        if FLAW == SIGNALS_FIRST {
            self.news.signal();
        }
        if FLAW == PUBLISHES_FIRST {
            publish();
        }
        self.ring[tail as usize].with_mut(|cell| {
            // SAFETY: except for the flaw, only the sender uses the cell at `tail`.
            unsafe { *cell = Some(value) }
        });
        if FLAW != PUBLISHES_FIRST {
            publish();
        }
        if FLAW != SIGNALS_FIRST {
            self.news.signal();
        }
        Ok(())
    }

    fn pop(&self) -> nb::Result<u32, ()> {
        let head = self.head.load(Relaxed);
        if head == self.tail.load(Acquire) {
            return Err(nb::Error::WouldBlock);
        }
        let value = self.ring[head as usize].with_mut(|cell| {
            // SAFETY: except for the flaw, only the receiver uses the cell at `head`.
            unsafe { (*cell).take() }
        });
        let release = if FLAW == RELAXED_HEAD { Relaxed } else { Release };
        self.head.store((head + 1) % PLACES as u32, release);
        if FLAW != SILENT {
            self.room.signal();
        }
        Ok(value.expect("torn: a place that was published is empty"))
    }
}

impl<const FLAW: u8> Subject for Twin<FLAW> {
    type Sender = (&'static Self, Waiter<'static>);
    type Receiver = (&'static Self, Waiter<'static>);

    fn new() -> (Self::Sender, Self::Receiver) {
        let twin = leak(Self {
            head: AtomicU32::new(0),
            tail: AtomicU32::new(0),
            ring: std::array::from_fn(|_| UnsafeCell::new(None)),
            room: Event::new(),
            news: Event::new(),
        });
        ((twin, twin.room.waiter().unwrap()), (twin, twin.news.waiter().unwrap()))
    }

    fn send((twin, room): &mut Self::Sender, value: u32) {
        block_on(room.operation(attempt::from_fn(|| twin.push(value)))).unwrap();
    }

    fn receive((twin, news): &mut Self::Receiver) -> u32 {
        block_on(news.operation(attempt::from_fn(|| twin.pop()))).unwrap()
    }
}

/// Sends `VALUES` values and receives each once and in order. The first `EARLY` are sent before the
/// threads start.
fn values<S: Subject, const EARLY: u32, const VALUES: u32>() {
    let (mut sender, mut receiver) = S::new();
    (0..EARLY).for_each(|value| S::send(&mut sender, value));
    let sends = thread::spawn(move || {
        (EARLY..VALUES).for_each(|value| S::send(&mut sender, value));
    });
    for value in 0..VALUES {
        assert_eq!(S::receive(&mut receiver), value);
    }
    sends.join().unwrap();
}

#[test]
fn values_arrive_once_and_in_order_around_the_ring() {
    explores("channel, empty first", Some(2), 1000, values::<Library, 0, 3>);
    explores("channel, full first", Some(2), 1000, values::<Library, 2, 4>);
    explores("channel, twin, empty first", Some(1), 200, values::<Twin<SOUND>, 0, 3>);
    explores("channel, twin, full first", Some(2), 1000, values::<Twin<SOUND>, 2, 4>);
    let torn = [TORN, &["torn"]].concat();
    finds("index before value", &torn, values::<Twin<PUBLISHES_FIRST>, 0, 3>);
    finds("relaxed tail", TORN, values::<Twin<RELAXED_TAIL>, 0, 3>);
    // Between two signals with fences one free place is enough: the place that is written next was read
    // before the last but one head was stored, and a fence stands between the two.
    if !cfg!(wouldblock_sections) {
        finds("relaxed head", TORN, values::<Twin<RELAXED_HEAD>, 2, 4>);
    }
    finds("signal before index", &[ASLEEP], values::<Twin<SIGNALS_FIRST>, 0, 3>);
    finds("silent receiver", &[ASLEEP], values::<Twin<SILENT>, 2, 4>);
}

#[test]
fn slices_arrive_once_and_in_order_around_the_ring() {
    explores("channel, slices", Some(2), 500, slices::<3>);
}

#[test]
fn ends_that_block_hear_of_news_and_of_room() {
    explores("channel, blocking", Some(1), 500, || {
        let (mut sender, mut receiver) = Library::new();
        let sends = thread::spawn(move || {
            (0..4).for_each(|value| sender.send(value).block(Yields).unwrap());
        });
        for value in 0..4 {
            assert_eq!(receiver.recv().block(Yields), Ok(value));
        }
        sends.join().unwrap();
    });
}

/// A value that counts its drops, in an atomic of std, which loom does not see.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Four values. One is sent and received first, so that the values that are left lie around the end
/// of the ring.
fn left_behind(forgets: bool) {
    let drops = [(); 4].map(|()| Arc::new(AtomicUsize::new(0)));
    let [first, values @ ..] = drops.clone().map(Counted);
    let channel = Box::into_raw(Box::new(Channel::<Counted, PLACES>::new()));
    // SAFETY: only the two ends use the channel until both are dropped.
    let (mut sender, mut receiver) = unsafe { &*channel }.split().unwrap();
    assert!(sender.try_send(first).is_ok() && receiver.try_recv().is_ok());
    let sends = thread::spawn(move || {
        // A value that does not fit comes back, and is dropped here.
        values.into_iter().for_each(|value| drop(sender.try_send(value)));
    });
    drop(receiver.try_recv());
    drop(receiver);
    sends.join().unwrap();
    // SAFETY: the pointer is from `Box::into_raw`, and both ends were dropped.
    let channel = unsafe { Box::from_raw(channel) };
    if forgets {
        std::mem::forget(channel);
    } else {
        drop(channel);
    }
    assert!(drops.iter().all(|drops| drops.load(SeqCst) == 1), "not dropped once");
}

#[test]
fn values_that_are_left_are_dropped_once() {
    explores("channel with values left", None, 10, || left_behind(false));
    finds("forgets what is left", &["not dropped once"], || left_behind(true));
}
