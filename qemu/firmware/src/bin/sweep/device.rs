//! The device of the paths of jobs: the slots that its interrupt steps, and the event of these
//! paths. The paths themselves are in [`job`](crate::job), [`given_up`](crate::given_up) and
//! [`slots`](crate::slots).

use portable_atomic::{AtomicU32, Ordering::Relaxed};

use board::{idle::Park, interrupts::Line};
use firmware::task::poll_by_nobody;
use wouldblock::{
    job::{Job, Slot, Slots, Step, Ticket},
    sync::Mutex,
};

use crate::{
    placement::insist,
    take::{self, Take, deliver},
    units::{self, LEFT},
};

/// The slot of most paths.
pub static SLOT: Slot<Take> = Slot::new();

/// Slots that stay busy once their job is forgotten.
pub static FORGOTTEN: [Slot<Take>; 2] = [const { Slot::new() }; 2];
/// The forgotten jobs: nothing uses them during a run. Between two runs they are found again.
pub static JOBS: Mutex<heapless::Vec<Job<Take>, 2>> = Mutex::new(heapless::Vec::new());

/// The slot of the paths with tickets.
pub static SLOTS: Slots<Take, 1> = Slots::new();
/// The ticket that the device returns at the end of the request in flight.
pub static CURRENT: AtomicU32 = AtomicU32::new(NONE);
/// The ticket that the device returns once more: its end was delivered before.
pub static OLD: AtomicU32 = AtomicU32::new(NONE);

/// No ticket.
pub const NONE: u32 = u32::MAX;

/// Installs the device's handler.
pub fn install() {
    Line::Software.set_handler(|line| {
        step();
        line.acknowledge();
    });
    Line::Software.enable();
}

/// Steps every slot: the unit may be for any of them. The old ticket must step nothing.
pub fn step() {
    drop(SLOT.on_interrupt());
    FORGOTTEN.iter().for_each(|slot| drop(slot.on_interrupt()));
    insist(SLOTS.on_interrupt(Ticket::from_bits(OLD.load(Relaxed))).step() == Step::Idle);
    drop(SLOTS.on_interrupt(Ticket::from_bits(CURRENT.load(Relaxed))));
}

/// The event of these paths: puts a unit, and steps.
pub fn put() -> bool {
    LEFT.put_silently();
    step();
    true
}

/// Leaves the slot idle after a job that has ended, the other slots idle, and nothing counted or
/// lent.
pub fn empty() {
    collect_forgotten();
    end_tenant();
    while !SLOT.is_idle() {
        put();
    }
    units::empty();
    let mut job = SLOT.start(Take::new()).expect("an idle slot");
    poll_by_nobody(&mut job);
    put();
    deliver(job.wait(Park));
    take::reset();
}

/// Waits for the forgotten jobs, and delivers their ends.
fn collect_forgotten() {
    let mut jobs = JOBS.try_lock().expect("free between two runs");
    while let Some(job) = jobs.pop() {
        put();
        deliver(job.wait(Park));
    }
}

/// Whether the slot with tickets has no tenant.
pub fn is_vacant() -> bool {
    SLOTS.occupied() == 0
}

/// Leaves the slot with tickets vacant, without a buffer in it.
pub fn end_tenant() {
    while !is_vacant() {
        put();
    }
    drop(SLOTS.reserve());
}
