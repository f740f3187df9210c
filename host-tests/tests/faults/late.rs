//! A device that continues to write after its job was cancelled, dropped, detached or forgotten. It
//! runs in another thread. At each of its writes, the slot must own the memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use wouldblock::{
    block::Spin,
    job::{Busy, Job, Slot, Step},
};

use crate::{
    device::{Device, Flaw, Memory, Transfer},
    leak,
};

/// What happened to the memory.
#[derive(Debug, PartialEq, Eq)]
struct Fate {
    /// The number of writes while it had no owner.
    late: u32,
    /// Whether it is freed when the slot has its next operation.
    freed: bool,
    /// Whether the slot accepts another operation.
    vacant: bool,
}

/// The device writes before, while and after `away` uses the job.
fn write_late(flaw: Flaw, away: impl FnOnce(Job<Transfer>)) -> Fate {
    let device = Device::new();
    let slot: &'static Slot<Transfer> = leak(Slot::new());
    let (mut op, memory) = device.transfer();
    op.flaw = flaw;
    let job = slot.start(op).unwrap();
    let is_away = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (memory, is_away) = (memory.clone(), is_away.clone());
        move || {
            while !is_away.load(SeqCst) {
                device.write();
            }
            let before = total(&memory);
            while total(&memory) < before + 1000 {
                device.write();
            }
        }
    });
    while total(&memory) < 100 {
        std::hint::spin_loop();
    }
    away(job);
    let vacant_early = slot.is_idle();
    if vacant_early {
        // The next start drops the operation that is in the slot.
        let vacant: &'static Device = Device::new();
        slot.start(vacant.transfer().0).unwrap().detach();
        vacant.end();
        assert_eq!(vacant.interrupt(slot), Step::Done);
    }
    is_away.store(true, SeqCst);
    writer.join().unwrap();
    device.end();
    device.interrupt(slot);

    let (op, _) = device.transfer();
    let vacant = match slot.start(op) {
        Ok(job) => {
            let freed = memory.is_freed();
            device.end();
            job.wait(Spin);
            assert_eq!(freed, memory.is_freed());
            true
        }
        Err(Busy(_)) => false,
    };
    Fate { late: memory.writes().1, freed: memory.is_freed(), vacant }
}

fn total(memory: &Memory) -> u32 {
    let (writes, late) = memory.writes();
    writes + late
}

const SOUND: Fate = Fate { late: 0, freed: true, vacant: true };

#[test]
fn after_a_drop_the_slot_owns_the_memory_to_the_end() {
    assert_eq!(write_late(Flaw::None, drop), SOUND);
}

#[test]
fn after_a_detach_the_slot_owns_the_memory_to_the_end() {
    assert_eq!(write_late(Flaw::None, Job::detach), SOUND);
}

#[test]
fn after_a_cancel_the_slot_owns_the_memory_to_the_end() {
    let cancel = |mut job: Job<Transfer>| {
        job.cancel();
        job.detach();
    };
    assert_eq!(write_late(Flaw::None, cancel), SOUND);
}

#[test]
fn after_a_forget_the_slot_owns_the_memory_for_ever() {
    let fate = write_late(Flaw::None, std::mem::forget);
    assert_eq!(fate, Fate { late: 0, freed: false, vacant: false });
}

/// The device counts the writes to freed memory that a flawed driver causes.
#[test]
fn a_driver_that_frees_the_memory_early_is_found() {
    for flaw in [Flaw::FreesInCancel, Flaw::EndsEarly] {
        let fate = write_late(flaw, drop);
        assert!(fate.late >= 1000, "{flaw:?}: {fate:?}");
    }
}
