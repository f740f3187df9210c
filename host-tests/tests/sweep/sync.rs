//! The mutex and the channels: between a handler and the foreground, and between tasks.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    task::Poll,
};

use fakes::waker::{Call, hooked, poll};
use wouldblock::{
    block,
    event::Event,
    sync::{Channel, Mutex, Receiver, Sender, SharedChannel},
    testing::{Sweep, sweep},
};

use crate::{clean, device::Rig, leak};

/// Counts the additions of the handlers that got the lock and of those that did not.
#[derive(Default)]
struct Total {
    total: Mutex<u32>,
    added: Cell<u32>,
    refused: Cell<u32>,
}

fn counting() -> Rig<Total> {
    let rig = Rig::new(Total::default(), |device, total: &Total| {
        device.enable(false);
        match total.total.try_lock() {
            Ok(mut guard) => {
                *guard += 1;
                total.added.set(total.added.get() + 1);
            }
            Err(_) => total.refused.set(total.refused.get() + 1),
        }
    });
    rig.device.enable(true);
    rig
}

#[test]
fn mutex_tried_by_a_handler() {
    let report = sweep("mutex, try_lock and lock", counting, |rig, cpu| {
        let Total { total, added, refused } = &rig.driver;
        if let Ok(mut guard) = total.try_lock() {
            *guard += 10;
            cpu.step();
        }
        for _ in 0..2 {
            let mut guard = block::block(total.lock()).unwrap();
            *guard += 10;
            cpu.step();
        }
        assert_eq!(*total.try_lock().unwrap(), 30 + added.get());
        assert!(u64::from(added.get() + refused.get()) <= cpu.events());
    });
    clean(&report, 15);
}

#[test]
fn mutex_awaited_by_a_task() {
    // One task holds the mutex while it waits for the device; the other task waits for the mutex.
    let rig = || {
        Rig::new((Event::new(), Mutex::<u32, 2>::new(0)), |device, (event, _)| {
            device.enable(false);
            event.signal();
        })
    };
    let report = sweep("mutex, two tasks", rig, |rig, cpu| {
        let (event, mutex) = &rig.driver;
        let first = async {
            let mut locker = mutex.locker().unwrap();
            let mut guard = locker.lock().await.unwrap();
            let mut waiter = event.waiter().unwrap();
            *guard += waiter.operation(rig.take(1)).await.unwrap();
        };
        let second = async {
            let mut locker = mutex.locker().unwrap();
            let mut guard = locker.lock().await.unwrap();
            *guard += 1;
        };
        let (mut first, mut second) = (pin!(first), pin!(second));
        let mut left = [true; 2];
        cpu.block_on(poll_fn(|context| {
            left[0] = left[0] && first.as_mut().poll(context).is_pending();
            left[1] = left[1] && second.as_mut().poll(context).is_pending();
            if left == [false; 2] { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert_eq!(*mutex.try_lock().unwrap(), 2);
    });
    clean(&report, 20);
}

#[test]
fn mutex_awaited_at_interrupt_level() {
    // A waker that takes the lock inside the wake: the lock must be free by then.
    let locked = || {
        let rig = Rig::new(leak(Mutex::<u32, 1>::new(0)), |device, mutex| {
            device.enable(false);
            drop(mutex.try_lock());
        });
        rig.device.enable(true);
        rig
    };
    let report = Sweep::new("mutex, a task at interrupt level").needs(0).run(locked, |rig, cpu| {
        let (mutex, taken) = (rig.driver, leak(AtomicU32::new(0)));
        let waker = hooked(move |call| {
            // When this guard is dropped, it wakes again.
            if call == Call::Wake && taken.fetch_add(1, Relaxed) == 0 {
                *mutex.try_lock().expect("a mutex that is free") += 1;
            }
        });
        let mut locker = mutex.locker().unwrap();
        let guard = mutex.try_lock().unwrap();
        let mut op = locker.lock();
        assert!(poll(&mut op, &waker).is_pending());
        cpu.step();
        drop(guard);
        assert!(taken.load(Relaxed) > 0, "no waker was told that the mutex is free");
    });
    clean(&report, 8);
}

/// The two ends of a channel of `N - 1` values. The handler uses one of them.
fn ends<const N: usize>() -> (Sender<'static, u32>, Receiver<'static, u32>) {
    Box::leak(Box::new(Channel::<u32, N>::new())).split().unwrap()
}

struct Sends {
    sender: RefCell<Sender<'static, u32>>,
    sent: Cell<u32>,
    receiver: RefCell<Receiver<'static, u32>>,
}

fn handler_sends() -> Rig<Sends> {
    let (sender, receiver) = ends::<4>();
    let (sender, receiver) = (sender.into(), receiver.into());
    let rig = Rig::new(Sends { sender, sent: Cell::new(0), receiver }, |device, sends: &Sends| {
        // Takes all tokens, so that the line falls and the next token is a new edge.
        while device.take() {
            sends.sent.set(sends.sent.get() + 1);
            assert_eq!(sends.sender.borrow_mut().try_send(sends.sent.get()), Ok(()));
        }
    });
    rig.device.enable(true);
    rig
}

#[test]
fn channel_from_a_handler() {
    let report =
        Sweep::new("channel, receive, blocking").needs(3).run(handler_sends, |rig, cpu| {
            let mut receiver = rig.driver.receiver.borrow_mut();
            for n in 1..=3 {
                assert_eq!(receiver.recv().block(cpu), Ok(n));
            }
        });
    clean(&report, 15);
    let report = Sweep::new("channel, receive, awaited").needs(3).run(handler_sends, |rig, cpu| {
        let mut receiver = rig.driver.receiver.borrow_mut();
        for n in 1..=3 {
            assert_eq!(cpu.block_on(receiver.recv()), Ok(n));
        }
    });
    clean(&report, 24);
}

struct Receives {
    receiver: RefCell<Receiver<'static, u32>>,
    received: RefCell<Vec<u32>>,
    sender: RefCell<Sender<'static, u32>>,
}

/// The channel is full: the second value can be sent when the handler has received the first.
fn handler_receives() -> Rig<Receives> {
    let (mut sender, receiver) = ends::<2>();
    assert_eq!(sender.try_send(1), Ok(()));
    let driver =
        Receives { receiver: receiver.into(), received: RefCell::default(), sender: sender.into() };
    let rig = Rig::new(driver, |device, receives: &Receives| {
        while device.take() {
            let value = receives.receiver.borrow_mut().try_recv();
            receives.received.borrow_mut().extend(value);
        }
    });
    rig.device.enable(true);
    rig
}

/// Asserts that each value was received by the handler or is still in the channel.
#[track_caller]
fn assert_all_received(driver: &Receives) {
    critical_section::with(|_| {
        let mut received = driver.received.borrow().clone();
        received.extend(driver.receiver.borrow_mut().try_recv());
        assert_eq!(received, [1, 2]);
    });
}

#[test]
fn channel_to_a_handler() {
    let report = sweep("channel, send, blocking", handler_receives, |rig, cpu| {
        assert_eq!(rig.driver.sender.borrow_mut().send(2).block(cpu), Ok(()));
        assert_all_received(&rig.driver);
    });
    clean(&report, 3);
    let report = sweep("channel, send, awaited", handler_receives, |rig, cpu| {
        assert_eq!(cpu.block_on(rig.driver.sender.borrow_mut().send(2)), Ok(()));
        assert_all_received(&rig.driver);
    });
    clean(&report, 8);
}

#[test]
fn shared_channel() {
    let from_handler = || {
        let rig = Rig::new(SharedChannel::<u32, 4, 1>::new(), |device, channel| {
            while device.take() {
                assert_eq!(channel.try_send(1), Ok(()));
            }
        });
        rig.device.enable(true);
        rig
    };
    let report = Sweep::new("shared channel, receive").needs(2).run(from_handler, |rig, cpu| {
        let mut receiver = rig.driver.receiver().unwrap();
        assert_eq!(receiver.recv().block(cpu), Ok(1));
        assert_eq!(cpu.block_on(receiver.recv()), Ok(1));
    });
    clean(&report, 24);

    let to_handler = || {
        let rig = Rig::new(SharedChannel::<u32, 1, 1>::new(), |device, channel| {
            while device.take() {
                _ = channel.try_recv();
            }
        });
        assert_eq!(rig.driver.try_send(1), Ok(()));
        rig.device.enable(true);
        rig
    };
    let report = sweep("shared channel, send", to_handler, |rig, cpu| {
        let mut sender = rig.driver.sender().unwrap();
        assert_eq!(cpu.block_on(sender.send(2)), Ok(()));
    });
    clean(&report, 12);
}

/// A handler that sends a value and receives it, so that the channel never holds more than one.
struct PassesThrough {
    channel: &'static Channel<u32, 8>,
    ends: RefCell<(Sender<'static, u32>, Receiver<'static, u32>)>,
}

#[test]
fn a_length_is_one_that_the_channel_had() {
    let world = || {
        let channel: &'static Channel<u32, 8> = leak(Channel::new());
        let ends = RefCell::new(channel.split().unwrap());
        let rig = Rig::new(PassesThrough { channel, ends }, |device, driver: &PassesThrough| {
            device.enable(false);
            let mut ends = driver.ends.borrow_mut();
            ends.0.try_send(7).unwrap();
            assert_eq!(ends.1.try_recv(), Ok(7));
        });
        rig.device.enable(true);
        rig
    };
    let report = Sweep::new("channel, length").needs(0).run(world, |rig, cpu| {
        let channel = rig.driver.channel;
        assert!(channel.len() <= 1 && !channel.is_full());
        cpu.step();
    });
    clean(&report, 5);
}
