//! `Slots`: starts on two cores at the same time, and a device that reports the end of a request by
//! its ticket directly after the foreground has rung the doorbell.

use std::sync::Arc;

use loom::{
    sync::atomic::{
        AtomicU32,
        Ordering::{Acquire, Release},
    },
    thread,
};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Slot, Slots, Step, Ticket},
    nb,
};

use crate::run::{ASLEEP, Flag, block_on, explores, finds, leak};

/// A request that gives its ticket to the device, and ends when the device is ready.
struct Request {
    doorbell: Arc<AtomicU32>,
    ticket: u32,
    ready: Flag,
}

impl Attempt for Request {
    type Output = u32;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<u32, ()> {
        if self.ready.is_set() { Ok(self.ticket) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Request {
    fn begin(&mut self) {
        self.doorbell.store(self.ticket, Release);
    }

    fn cancel(&mut self) {}
}

/// Waits for the doorbell and ends the request. Returns the ticket of the request.
fn device(doorbell: &AtomicU32, ready: &Flag) -> u32 {
    loop {
        match doorbell.load(Acquire) {
            0 => thread::yield_now(),
            ticket => {
                ready.set();
                return ticket;
            }
        }
    }
}

#[test]
fn two_cores_never_get_one_slot() {
    explores("start on two cores", Some(3), 50, || {
        let slots: &'static Slots<Request, 2> = leak(Slots::new());
        let start = move || {
            let vacancy = slots.reserve().expect("there are two slots");
            let (ticket, ready) = (vacancy.ticket(), Flag::new());
            let request = Request {
                doorbell: Arc::default(),
                ticket: ticket.to_bits(),
                ready: ready.clone(),
            };
            let job = vacancy.start(request);
            ready.set();
            assert_eq!(slots.on_interrupt(ticket).step(), Step::Done);
            assert_eq!(block_on(job).result, Ok(ticket.to_bits()));
            ticket.index()
        };
        let other = thread::spawn(start);
        // Both may use the same slot, if one request ends before the other is started.
        assert!(start() < 2 && other.join().unwrap() < 2);
    });
}

#[test]
fn an_end_finds_its_request_and_a_stale_ticket_nothing() {
    explores("end by ticket", Some(2), 50, || {
        let slots: &'static Slots<Request, 1> = leak(Slots::new());
        let stale = slots.reserve().expect("vacant").ticket();
        let (doorbell, ready) = (Arc::new(AtomicU32::new(0)), Flag::new());
        let handler = {
            let (doorbell, ready) = (doorbell.clone(), ready.clone());
            thread::spawn(move || {
                let ticket = device(&doorbell, &ready);
                assert_eq!(slots.on_interrupt(stale).step(), Step::Idle);
                drop(slots.on_interrupt(Ticket::from_bits(ticket)));
            })
        };
        let vacancy = slots.reserve().expect("vacant");
        let ticket = vacancy.ticket().to_bits();
        let job = vacancy.start(Request { doorbell, ticket, ready });
        assert_eq!(block_on(job).result, Ok(ticket));
        handler.join().unwrap();
    });
}

/// One slot and its generation, which is stored before the doorbell is rung, or, as the flaw, after
/// it.
fn noted(before: bool) {
    let slot: &'static Slot<Request> = leak(Slot::new());
    let generation: &'static AtomicU32 = leak(AtomicU32::new(0));
    let (doorbell, ready) = (Arc::new(AtomicU32::new(0)), Flag::new());
    let handler = {
        let (doorbell, ready) = (doorbell.clone(), ready.clone());
        thread::spawn(move || {
            if device(&doorbell, &ready) == generation.load(Acquire) {
                drop(slot.on_interrupt());
            }
        })
    };
    if before {
        generation.store(1, Release);
    }
    let job = slot.start(Request { doorbell, ticket: 1, ready }).expect("idle");
    generation.store(1, Release);
    assert_eq!(block_on(job).result, Ok(1));
    handler.join().unwrap();
}

#[test]
fn a_generation_noted_after_the_doorbell_loses_an_end() {
    explores("generation before the doorbell", Some(2), 30, || noted(true));
    finds("generation after the doorbell", &[ASLEEP], || noted(false));
}

/// An operation that ends when it is cancelled, or at the first try if it is ready.
struct Tenant {
    ready: bool,
    cancelled: Arc<AtomicU32>,
}

impl Attempt for Tenant {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        let ended = self.ready || self.cancelled.load(Acquire) != 0;
        if ended { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Tenant {
    fn begin(&mut self) {}

    fn cancel(&mut self) {
        self.cancelled.store(1, Release);
    }
}

const WRONG: &str = "the next tenant was cancelled";

/// A cancel by ticket, against the end of that operation and the start of the next one on another
/// core.
fn cancelled(cancel: fn(&'static Slots<Tenant, 1>, Ticket)) {
    let slots: &'static Slots<Tenant, 1> = leak(Slots::new());
    let new = |ready| Tenant { ready, cancelled: Arc::new(AtomicU32::new(0)) };
    let vacancy = slots.reserve().expect("vacant");
    let ticket = vacancy.ticket();
    let first = vacancy.start(new(true));
    let other = thread::spawn(move || cancel(slots, ticket));
    drop(block_on(first));
    let tenant = new(false);
    let its = tenant.cancelled.clone();
    slots.reserve().expect("vacant again").start(tenant).detach();
    other.join().unwrap();
    assert_eq!(its.load(Acquire), 0, "{WRONG}");
}

#[test]
fn a_ticket_cancels_no_later_tenant() {
    explores("cancel by ticket", Some(3), 50, || {
        cancelled(|slots, ticket| _ = slots.cancel(ticket));
    });
    finds("a look at the ticket, then a cancel", &[WRONG], || {
        cancelled(|slots, ticket| {
            if slots.is_current(ticket) {
                // Cancels the operation that is in the slot by now, as a cancel by index would.
                for generation in 1..=2 {
                    _ = slots.cancel(Ticket::from_bits(generation << 16));
                }
            }
        });
    });
}
