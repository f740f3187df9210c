//! A device that writes on after its job was cancelled, dropped, detached or forgotten. It runs in a
//! thread of its own. The memory must be owned at each of its writes: by the slot.

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

/// What became of the memory.
#[derive(Debug, PartialEq, Eq)]
struct Fate {
    /// Writes that came when nobody owned it.
    late: u32,
    /// Freed as soon as the slot has its next tenant.
    freed: bool,
    /// Whether the slot takes one.
    vacant: bool,
}

/// The device writes before, while and after `away` does something with the job.
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
        // Whoever starts the next one drops what is in the slot.
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

/// The device counts what a driver lets it do to memory that is nobody's.
#[test]
fn a_driver_that_frees_the_memory_early_is_found() {
    for flaw in [Flaw::FreesInCancel, Flaw::EndsEarly] {
        let fate = write_late(flaw, drop);
        assert!(fate.late >= 1000, "{flaw:?}: {fate:?}");
    }
}
