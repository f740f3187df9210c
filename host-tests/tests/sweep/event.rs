//! Every form of an operation on an event.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use wouldblock::{
    Attempt,
    attempt::{self, Either},
    event::{Broadcast, Event},
    nb,
    testing::{Sweep, World, sweep},
    time::Deadline,
};

use host_tests::waker::{counting, poll};

use crate::{
    clean,
    device::{Device, Rig},
};

type EventRig = Rig<Event>;

fn rig() -> EventRig {
    Rig::new(Event::new(), |device, event| {
        device.enable(false); // quiet
        event.signal(0); // and then wake
    })
}

#[test]
fn block() {
    let report = sweep("event, block", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        assert_eq!(waiter.operation(rig.take(1)).block(cpu), Ok(1));
        cpu.step();
    });
    clean(&report, 10);
    let report = Sweep::new("event, block, 3 tokens").needs(3).run(rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        assert_eq!(waiter.operation(rig.take(3)).block(cpu), Ok(3));
        rig.assert_nothing_is_left();
    });
    clean(&report, 20);
}

#[test]
fn block_with_interrupts_masked() {
    let report = sweep("event, block, masked", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        critical_section::with(|_| {
            assert_eq!(waiter.operation(rig.take(1)).block(cpu), Ok(1));
        });
    });
    println!("sweep: {report}");
    // The only fault of it is that no interrupt comes.
    assert!(report.failures().is_empty() && report.boundaries() >= 8, "{report}");
}

#[test]
fn try_until() {
    let report = sweep("event, try_until, in time", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let deadline = Deadline::after(cpu.clock(), Duration::from_secs(1000));
        assert_eq!(waiter.operation(rig.take(1)).try_until(cpu, &deadline), Ok(1));
    });
    clean(&report, 14);
    let report = Sweep::new("event, try_until, too late").needs(0).run(rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let deadline = Deadline::after(cpu.clock(), Duration::from_secs(1));
        let mut op = waiter.operation(rig.take(1));
        let end = op.try_until(cpu, &deadline);
        let (tokens, enabled) = rig.device.state();
        assert!(!enabled, "a bounded effort leaves nothing armed");
        // The operation is still the caller's, and has lost nothing.
        let end = if end.is_ok() { end } else { op.attempt() };
        assert!(end.is_ok() || rig.device.state().0 == 0);
        assert!(u64::from(tokens) <= cpu.events());
    });
    clean(&report, 18);
}

#[test]
fn awaited() {
    let report = sweep("event, await", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        assert_eq!(cpu.block_on(waiter.operation(rig.take(1))), Ok(1));
        cpu.step();
    });
    clean(&report, 20);
    let report = Sweep::new("event, await, 3 tokens").needs(3).run(rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        for _ in 0..3 {
            assert_eq!(cpu.block_on(waiter.operation(rig.take(1))), Ok(1));
        }
        rig.assert_nothing_is_left();
    });
    clean(&report, 50);
}

#[test]
fn awaited_under_nested_handlers() {
    // An edge that nobody masks: two handlers, one in the other.
    let always_on = || {
        let rig = Rig::new(Event::new(), |_, event: &Event| event.signal(0));
        rig.device.enable(true);
        rig
    };
    let report = Sweep::new("event, await, nested handlers").nested().run(always_on, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let device: &Device = rig.device;
        let mut take = attempt::from_fn(|| match device.take() {
            true => Ok::<_, nb::Error<()>>(()),
            false => Err(nb::Error::WouldBlock),
        });
        assert_eq!(cpu.block_on(waiter.operation(&mut take)), Ok(()));
    });
    clean(&report, 20);
}

#[test]
fn another_waker() {
    let report = sweep("event, waker swap", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let (first, _) = counting();
        let (second, _) = counting();
        let mut op = waiter.operation(rig.take(1));
        for waker in [&first, &second, &first] {
            if let Poll::Ready(end) = poll(&mut op, waker) {
                return assert_eq!(end, Ok(1));
            }
        }
        assert_eq!(cpu.block_on(op), Ok(1));
    });
    clean(&report, 60);
}

#[test]
fn dropped_in_the_middle() {
    let report = sweep("event, drop in the middle", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let (first, _) = counting();
        let mut op = waiter.operation(rig.take(1));
        let end = poll(&mut op, &first);
        drop(op);
        assert!(!rig.device.state().1, "a dropped operation leaves nothing armed");
        if end.is_pending() {
            assert_eq!(cpu.block_on(waiter.operation(rig.take(1))), Ok(1));
        }
        drop(waiter);
        assert!(rig.driver.waiter().is_some());
        rig.assert_nothing_is_left();
    });
    clean(&report, 40);
}

/// An event that is signalled with a bit of its own by each interrupt.
struct Bits {
    rig: EventRig,
}

impl World for Bits {
    fn event(&self) {
        self.rig.device.put();
    }

    fn deliver(&self) -> bool {
        let requested = self.rig.device.take_request();
        if requested {
            self.rig.device.enable(false);
            self.rig.driver.signal(1 << self.rig.device.state().0);
        }
        requested
    }
}

#[test]
fn bits() {
    let report = sweep("event, take_bits", || Bits { rig: rig() }, |Bits { rig }, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        rig.device.enable(true);
        let mut bits = 0;
        while bits == 0 {
            bits = waiter.take_bits();
            if bits == 0 {
                // A wait for the next signal: ends when there are bits.
                let mut looked = false;
                let once = attempt::from_fn(|| match std::mem::replace(&mut looked, true) {
                    false if rig.device.state().0 == 0 => Err(nb::Error::WouldBlock),
                    _ => Ok::<_, nb::Error<()>>(()),
                });
                cpu.block_on(waiter.operation(once)).unwrap();
            }
        }
        assert!(bits & !0b110 == 0, "a bit that nobody has signalled: {bits:#b}");
    });
    clean(&report, 20);
}

#[test]
fn race() {
    let report = sweep("event, race", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let never = attempt::from_fn(|| Err::<(), nb::Error<()>>(nb::Error::WouldBlock));
        let op = waiter.operation(never.race(rig.take(1)));
        assert_eq!(cpu.block_on(op), Ok(Either::Second(1)));
        rig.assert_nothing_is_left();
    });
    clean(&report, 20);
}

#[test]
fn several_waiters() {
    let rig = || {
        Rig::new(Broadcast::<2>::new(), |device, event| {
            device.enable(false);
            event.signal(0);
        })
    };
    let report = Sweep::new("broadcast, two await").needs(2).run(rig, |rig, cpu| {
        let [mut first, mut second] = [(); 2].map(|()| rig.driver.waiter().unwrap());
        let mut first = first.operation(rig.take(1));
        let mut second = second.operation(rig.take(1));
        let mut left = [true; 2];
        let both = poll_fn(|context| {
            left[0] = left[0] && Pin::new(&mut first).poll(context).is_pending();
            left[1] = left[1] && Pin::new(&mut second).poll(context).is_pending();
            if left == [false; 2] { Poll::Ready(()) } else { Poll::Pending }
        });
        cpu.block_on(both);
    });
    clean(&report, 60);
}
