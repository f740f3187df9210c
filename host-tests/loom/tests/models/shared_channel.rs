//! `SharedChannel`: senders and receivers on several cores. The critical section is a lock here.

use std::collections::VecDeque;

use loom::{sync::Mutex, thread};
use wouldblock::{
    attempt,
    event::{Broadcast, Waiter},
    nb,
    sync::{SharedChannel, SharedReceiver, SharedSender},
};

use crate::run::{ASLEEP, Yields, block_on, explores, finds, leak};

/// What a model runs over: the library's channel, or a twin. It has room for one value.
trait Subject: Send + Sync + 'static {
    type Sender: Send;
    type Receiver: Send;
    fn new() -> Self;
    fn sender(&'static self) -> Self::Sender;
    fn receiver(&'static self) -> Self::Receiver;
    /// Sends. Suspends while the channel is full.
    fn send(sender: &mut Self::Sender, value: u32);
    /// Receives. Suspends while the channel is empty.
    fn receive(receiver: &mut Self::Receiver) -> u32;
}

type Library = SharedChannel<u32, 1, 2>;

impl Subject for Library {
    type Sender = SharedSender<'static, u32, 1, 2>;
    type Receiver = SharedReceiver<'static, u32, 1, 2>;

    fn new() -> Self {
        Self::new()
    }

    fn sender(&'static self) -> Self::Sender {
        self.sender().unwrap()
    }

    fn receiver(&'static self) -> Self::Receiver {
        self.receiver().unwrap()
    }

    fn send(sender: &mut Self::Sender, value: u32) {
        block_on(sender.send(value)).unwrap();
    }

    fn receive(receiver: &mut Self::Receiver) -> u32 {
        block_on(receiver.recv()).unwrap()
    }
}

const SOUND: u8 = 0;
/// Signals before it pushes.
const SIGNALS_FIRST: u8 = 1;
/// Does not signal that there is room.
const SILENT: u8 = 2;
/// Checks for room in one critical section, and pushes in another.
const TWO_SECTIONS: u8 = 3;
/// Reads the oldest value in one critical section, and removes it in another.
const PEEKS: u8 = 4;

/// A copy of the protocol, over the library's events.
struct Twin<const FLAW: u8> {
    queue: Mutex<VecDeque<u32>>,
    room: Broadcast<2>,
    news: Broadcast<2>,
}

impl<const FLAW: u8> Twin<FLAW> {
    fn try_send(&self, value: u32) -> nb::Result<(), ()> {
        let mut queue = self.queue.lock().unwrap();
        if !queue.is_empty() {
            return Err(nb::Error::WouldBlock);
        }
        if FLAW == SIGNALS_FIRST || FLAW == TWO_SECTIONS {
            drop(queue);
            if FLAW == SIGNALS_FIRST {
                self.news.signal();
            }
            queue = self.queue.lock().unwrap();
            queue.clear(); // The value replaces any that is in the only place.
        }
        queue.push_back(value);
        drop(queue);
        if FLAW != SIGNALS_FIRST {
            self.news.signal();
        }
        Ok(())
    }

    fn try_receive(&self) -> nb::Result<u32, ()> {
        let value = if FLAW == PEEKS {
            let oldest = self.queue.lock().unwrap().front().copied();
            self.queue.lock().unwrap().pop_front();
            oldest
        } else {
            self.queue.lock().unwrap().pop_front()
        };
        let value = value.ok_or(nb::Error::WouldBlock)?;
        if FLAW != SILENT {
            self.room.signal();
        }
        Ok(value)
    }
}

impl<const FLAW: u8> Subject for Twin<FLAW> {
    type Sender = (&'static Self, Waiter<'static>);
    type Receiver = (&'static Self, Waiter<'static>);

    fn new() -> Self {
        let queue = Mutex::new(VecDeque::new());
        Self { queue, room: Broadcast::new(), news: Broadcast::new() }
    }

    fn sender(&'static self) -> Self::Sender {
        (self, self.room.waiter().unwrap())
    }

    fn receiver(&'static self) -> Self::Receiver {
        (self, self.news.waiter().unwrap())
    }

    fn send((twin, room): &mut Self::Sender, value: u32) {
        block_on(room.operation(attempt::from_fn(|| twin.try_send(value)))).unwrap();
    }

    fn receive((twin, news): &mut Self::Receiver) -> u32 {
        block_on(news.operation(attempt::from_fn(|| twin.try_receive()))).unwrap()
    }
}

/// Two values from one sender to one receiver, with room for one value.
fn one_to_one<S: Subject>() {
    let channel = leak(S::new());
    let (mut sender, mut receiver) = (channel.sender(), channel.receiver());
    let sends = thread::spawn(move || (0..2).for_each(|value| S::send(&mut sender, value)));
    for value in 0..2 {
        assert_eq!(S::receive(&mut receiver), value);
    }
    sends.join().unwrap();
}

/// Two senders, each of which sends a value.
fn two_senders<S: Subject>() {
    let channel = leak(S::new());
    let senders = [1, 2].map(|value| {
        let mut sender = channel.sender();
        thread::spawn(move || S::send(&mut sender, value))
    });
    let mut receiver = channel.receiver();
    let received = [(); 2].map(|()| S::receive(&mut receiver));
    assert!(matches!(received, [1, 2] | [2, 1]), "lost or doubled: {received:?}");
    senders.into_iter().for_each(|sender| sender.join().unwrap());
}

/// Two receivers, each of which receives a value.
fn two_receivers<S: Subject>() {
    let channel = leak(S::new());
    let receivers = [(); 2].map(|()| {
        let mut receiver = channel.receiver();
        thread::spawn(move || S::receive(&mut receiver))
    });
    let mut sender = channel.sender();
    [1, 2].into_iter().for_each(|value| S::send(&mut sender, value));
    let received = receivers.map(|receiver| receiver.join().unwrap());
    assert!(matches!(received, [1, 2] | [2, 1]), "lost or doubled: {received:?}");
}

#[test]
fn no_wake_is_lost_on_full_or_on_empty() {
    explores("shared channel", Some(2), 500, one_to_one::<Library>);
    explores("shared channel, twin", Some(2), 500, one_to_one::<Twin<SOUND>>);
    finds("signal before push", &[ASLEEP], one_to_one::<Twin<SIGNALS_FIRST>>);
    finds("silent receiver of a shared channel", &[ASLEEP], one_to_one::<Twin<SILENT>>);
    explores("shared channel, blocking", Some(2), 200, || {
        let channel = leak(Library::new());
        let mut sender = channel.sender().unwrap();
        let sends = thread::spawn(move || {
            (0..2).for_each(|value| sender.send(value).block(Yields).unwrap());
        });
        let mut receiver = channel.receiver().unwrap();
        for value in 0..2 {
            assert_eq!(receiver.recv().block(Yields), Ok(value));
        }
        sends.join().unwrap();
    });
}

#[test]
fn no_value_is_lost_or_doubled_among_many() {
    explores("two senders", Some(1), 500, two_senders::<Library>);
    explores("two senders, twin", Some(1), 500, two_senders::<Twin<SOUND>>);
    finds("push in two sections", &[ASLEEP], two_senders::<Twin<TWO_SECTIONS>>);
    explores("two receivers", Some(1), 100, two_receivers::<Library>);
    explores("two receivers, twin", Some(1), 100, two_receivers::<Twin<SOUND>>);
    finds("pop in two sections", &["lost or doubled", ASLEEP], two_receivers::<Twin<PEEKS>>);
}
