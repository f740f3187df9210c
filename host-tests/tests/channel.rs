//! `sync::Channel`: a queue in every form, against `VecDeque`.

use std::{
    collections::VecDeque,
    iter,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::Poll,
};

use fakes::waker::{counting, poll};
use proptest::prelude::*;
use wouldblock::{
    block::Spin,
    nb,
    sync::{Channel, Receiver, Sender},
};

static_assertions::assert_impl_all!(Sender<'static, std::cell::Cell<u8>>: Send);
static_assertions::assert_impl_all!(Receiver<'static, std::cell::Cell<u8>>: Send);
static_assertions::assert_not_impl_any!(Sender<'static, std::rc::Rc<u8>>: Send);
static_assertions::assert_not_impl_any!(Receiver<'static, std::rc::Rc<u8>>: Send);

/// A value that counts the values of its type that are alive.
struct Counted(u32, Arc<AtomicU32>);

impl Counted {
    fn new(value: u32, alive: &Arc<AtomicU32>) -> Self {
        alive.fetch_add(1, SeqCst);
        Self(value, alive.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, SeqCst);
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    TrySend,
    Send,
    SendAndDrop,
    SendAndTakeBack,
    TryReceive,
    Receive,
    ReceiveAndDrop,
    Split,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::TrySend),
        3 => Just(Act::Send),
        1 => Just(Act::SendAndDrop),
        1 => Just(Act::SendAndTakeBack),
        4 => Just(Act::TryReceive),
        3 => Just(Act::Receive),
        1 => Just(Act::ReceiveAndDrop),
        1 => Just(Act::Split),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_channel_is_a_bounded_queue(acts in prop::collection::vec(act(), 1..200)) {
        const ROOM: usize = 4;
        let alive = Arc::new(AtomicU32::new(0));
        let channel = Channel::<Counted, { ROOM + 1 }>::new();
        let mut model = VecDeque::new();
        let mut ends = channel.split().unwrap();
        for (value, act) in (0..).zip(acts) {
            let (sender, receiver) = &mut ends;
            let full = model.len() == ROOM;
            let counted = || Counted::new(value, &alive);
            match act {
                Act::TrySend => {
                    let sent = sender.try_send(counted());
                    prop_assert_eq!(sent.as_ref().map_err(|back| back.0), if full { Err(value) } else { Ok(&()) });
                }
                Act::Send => {
                    let (waker, _) = counting();
                    let mut send = sender.send(counted());
                    prop_assert_eq!(poll(&mut send, &waker).is_ready(), !full);
                }
                Act::SendAndDrop => drop(sender.send(counted())),
                Act::SendAndTakeBack => {
                    let mut send = sender.send(counted());
                    let sent = send.attempt();
                    prop_assert_eq!(sent.is_ok(), !full);
                    // Another try does not send it again.
                    if !full {
                        prop_assert_eq!(send.attempt(), Ok(()));
                    }
                    let back = send.into_inner().into_value();
                    prop_assert_eq!(back.map(|back| back.0), full.then_some(value));
                }
                Act::TryReceive => {
                    let received = receiver.try_recv().map(|counted| counted.0);
                    prop_assert_eq!(received, model.pop_front().ok_or(nb::Error::WouldBlock));
                }
                Act::Receive => {
                    let (waker, _) = counting();
                    let received = poll(&mut receiver.recv(), &waker).map(|end| end.map(|counted| counted.0));
                    let expected = model.pop_front().map_or(Poll::Pending, |value| Poll::Ready(Ok(value)));
                    prop_assert_eq!(received, expected);
                }
                Act::ReceiveAndDrop => drop(receiver.recv()),
                Act::Split => {
                    // The ends are given back, and the queued values are still there.
                    drop(ends);
                    ends = channel.split().unwrap();
                }
            }
            if matches!(act, Act::TrySend | Act::Send | Act::SendAndTakeBack) && !full {
                model.push_back(value);
            }
            prop_assert_eq!(alive.load(SeqCst), u32::try_from(model.len()).unwrap());
        }
        drop(ends);
        drop(channel);
        prop_assert_eq!(alive.load(SeqCst), 0);
    }
}

#[test]
fn each_end_wakes_the_other() {
    let channel = Channel::<u8, 2>::new();
    let (mut sender, mut receiver) = channel.split().unwrap();
    let ((sends, send_wakes), (receives, receive_wakes)) = (counting(), counting());

    let mut receive = receiver.recv();
    assert!(poll(&mut receive, &receives).is_pending());
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(receive_wakes.load(SeqCst), 1);
    assert_eq!(poll(&mut receive, &receives), Poll::Ready(Ok(1)));
    drop(receive);

    assert_eq!(sender.send(2).block(Spin), Ok(()));
    assert_eq!(receive_wakes.load(SeqCst), 1, "nothing waits any more");
    let mut send = sender.send(3);
    assert!(poll(&mut send, &sends).is_pending());
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(send_wakes.load(SeqCst), 1);
    assert_eq!(poll(&mut send, &sends), Poll::Ready(Ok(())));
    drop(send);
    assert_eq!(receiver.recv().block(Spin), Ok(3));
    assert_eq!((send_wakes.load(SeqCst), receive_wakes.load(SeqCst)), (1, 1));
}

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn two_threads_lose_and_double_nothing() {
    const COUNT: u32 = 50_000;
    let channel = Channel::<u32, 4>::new();
    let (mut sender, mut receiver) = channel.split().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pollster::block_on(async {
                for value in 0..COUNT {
                    sender.send(value).await.unwrap();
                }
            });
        });
        pollster::block_on(async {
            for value in 0..COUNT {
                assert_eq!(receiver.recv().await, Ok(value));
            }
        });
    });
    assert_eq!(receiver.try_recv(), Err(nb::Error::WouldBlock));
}

#[test]
fn the_ends_come_from_a_static_one_at_a_time() {
    static CHANNEL: Channel<u8, 5> = Channel::new();
    let mut sender = CHANNEL.sender().unwrap();
    assert!(CHANNEL.sender().is_none() && CHANNEL.split().is_none());
    let mut receiver = CHANNEL.receiver().unwrap();
    assert!(CHANNEL.receiver().is_none());
    assert_eq!(sender.try_send(1), Ok(()));
    drop(sender);
    let mut sender = CHANNEL.sender().expect("a sender that is dropped can be handed out again");
    assert_eq!(sender.try_send(2), Ok(()));
    drop(receiver);
    receiver = CHANNEL.receiver().unwrap();
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
    drop(receiver);
    drop(sender);
    assert!(CHANNEL.split().is_some());
}

#[test]
fn slices_move_in_bulk_around_the_end_of_the_ring() {
    static CHANNEL: Channel<u8, 5> = Channel::new();
    let (mut sender, mut receiver) = CHANNEL.split().unwrap();
    let (waker, wakes) = counting();
    let mut buffer = [0; 3];
    assert!(poll(&mut receiver.recv_slice(&mut buffer), &waker).is_pending());
    assert_eq!(sender.send_slice(&[]).block(Spin), Ok(0), "an empty slice is sent at once");
    assert_eq!(receiver.recv_slice(&mut []).block(Spin), Ok(0));
    let mut recv = receiver.recv_slice(&mut buffer);
    assert!(poll(&mut recv, &waker).is_pending());
    assert_eq!(sender.send_slice(&[1, 2, 3, 4, 5, 6]).block(Spin), Ok(4));
    assert_eq!(wakes.load(SeqCst), 1, "one wake for all of them");
    assert!(CHANNEL.is_full() && !CHANNEL.is_empty());
    assert_eq!(CHANNEL.len(), 4);
    assert_eq!(sender.send_slice(&[7]).attempt(), Err(nb::Error::WouldBlock));
    assert_eq!(poll(&mut recv, &waker), Poll::Ready(Ok(3)));
    drop(recv);
    assert_eq!(buffer, [1, 2, 3]);
    assert_eq!(sender.send_slice(&[7, 8, 9]).block(Spin), Ok(3));
    let mut rest = [0; 9];
    assert_eq!(receiver.recv_slice(&mut rest).block(Spin), Ok(4));
    assert_eq!(rest[..4], [4, 7, 8, 9]);
    assert!(CHANNEL.is_empty());
}

#[test]
fn slices_of_every_length_go_in_and_out_at_every_place() {
    const CELLS: usize = 5;
    let lengths = 0..=CELLS;
    for place in 0..CELLS {
        for held in 0..CELLS {
            for sent in lengths.clone() {
                for received in lengths.clone() {
                    slices_at::<CELLS>(place, held, sent, received);
                }
            }
        }
    }
}

/// In a ring whose oldest value is at `place`, and that holds `held` values: sends the next numbers
/// as a slice, then receives a slice and what is left.
fn slices_at<const CELLS: usize>(place: usize, held: usize, sent: usize, received: usize) {
    let channel = Channel::<usize, CELLS>::new();
    let (mut sender, mut receiver) = channel.split().unwrap();
    for _ in 0..place {
        sender.try_send(0).unwrap();
        receiver.try_recv().unwrap();
    }
    for value in 0..held {
        sender.try_send(value).unwrap();
    }
    let moved = |count, length| {
        if count == 0 && length > 0 { Err(nb::Error::WouldBlock) } else { Ok(count) }
    };
    let values: Vec<usize> = (held..held + sent).collect();
    let count = sent.min(CELLS - 1 - held);
    assert_eq!(sender.send_slice(&values).attempt(), moved(count, sent));
    let all = held + count;
    assert_eq!(channel.len(), all);
    let mut buffer = vec![usize::MAX; received];
    let count = received.min(all);
    assert_eq!(receiver.recv_slice(&mut buffer).attempt(), moved(count, received));
    let rest = iter::from_fn(|| receiver.try_recv().ok());
    let out: Vec<usize> = buffer[..count].iter().copied().chain(rest).collect();
    assert_eq!(out, (0..all).collect::<Vec<_>>(), "{place} {held} {sent} {received}");
    assert!(buffer[count..].iter().all(|value| *value == usize::MAX), "no more than was there");
}

#[test]
fn clearing_drops_what_is_in_it() {
    let alive = Arc::new(AtomicU32::new(0));
    let channel = Channel::<Counted, 5>::new();
    let (mut sender, mut receiver) = channel.split().unwrap();
    for value in 0..4 {
        assert!(sender.try_send(Counted::new(value, &alive)).is_ok());
    }
    let (waker, wakes) = counting();
    assert!(poll(&mut sender.send(Counted::new(4, &alive)), &waker).is_pending());
    let mut send = sender.send(Counted::new(5, &alive));
    assert!(poll(&mut send, &waker).is_pending());
    receiver.clear();
    assert_eq!(
        (alive.load(SeqCst), wakes.load(SeqCst)),
        (1, 1),
        "the sender hears that there is room"
    );
    assert_eq!(poll(&mut send, &waker), Poll::Ready(Ok(())));
}

/// What a task on an executor of several threads holds while it waits.
#[test]
fn operations_of_a_channel_can_be_sent() {
    fn sent<T: Send>(_: &T) {}
    let channel = Channel::<u8, 3>::new();
    let (mut sender, mut receiver) = channel.split().unwrap();
    sent(&sender.send(1));
    sent(&sender.send_slice(&[1]));
    sent(&receiver.recv());
    sent(&receiver.recv_slice(&mut [0]));
}

#[test]
fn ends_that_were_forgotten_are_taken_back_by_a_reset() {
    let mut channel = Channel::<u8, 3>::new();
    let (mut sender, receiver) = channel.split().unwrap();
    assert_eq!(sender.try_send(7), Ok(()));
    std::mem::forget((sender, receiver));
    assert!(channel.sender().is_none() && channel.receiver().is_none());
    channel.reset();
    let (_sender, mut receiver) = channel.split().expect("both are back");
    assert_eq!(receiver.try_recv(), Ok(7), "the values are still there");
}
