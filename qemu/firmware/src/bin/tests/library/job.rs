//! Slots and jobs, on an operation whose device is the software interrupt.

use core::convert::Infallible;

use board::{
    Board,
    idle::Park,
    interrupts::{Line, raise_self, without_interrupts},
};
use portable_atomic::{AtomicU32, Ordering::Relaxed};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Busy, Done, Slot, Step},
};

use super::{interrupt_now, sleep_until};

/// Ends at the n-th try, and raises the software interrupt before each of them.
struct Countdown {
    left: u32,
    /// Raise the interrupt inside the try, so that the handler finds the slot claimed.
    inside: bool,
}

impl Attempt for Countdown {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.inside {
            let before = Line::Software.taken();
            raise_self();
            while Line::Software.taken() == before {}
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }

    fn arm(&mut self) {
        if !self.inside {
            raise_self();
        }
    }
}

impl Background for Countdown {
    fn begin(&mut self) {
        self.arm();
    }

    fn cancel(&mut self) {
        self.left = 0;
    }
}

static SLOT: Slot<Countdown> = Slot::new();
static CONTENDED: AtomicU32 = AtomicU32::new(0);

fn handler(line: Line) {
    let stepped = SLOT.on_interrupt();
    if stepped.step() == Step::Contended {
        CONTENDED.fetch_add(1, Relaxed);
    }
    line.acknowledge();
    drop(stepped);
}

fn install() {
    Line::Software.set_handler(handler);
    Line::Software.enable();
}

fn interrupts_step_a_job_to_its_end(_: &'static Board) {
    install();
    let job = SLOT.start(Countdown { left: 10, inside: false }).expect("idle");
    sleep_until(|| Line::Software.taken() == 10);
    assert_eq!(job.wait(Park).op.left, 0);
    assert!(SLOT.is_idle());
}
crate::registry::test!(interrupts_step_a_job_to_its_end);

fn waiting_works_with_interrupts_masked(_: &'static Board) {
    install();
    let left = without_interrupts(|| {
        let job = SLOT.start(Countdown { left: 10, inside: false }).expect("idle");
        job.wait(Park).op.left
    });
    assert_eq!(left, 0);
    // The interrupts that it raised are taken now, and find an idle slot.
    interrupt_now(handler);
    assert!(SLOT.is_idle());
}
crate::registry::test!(waiting_works_with_interrupts_masked);

/// A handler that interrupts a step never gets the operation, and no step is lost.
fn the_holder_steps_again_after_a_contended_step(_: &'static Board) {
    install();
    let mut job = SLOT.start(Countdown { left: 3, inside: true }).expect("idle");
    // One attempt of the job: each try is interrupted, the handler notes that it came, and the
    // holder of the slot then tries once more.
    let done = job.attempt();
    assert!(done.is_ok_and(|done| done.op.left == 0));
    assert_eq!(CONTENDED.load(Relaxed), 3);
}
crate::registry::test!(the_holder_steps_again_after_a_contended_step);

fn a_callback_starts_the_next(_: &'static Board) {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    fn next(_: Done<Countdown>) {
        if CALLS.fetch_add(1, Relaxed) < 99 {
            let started = SLOT.start_with(Countdown { left: 2, inside: false }, next);
            assert!(started.is_ok(), "the slot is idle before its callback");
        }
    }

    install();
    SLOT.start_with(Countdown { left: 2, inside: false }, next).expect("idle");
    sleep_until(|| CALLS.load(Relaxed) == 100);
    assert!(SLOT.is_idle());
    assert_eq!(Line::Software.taken(), 200);
}
crate::registry::test!(a_callback_starts_the_next);

fn a_dropped_job_is_cancelled(_: &'static Board) {
    install();
    without_interrupts(|| {
        drop(SLOT.start(Countdown { left: u32::MAX, inside: false }).expect("idle"));
        assert!(SLOT.is_idle(), "cancelled, so it has ended, and no job is left to collect it");
    });
    let done = SLOT.start(Countdown { left: 5, inside: false }).expect("idle").wait(Park);
    assert_eq!(done.op.left, 0);
}
crate::registry::test!(a_dropped_job_is_cancelled);

fn a_forgotten_job_leaves_its_slot_busy(_: &'static Board) {
    install();
    core::mem::forget(SLOT.start(Countdown { left: 5, inside: false }).expect("idle"));
    sleep_until(|| Line::Software.taken() == 5);
    let Err(Busy(op)) = SLOT.start(Countdown { left: 7, inside: false }) else {
        panic!("the end has not been collected")
    };
    assert_eq!(op.left, 7, "the operation comes back");
}
crate::registry::test!(a_forgotten_job_leaves_its_slot_busy);
