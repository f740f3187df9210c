//! Continuous receive, new settings while an operation waits, and an enable bit that both halves
//! use.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    task::Poll,
};

use wouldblock::{
    block::Idle,
    uart16550::{Config, ContinuousReceiver, Register},
};

use super::*;
use crate::caught;

/// The receiver with a ring of `entries` entries.
fn ring(rig: &Rig, entries: usize) -> ContinuousReceiver<'static, Port> {
    rig.uart.receiver().unwrap().into_continuous(vec![0; entries].leak())
}

#[test]
fn receive_continuously() {
    let report = Sweep::new("uart, continuous, blocking").needs(3).run(many, move |rig, cpu| {
        let (mut receiver, mut buffer, mut filled) = (ring(rig, 16), [0; 10], 0);
        while filled < 10 {
            filled += receiver.read(&mut buffer[filled..]).block(cpu).unwrap();
        }
        assert_eq!(&buffer, MANY);
        drop(receiver);
        rig.assert_disarmed();
    });
    clean(&report, 28);
    let report = Sweep::new("uart, continuous, awaited").needs(3).run(many, move |rig, cpu| {
        let (mut receiver, mut buffer, mut filled) = (ring(rig, 16), [0; 10], 0);
        while filled < 10 {
            filled += cpu.block_on(receiver.read(&mut buffer[filled..])).unwrap();
        }
        assert_eq!(&buffer, MANY);
    });
    clean(&report, 28);
}

#[test]
fn receive_continuously_through_a_full_ring() {
    // A full ring masks the interrupt. The read that makes room unmasks it, and the chip then
    // announces what it holds.
    for entries in [1, 2, 3, 7] {
        let report = Sweep::new("uart, continuous, full").needs(3).run(many, move |rig, cpu| {
            let (mut receiver, mut buffer, mut filled) = (ring(rig, entries), [0; 10], 0);
            while filled < 10 {
                filled += receiver.read(&mut buffer[filled..]).block(cpu).unwrap();
            }
            assert_eq!((&buffer, rig.chip.lost()), (MANY, 0));
        });
        clean(&report, 38);
    }
}

/// The twin's reader looks and then sleeps, and does not ask once more before it sleeps.
#[test]
fn twin_a_read_that_looks_and_sleeps() {
    let report = Sweep::new("twin: continuous, look, sleep").needs(3).run(many, |rig, mut cpu| {
        let (mut receiver, mut buffer, mut filled) = (ring(rig, 16), [0; 10], 0);
        while filled < 10 {
            match receiver.read(&mut buffer[filled..]).attempt() {
                Ok(count) => filled += count,
                Err(_) => cpu.idle(|| false),
            }
        }
    });
    caught(&report, |report| report.lost());
}

/// The twin masks the source for ever, and nothing reads the chip.
#[test]
fn twin_a_full_ring_that_stays_masked() {
    let report =
        Sweep::new("twin: continuous, masked for good").needs(3).run(many, move |rig, cpu| {
            let (mut receiver, mut buffer, mut filled) = (ring(rig, 2), [0; 10], 0);
            while filled < 10 {
                let taken = receiver.read(&mut buffer[filled..]).block(cpu).unwrap();
                if filled == 0 {
                    // As if the read had not unmasked it. No other interrupt is enabled.
                    rig.chip.write(Register::InterruptEnable, 0);
                }
                filled += taken;
            }
        });
    caught(&report, |report| report.lost());
}

#[test]
fn new_settings_while_a_read_waits() {
    let report = Sweep::new("uart, configure, recv awaited").needs(3).run(silent, |rig, cpu| {
        let mut receiver = rig.uart.receiver().unwrap();
        let mut recv = receiver.recv();
        assert!(fakes::waker::poll(&mut recv, std::task::Waker::noop()).is_pending());
        rig.uart.configure(&Config { level: Level::Four, ..Config::new(2) }).unwrap();
        rig.chip.far_end_sends(b"x");
        assert_eq!(cpu.block_on(recv), Ok(b'x'));
        rig.assert_disarmed();
    });
    clean(&report, 30);
    let report = Sweep::new("uart, configure, job that reads").needs(3).run(silent, |rig, cpu| {
        let receiver = rig.uart.receiver().unwrap();
        let job = rig.reads.start(receiver.into_read_exact([0; 10])).unwrap();
        rig.uart.initialize(2, Level::Four);
        rig.chip.far_end_sends(MANY);
        let done = cpu.block_on(job);
        assert_eq!((done.result, &done.op.into_parts().1), (Ok(10), MANY));
        rig.assert_disarmed();
    });
    clean(&report, 50);
    let report = Sweep::new("uart, configure, job that writes").needs(3).run(silent, |rig, cpu| {
        let transmitter = rig.uart.transmitter().unwrap();
        let job = rig.writes.start(transmitter.into_write_all([7; 20])).unwrap();
        rig.uart.initialize(2, Level::Four);
        assert_eq!(cpu.block_on(job).result, Ok(20));
        rig.assert_disarmed();
    });
    clean(&report, 38);
}

/// The twin, which the driver was once: new settings mask every interrupt.
#[test]
fn twin_new_settings_mask_everything() {
    let report = Sweep::new("twin: configure masks").needs(3).run(silent, |rig, cpu| {
        let receiver = rig.uart.receiver().unwrap();
        let mut job = rig.reads.start(receiver.into_read_exact([0; 10])).unwrap();
        let mut cpu = cpu;
        while !matches!(fakes::waker::poll(&mut job, std::task::Waker::noop()), Poll::Ready(_)) {
            rig.uart.initialize(2, Level::Four);
            rig.chip.far_end_sends(MANY);
            rig.chip.write(Register::InterruptEnable, 0);
            cpu.idle(|| false);
        }
    });
    caught(&report, |report| report.lost());
}

#[test]
fn a_read_of_nothing_beside_a_write_that_is_dropped() {
    static ENDS: AtomicU32 = AtomicU32::new(0);
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock();
    let rig = || {
        ENDS.store(0, SeqCst);
        silent()
    };
    let report =
        Sweep::new("uart, read of nothing, write dropped").needs(4).run(rig, |rig, cpu| {
            let (receiver, mut transmitter) = rig.uart.split().unwrap();
            let mut write = transmitter.write_all([7; 40]);
            _ = fakes::waker::poll(&mut write, std::task::Waker::noop());
            let op = receiver.into_read_to_idle([0; 32]);
            drop(op);
            let receiver = rig.uart.receiver().unwrap();
            rig.empty
                .start_with(receiver.into_read_exact([]), |_| _ = ENDS.fetch_add(1, SeqCst))
                .unwrap();
            drop(write);
            let mut cpu = cpu;
            while ENDS.load(SeqCst) == 0 {
                cpu.idle(|| ENDS.load(SeqCst) != 0);
            }
            rig.assert_disarmed();
        });
    clean(&report, 20);
}
