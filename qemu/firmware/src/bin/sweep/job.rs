//! An operation in the background, which the handler steps.

use core::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use pc::interrupts::{Line, raise_self};
use wouldblock::{
    attempt::Attempt,
    block::Idle,
    job::{Background, Done, Slot},
    x86_64::Park,
};

use crate::{
    placement::{Path, waits},
    task::{block_on, poll_by_nobody},
    units::{self, LEFT},
};

pub const PATHS: &[Path] = &[
    Path { name: "job wait", empty, source: put, run: wait },
    Path { name: "job await", empty, source: put, run: await_job },
    Path { name: "job with a callback", empty, source: put, run: call_back },
];

/// Takes one unit. Its device interrupts while there is one and it is enabled: a level.
struct Take;

impl Attempt for Take {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        LEFT.take()
    }

    fn arm(&mut self) {
        if LEFT.any() {
            raise_self();
        }
    }
}

impl Background for Take {
    fn begin(&mut self) {
        self.arm();
    }

    fn cancel(&mut self) {}
}

static SLOT: Slot<Take> = Slot::new();

/// Lets the device interrupt.
pub fn install() {
    Line::SelfIpi.set_handler(|line| {
        let driven = SLOT.on_interrupt();
        line.acknowledge();
        drop(driven);
    });
    Line::SelfIpi.enable();
}

/// The slot idle after a job that has ended.
fn empty() {
    units::empty();
    let mut job = SLOT.start(Take).expect("an idle slot");
    poll_by_nobody(&mut job);
    put();
    assert_eq!(job.wait(Park).result, Ok(()));
}

fn put() -> bool {
    LEFT.put_silently();
    drop(SLOT.on_interrupt());
    true
}

fn wait() {
    waits(|| {
        let job = SLOT.start(Take).expect("an idle slot");
        assert_eq!(job.wait(Park).result, Ok(()));
    });
}

fn await_job() {
    waits(|| {
        let job = SLOT.start(Take).expect("an idle slot");
        assert_eq!(block_on(job).result, Ok(()));
    });
}

/// Nobody steps but the handler.
fn call_back() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn callback(_: Done<Take>) {
        CALLS.fetch_add(1, Relaxed);
    }

    waits(|| {
        let calls = CALLS.load(Relaxed);
        assert!(SLOT.start_with(Take, callback).is_ok(), "an idle slot");
        while CALLS.load(Relaxed) == calls {
            Park.idle(|| CALLS.load(Relaxed) != calls);
        }
    });
}
