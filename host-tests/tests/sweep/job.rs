//! Every use of a slot: the interrupt steps the operation at every boundary of every call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::Poll,
    time::Duration,
};

use fakes::waker::{counting, poll};
use wouldblock::{
    Attempt,
    block::Idle,
    job::{Background, Busy, Done, Slot},
    nb,
    testing::{Cpu, Sweep, sweep},
};

use crate::{
    clean,
    device::{Device, Rig, Take},
    leak,
};

type SlotRig = Rig<&'static Slot<Take>>;

/// The order in a handler: quiet the device, step, acknowledge, wake.
fn handler<A: Background>(device: &'static Device, slot: &&'static Slot<A>) {
    device.enable(false);
    let driven = slot.on_interrupt();
    drop(driven);
}

fn rig() -> SlotRig {
    Rig::new(leak(Slot::new()), handler)
}

#[track_caller]
fn assert_done(done: &Done<Take>, tokens: u32) {
    assert_eq!(done.result, Ok(tokens));
}

#[test]
fn start_and_wait() {
    let report = Sweep::new("job, start and wait").needs(2).run(rig, |rig, cpu| {
        assert_done(&rig.driver.start(rig.take(2)).unwrap().wait(cpu), 2);
        rig.assert_disarmed();
        assert!(rig.driver.is_idle());
    });
    clean(&report, 28);
}

#[test]
fn start_and_step() {
    // The foreground's tries race with those of the interrupt.
    let report = Sweep::new("job, start and try").needs(2).limit(80).run(rig, |rig, cpu| {
        let mut job = rig.driver.start(rig.take(2)).unwrap();
        let done = loop {
            match job.attempt() {
                Ok(done) => break done,
                Err(nb::Error::WouldBlock) => cpu.step(),
                Err(nb::Error::Other(never)) => match never {},
            }
            if cpu.events() == 1 {
                rig.device.put();
            }
        };
        assert_done(&done, 2);
        assert!(job.is_collected());
    });
    clean(&report, 64);
}

#[test]
fn wait_until() {
    let report = Sweep::new("job, wait_for, too late").needs(0).run(rig, |rig, cpu| {
        let mut job = rig.driver.start(rig.take(1)).unwrap();
        let end = job.ended().block_for(cpu, cpu.clock(), Duration::from_secs(1));
        match end {
            Ok(done) => assert_done(&done, 1),
            Err(_) => {
                // The operation still runs, and the caller still has the job.
                rig.device.put();
                assert_done(&job.wait(cpu), 1);
            }
        }
    });
    clean(&report, 35);
}

#[test]
fn start_and_await() {
    let report = Sweep::new("job, start and await").needs(2).run(rig, |rig, cpu| {
        assert_done(&cpu.block_on(rig.driver.start(rig.take(2)).unwrap()), 2);
        rig.assert_disarmed();
    });
    clean(&report, 30);
    let report = sweep("job, waker swap", rig, |rig, cpu| {
        let mut job = rig.driver.start(rig.take(1)).unwrap();
        for _ in 0..2 {
            if let Poll::Ready(done) = poll(&mut job, &counting().0) {
                return assert_done(&done, 1);
            }
        }
        assert_done(&cpu.block_on(job), 1);
    });
    clean(&report, 67);
}

/// An operation that carries what its callback needs.
struct Told {
    take: Take,
    calls: Arc<AtomicU32>,
    slot: &'static Slot<Self>,
}

impl Attempt for Told {
    type Output = u32;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<u32, ()> {
        self.take.attempt()
    }

    fn arm(&mut self) {
        self.take.arm();
    }

    fn disarm(&mut self) {
        self.take.disarm();
    }
}

impl Background for Told {
    fn begin(&mut self) {
        self.take.begin();
    }

    fn cancel(&mut self) {
        self.take.cancel();
    }
}

#[test]
fn callback() {
    let rig = || Rig::new(leak(Slot::<Told>::new()), handler);
    let report = Sweep::new("job, callback").needs(2).run(rig, |rig, mut cpu| {
        let calls = Arc::new(AtomicU32::new(0));
        for n in 0..2 {
            let op = Told { take: rig.take(1), calls: calls.clone(), slot: rig.driver };
            let started = rig.driver.start_with(op, |done| {
                assert_eq!(done.result, Ok(1));
                done.op.calls.fetch_add(1, Relaxed);
            });
            assert!(started.is_ok());
            while calls.load(Relaxed) == n {
                Idle::idle(&mut cpu, || calls.load(Relaxed) != n);
            }
            assert!(rig.driver.is_idle());
        }
        assert_eq!(calls.load(Relaxed), 2);
    });
    clean(&report, 18);
}

#[test]
fn restarted_from_its_callback() {
    fn again(done: Done<Told>) {
        assert_eq!(done.result, Ok(1));
        let Told { take, calls, slot } = done.op;
        if calls.fetch_add(1, Relaxed) == 0 {
            let take = take.again();
            assert!(slot.start_with(Told { take, calls, slot }, again).is_ok(), "it is idle");
        }
    }

    let rig = || Rig::new(leak(Slot::<Told>::new()), handler);
    let report = Sweep::new("job, restart from the callback").needs(2).run(rig, |rig, mut cpu| {
        let calls = Arc::new(AtomicU32::new(0));
        let op = Told { take: rig.take(1), calls: calls.clone(), slot: rig.driver };
        assert!(rig.driver.start_with(op, again).is_ok());
        while calls.load(Relaxed) < 2 {
            Idle::idle(&mut cpu, || calls.load(Relaxed) == 2);
        }
        assert!(rig.driver.is_idle());
        rig.assert_disarmed();
    });
    clean(&report, 10);
}

/// Takes its tokens also after it was cancelled.
struct IgnoresCancel(Take);

impl Attempt for IgnoresCancel {
    type Output = u32;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<u32, ()> {
        self.0.attempt()
    }

    fn arm(&mut self) {
        self.0.arm();
    }

    fn disarm(&mut self) {
        self.0.disarm();
    }
}

impl Background for IgnoresCancel {
    fn begin(&mut self) {
        self.0.begin();
    }

    fn cancel(&mut self) {}
}

#[test]
fn cancelled_on_a_device_that_continues() {
    let rig = || Rig::new(leak(Slot::<IgnoresCancel>::new()), handler);
    let report = Sweep::new("job, cancel and go on").needs(1).run(rig, |rig, cpu| {
        let mut job = rig.driver.start(IgnoresCancel(rig.take(1))).unwrap();
        job.cancel();
        assert_eq!(cpu.block_on(job).result, Ok(1));
        assert!(rig.driver.is_idle());
    });
    clean(&report, 30);
    let report = Sweep::new("job, drop and go on").needs(2).run(rig, |rig, mut cpu| {
        drop(rig.driver.start(IgnoresCancel(rig.take(1))).unwrap());
        while !rig.driver.is_idle() {
            Idle::idle(&mut cpu, || rig.driver.is_idle());
        }
        assert_eq!(rig.driver.start(IgnoresCancel(rig.take(1))).unwrap().wait(cpu).result, Ok(1));
    });
    clean(&report, 40);
}

#[test]
fn forgotten() {
    let report = Sweep::new("job, forget").needs(1).run(rig, |rig, cpu| {
        std::mem::forget(rig.driver.start(rig.take(1)).unwrap());
        let (events, tokens) = (|| cpu.events(), || rig.device.state().0.into());
        let is_over = || events() > tokens(); // It has taken a token.
        let mut idle = cpu;
        while !is_over() {
            Idle::idle(&mut idle, is_over);
        }
        assert!(!rig.driver.is_idle());
        assert!(rig.driver.start(rig.take(1)).is_err(), "its slot is out of use");
        rig.assert_disarmed();
    });
    clean(&report, 8);
}

#[test]
fn cancelled() {
    // It ends by itself or by the cancel: in both cases once, and with the tokens that it has
    // taken.
    let rig = || Rig::new(leak(Slot::new()), handler::<Take>);
    let report = Sweep::new("job, cancel and wait").needs(0).run(rig, |rig, cpu| {
        let mut job = rig.driver.start(rig.take(2)).unwrap();
        job.cancel();
        let done = wait(job, cpu);
        let taken = done.result.unwrap();
        assert!(u64::from(taken) + u64::from(rig.device.state().0) == cpu.events());
        rig.assert_disarmed();
    });
    clean(&report, 18);
}

/// Waits as a task whose first poll was pending.
fn wait(mut job: wouldblock::job::Job<Take>, cpu: &Cpu) -> Done<Take> {
    match poll(&mut job, &counting().0) {
        Poll::Ready(done) => done,
        Poll::Pending => cpu.block_on(job),
    }
}

#[test]
fn dropped() {
    let report = Sweep::new("job, drop and start the next").needs(1).run(rig, |rig, cpu| {
        drop(rig.driver.start(rig.take(3)).unwrap());
        let before = rig.device.state().0;
        let mut op = rig.take(1);
        let next = loop {
            // The operation before it has been ended by the cancel, or is about to be.
            match rig.driver.start(op) {
                Ok(job) => break job,
                Err(Busy(back)) => op = back,
            }
            cpu.step();
        };
        if cpu.events() > 0 && before == 0 {
            rig.device.put(); // The dropped operation has taken the token.
        }
        assert_done(&next.wait(cpu), 1);
    });
    clean(&report, 39);
}

#[test]
fn detached() {
    let report = Sweep::new("job, detach and start the next").needs(2).run(rig, |rig, mut cpu| {
        rig.driver.start(rig.take(1)).unwrap().detach();
        while !rig.driver.is_idle() {
            Idle::idle(&mut cpu, || rig.driver.is_idle());
        }
        let next = rig.driver.start(rig.take(1)).unwrap();
        assert_done(&cpu.block_on(next), 1);
    });
    clean(&report, 46);
}

#[test]
fn stepped_by_nested_handlers() {
    let report = Sweep::new("job, nested handlers").needs(2).nested().run(rig, |rig, cpu| {
        assert_done(&rig.driver.start(rig.take(2)).unwrap().wait(cpu), 2);
    });
    clean(&report, 34);
}
