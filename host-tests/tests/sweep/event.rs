//! Every form of an operation on an event.

use std::{cell::Cell, future::poll_fn, pin::Pin, task::Poll, time::Duration};

use wouldblock::{
    Attempt,
    attempt::{self, Either},
    event::{Broadcast, Event, Flags},
    nb,
    testing::{Sweep, sweep},
    time::Deadline,
};

use fakes::waker::{counting, poll};

use crate::{
    clean,
    device::{Device, Rig},
};

fn rig() -> Rig<Event> {
    Rig::new(Event::new(), |device, event| {
        device.enable(false); // Quiet the device first,
        event.signal(); // then wake.
    })
}

#[test]
fn block() {
    let report = sweep("event, block", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        assert_eq!(waiter.operation(rig.take(1)).block(cpu), Ok(1));
        cpu.step();
    });
    clean(&report, 5);
    let report = Sweep::new("event, block, 3 tokens").needs(3).run(rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        assert_eq!(waiter.operation(rig.take(3)).block(cpu), Ok(3));
        rig.assert_disarmed();
    });
    clean(&report, 16);
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
    // No interrupt comes while all are masked: `assert_clean` would refuse only that.
    assert!(report.failures().is_empty() && report.boundaries() >= 5, "{report}");
}

#[test]
fn try_until() {
    let report = sweep("event, try_until, in time", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let deadline = Deadline::after(cpu.clock(), Duration::from_secs(1000));
        assert_eq!(waiter.operation(rig.take(1)).block_until(cpu, &deadline), Ok(1));
    });
    clean(&report, 5);
    let report = Sweep::new("event, try_until, too late").needs(0).run(rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let deadline = Deadline::after(cpu.clock(), Duration::from_secs(1));
        let mut op = waiter.operation(rig.take(1));
        let end = op.block_until(cpu, &deadline);
        let (tokens, enabled) = rig.device.state();
        assert!(!enabled, "a wait with a deadline leaves nothing armed");
        // The caller still has the operation, which has lost nothing.
        let end = end.or_else(|_| op.attempt());
        assert!(end.is_ok() || rig.device.state().0 == 0);
        assert!(u64::from(tokens) <= cpu.events());
    });
    clean(&report, 17);
}

#[test]
fn awaited() {
    let report = sweep("event, await", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        assert_eq!(cpu.block_on(waiter.operation(rig.take(1))), Ok(1));
        cpu.step();
    });
    clean(&report, 9);
    let report = Sweep::new("event, await, 3 tokens").needs(3).run(rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        // One task has one waker: the later operations find it registered.
        cpu.block_on(async {
            for _ in 0..3 {
                assert_eq!(waiter.operation(rig.take(1)).await, Ok(1));
            }
        });
        rig.assert_disarmed();
    });
    clean(&report, 33);
}

#[test]
fn awaited_under_nested_handlers() {
    // An edge that is never masked: one handler interrupts the other.
    let always_on = || {
        let rig = Rig::new(Event::new(), |_, event: &Event| event.signal());
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
    clean(&report, 8);
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
    clean(&report, 31);
}

#[test]
fn dropped_in_the_middle() {
    let report = sweep("event, drop in the middle", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let (first, _) = counting();
        let mut op = waiter.operation(rig.take(1));
        let end = poll(&mut op, &first);
        drop(op);
        rig.assert_disarmed();
        if end.is_pending() {
            assert_eq!(cpu.block_on(waiter.operation(rig.take(1))), Ok(1));
        }
        drop(waiter);
        assert!(rig.driver.waiter().is_some());
        rig.assert_disarmed();
    });
    clean(&report, 18);
}

/// An event, and the number of interrupts so far.
#[derive(Default)]
struct Bits {
    event: Flags,
    interrupts: Cell<u32>,
}

#[test]
fn bits() {
    let rig = || {
        Rig::new(Bits::default(), |device, bits| {
            device.enable(false);
            bits.event.raise(1 << bits.interrupts.replace(bits.interrupts.get() + 1));
        })
    };
    let report = Sweep::new("event, take_bits").needs(2).run(rig, |rig, cpu| {
        let flags = &rig.driver.event;
        let mut waiter = flags.waiter().unwrap();
        let mut seen = 0;
        for _ in 0..2 {
            assert_eq!(waiter.operation(rig.take(1)).block(cpu), Ok(1));
            let bits = flags.take(!0);
            assert_eq!(seen & bits, 0, "a bit is taken once");
            seen |= bits;
        }
        cpu.step();
        seen |= flags.take(!0);
        assert_eq!(seen, (1 << rig.driver.interrupts.get()) - 1, "every bit is taken");
    });
    clean(&report, 14);
}

#[test]
fn race() {
    let report = sweep("event, race", rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let never = attempt::from_fn(|| Err::<(), nb::Error<()>>(nb::Error::WouldBlock));
        let op = waiter.operation(never.race(rig.take(1)));
        assert_eq!(cpu.block_on(op), Ok(Either::Second(1)));
        rig.assert_disarmed();
    });
    clean(&report, 9);
}

#[test]
fn several_waiters() {
    let rig = || {
        Rig::new(Broadcast::<2>::new(), |device, event| {
            device.enable(false);
            event.signal();
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
    clean(&report, 27);
}
