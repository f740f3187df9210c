//! Paths with the 16550 that are broken on purpose; see [`twins`](crate::twins).

use board::idle::Park;
use firmware::serial::COM1;
use portable_atomic::{AtomicBool, Ordering::Relaxed};
use wouldblock::{attempt::Attempt, event::Event};

use crate::{
    placement::{Path, waits},
    uart,
};

pub const TWINS: &[Path] = &[
    Path::new("uart: no re-arm after a try on a masked source", disarm, uart::put, read_unarmed),
    Path::new("uart: a handler sends in between", uart::empty, uart::put, uart::write)
        .checked(uart::is_sent),
];

static ARMED: AtomicBool = AtomicBool::new(false);

/// The twin's own event, since the driver's receiver holds the waiter of the driver's.
static RECEIVED: Event = Event::new();

fn disarm() {
    uart::reset();
    COM1.line().set_handler(|line| {
        let owed = COM1.uart.on_interrupt();
        line.acknowledge();
        drop(owed);
        RECEIVED.signal();
    });
    ARMED.store(false, Relaxed);
}

/// Mistake: arms only once, although each interrupt masks its source.
struct ArmedOnce<A>(A);

impl<A: Attempt> Attempt for ArmedOnce<A> {
    type Output = A::Output;
    type Error = A::Error;

    fn attempt(&mut self) -> nb::Result<A::Output, A::Error> {
        self.0.attempt()
    }

    fn arm(&mut self) {
        if !ARMED.swap(true, Relaxed) {
            self.0.arm();
        }
    }
}

fn read_unarmed() {
    let mut receiver = uart::receiver();
    let mut waiter = RECEIVED.waiter().expect("one run at a time");
    waits(|| {
        let recv = ArmedOnce(receiver.recv().into_inner());
        let end = waiter.operation(recv).block(Park);
        assert_eq!(end, Ok(uart::BYTE));
    });
}
