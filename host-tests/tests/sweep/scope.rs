//! Every way through a scope: the interrupt steps the lent operation at every boundary.

use std::time::Duration;

use wouldblock::{
    job::{Inline, ScopedSlot, Slot},
    testing::Sweep,
    time,
};

use crate::{
    clean,
    device::{Device, Rig},
    leak,
};

type LineRig = Rig<&'static ScopedSlot>;

/// The order in a handler: quiet the device, step, acknowledge, wake.
fn handler(device: &'static Device, line: &&'static ScopedSlot) {
    device.enable(false);
    let driven = line.on_interrupt();
    drop(driven);
}

fn rig() -> LineRig {
    Rig::new(leak(ScopedSlot::new()), handler)
}

#[test]
fn waited_for() {
    let report = Sweep::new("scope, wait").needs(2).run(rig, |rig, cpu| {
        let ((), done) = rig.driver.scope(rig.take(2), cpu, |job| job.wait(cpu)).unwrap();
        assert_eq!(done.result, Ok(2));
        rig.assert_disarmed();
        assert!(rig.driver.is_idle());
    });
    clean(&report, 28);
}

#[test]
fn left_early() {
    let report = Sweep::new("scope, left early").needs(0).run(rig, |rig, cpu| {
        let ((), done) = rig.driver.scope(rig.take(2), cpu, |_| ()).unwrap();
        let taken = done.result.unwrap();
        assert_eq!(u64::from(taken) + u64::from(rig.device.state().0), cpu.events());
        rig.assert_disarmed();
        assert!(rig.driver.is_idle());
    });
    clean(&report, 18);
}

#[test]
fn tried_and_cancelled() {
    let report =
        Sweep::new("scope, try, cancel, wait with a deadline").needs(0).run(rig, |rig, cpu| {
            let (over, done) = rig
                .driver
                .scope(rig.take(2), cpu, |job| {
                    let before = job.attempt();
                    job.cancel();
                    let after = job.ended().block_for(cpu, cpu.clock(), Duration::from_secs(1));
                    (before, after)
                })
                .unwrap();
            assert!(over.0.is_err() || over.1.is_ok(), "an operation that has ended stays ended");
            assert!(matches!(over.1, Ok(()) | Err(time::Error::TimedOut)));
            let taken = done.result.unwrap();
            assert_eq!(u64::from(taken) + u64::from(rig.device.state().0), cpu.events());
            rig.assert_disarmed();
        });
    clean(&report, 25);
}

#[test]
fn without_its_type() {
    let inline = || {
        Rig::new(leak(Slot::<Inline<u32, (), 32>>::new()), |device, slot| {
            Device::enable(device, false);
            drop(slot.on_interrupt());
        })
    };
    let report = Sweep::new("job, inline, start and wait").needs(2).run(inline, |rig, cpu| {
        let done = rig.driver.start(Inline::new(rig.take(2))).unwrap().wait(cpu);
        assert_eq!(done.result, Ok(2));
        rig.assert_disarmed();
    });
    clean(&report, 28);
}
