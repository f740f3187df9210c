//! Tickets: the device reports every end by its ticket, and reports it again when that ticket is
//! old.

use std::{
    cell::Cell,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
};

use wouldblock::{
    attempt::Attempt,
    block::Idle,
    job::{Background, Done, ReservedSlot, Slots, Step, Ticket},
    nb,
    testing::{Fault, Report, Sweep, boundary},
};

use crate::{
    caught, clean,
    device::{Device, Rig, Take},
    leak,
};

/// The bits that stand for no ticket.
const NONE: u32 = u32::MAX;

/// One slot, and the tickets that the device gives back: that of the request in flight, and that of
/// the request before it.
struct Queue {
    slots: &'static Slots<Take, 1>,
    current: AtomicU32,
    old: AtomicU32,
}

impl Queue {
    fn rig() -> Rig<Self> {
        let (current, old) = (AtomicU32::new(NONE), AtomicU32::new(NONE));
        Rig::new(Self { slots: leak(Slots::new()), current, old }, handler)
    }

    fn reserve(&self) -> ReservedSlot<Take> {
        let vacancy = self.slots.reserve().expect("it is vacant");
        self.tell(vacancy.ticket());
        vacancy
    }

    fn tell(&self, ticket: Ticket) {
        boundary();
        self.current.store(ticket.to_bits(), Relaxed);
    }

    /// The caller has collected the end of the request: its ticket is old now.
    fn end(&self) {
        boundary();
        self.old.store(self.current.load(Relaxed), Relaxed);
    }

    fn step(&self, ticket: &AtomicU32) -> Step {
        self.slots.on_interrupt(Ticket::from_bits(ticket.load(Relaxed))).step()
    }
}

thread_local! {
    /// Callbacks in this run. Handlers run on the thread that they interrupt.
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

fn call() {
    CALLS.set(CALLS.get() + 1);
}

fn handler(device: &'static Device, queue: &Queue) {
    device.enable(false);
    assert_eq!(queue.step(&queue.old), Step::Idle, "an old ticket steps nothing");
    queue.step(&queue.current);
}

#[test]
fn start_and_wait() {
    let report = Sweep::new("slots, start and wait").needs(2).run(Queue::rig, |rig, cpu| {
        for _ in 0..2 {
            let done = rig.driver.reserve().start(rig.take(1)).wait(cpu);
            rig.driver.end();
            assert_eq!(done.result, Ok(1));
        }
        rig.assert_disarmed();
        assert_eq!(rig.driver.slots.occupied(), 0);
    });
    clean(&report, 50);
}

#[test]
fn start_and_await() {
    let report = Sweep::new("slots, start and await").needs(2).run(Queue::rig, |rig, cpu| {
        for _ in 0..2 {
            let done = cpu.block_on(rig.driver.reserve().start(rig.take(1)));
            rig.driver.end();
            assert_eq!(done.result, Ok(1));
        }
        assert_eq!(rig.driver.slots.occupied(), 0);
    });
    clean(&report, 60);
}

#[test]
fn callback() {
    let report = Sweep::new("slots, callback").needs(2).run(Queue::rig, |rig, mut cpu| {
        CALLS.set(0);
        for n in 0..2 {
            rig.driver.reserve().start_with(rig.take(1), |done| {
                assert_eq!(done.result, Ok(1));
                call();
            });
            while CALLS.get() == n {
                Idle::idle(&mut cpu, || CALLS.get() != n);
            }
            rig.driver.end();
        }
        assert_eq!((CALLS.get(), rig.driver.slots.occupied()), (2, 0));
    });
    clean(&report, 30);
}

#[test]
fn full() {
    let report = Sweep::new("slots, full").needs(2).run(Queue::rig, |rig, mut cpu| {
        let Queue { slots, .. } = rig.driver;
        rig.driver.reserve().start(rig.take(1)).detach();
        let vacancy = loop {
            match slots.reserve() {
                Ok(vacancy) => break vacancy,
                Err(_) => Idle::idle(&mut cpu, || slots.occupied() == 0),
            }
        };
        rig.driver.end();
        rig.driver.tell(vacancy.ticket());
        assert_eq!(vacancy.start(rig.take(1)).wait(cpu).result, Ok(1));
        assert_eq!(slots.occupied(), 0);
    });
    clean(&report, 40);
}

#[test]
fn given_back() {
    let report = Sweep::new("slots, a vacancy given back").needs(1).run(Queue::rig, |rig, cpu| {
        drop(rig.driver.reserve());
        rig.driver.end();
        assert_eq!(rig.driver.slots.occupied(), 0);
        assert_eq!(rig.driver.reserve().start(rig.take(1)).wait(cpu).result, Ok(1));
    });
    clean(&report, 30);
}

fn panicked(report: &Report) -> u64 {
    let faults = report.failures().iter().map(|failure| &failure.fault);
    faults.filter(|fault| matches!(fault, Fault::Panicked(_))).count() as u64
}

/// The twin uses only the index of a ticket: it steps the operation in that slot, also if the
/// ticket is old.
#[test]
fn an_old_ticket_that_steps_is_found() {
    let by_index: fn(&'static Device, &Queue) = |device, queue| {
        device.enable(false);
        let old = Ticket::from_bits(queue.old.load(Relaxed));
        let current = Ticket::from_bits(queue.current.load(Relaxed));
        if old != current && old.index() == current.index() {
            let step = queue.step(&queue.current);
            if step != Step::Idle {
                std::panic::resume_unwind(Box::new("an old ticket has stepped")); // Prints nothing.
            }
        }
        queue.step(&queue.current);
    };
    let rig = move || Rig::new(Queue::rig().driver, by_index);
    let report = Sweep::new("twin: tickets by index").needs(2).run(rig, |rig, cpu| {
        for _ in 0..2 {
            let done = rig.driver.reserve().start(rig.take(1)).wait(cpu);
            rig.driver.end();
            assert_eq!(done.result, Ok(1));
        }
    });
    caught(&report, panicked);
}

/// The twin tells the device the ticket after the request has started.
#[test]
fn a_ticket_that_is_told_late_is_found() {
    let report = Sweep::new("twin: ticket told late").run(Queue::rig, |rig, mut cpu| {
        CALLS.set(0);
        let vacancy = rig.driver.slots.reserve().expect("it is vacant");
        let ticket = vacancy.start_with(rig.take(1), |_| call());
        rig.driver.tell(ticket);
        while CALLS.get() == 0 {
            Idle::idle(&mut cpu, || CALLS.get() != 0);
        }
    });
    caught(&report, Report::lost);
}

/// One slot. The callback of its first operation starts a second operation there.
struct Chain {
    slots: &'static Slots<Link, 1>,
    /// The ticket of the operation in the slot.
    current: AtomicU32,
    /// Whether the second operation was cancelled.
    second_cancelled: AtomicBool,
}

struct Link {
    device: &'static Device,
    chain: &'static Chain,
    is_second: bool,
    cancelled: bool,
}

impl Attempt for Link {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        if self.cancelled || self.device.take() { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }

    fn arm(&mut self) {
        self.device.enable(true);
    }
}

impl Background for Link {
    fn begin(&mut self) {
        self.device.enable(true);
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        self.chain.second_cancelled.fetch_or(self.is_second, Relaxed);
    }
}

fn start(device: &'static Device, chain: &'static Chain, is_second: bool) -> Ticket {
    let vacancy = chain.slots.reserve().expect("it is vacant");
    let ticket = vacancy.ticket();
    chain.current.store(ticket.to_bits(), Relaxed);
    vacancy.start_with(Link { device, chain, is_second, cancelled: false }, |done: Done<Link>| {
        if !done.op.is_second {
            start(done.op.device, done.op.chain, true);
        }
    })
}

/// Starts the first operation and cancels it by its ticket with `cancel`. Panics if that cancelled
/// the second operation.
fn cancelled_by(name: &str, cancel: fn(&Chain, Ticket)) -> Report {
    let rig = || {
        let (current, second_cancelled) = (AtomicU32::new(NONE), AtomicBool::new(false));
        let chain = leak(Chain { slots: leak(Slots::new()), current, second_cancelled });
        Rig::new(chain, |device, chain| {
            device.enable(false);
            _ = chain.slots.on_interrupt(Ticket::from_bits(chain.current.load(Relaxed)));
        })
    };
    Sweep::new(name).needs(0).run(rig, move |rig, cpu| {
        let ticket = start(rig.device, rig.driver, false);
        cpu.step();
        cancel(rig.driver, ticket);
        cpu.step();
        // Prints nothing: a twin must get here.
        if rig.driver.second_cancelled.load(Relaxed) {
            std::panic::resume_unwind(Box::new("the second operation was cancelled"));
        }
    })
}

/// At every boundary of the cancel, the first operation may end and the second may start.
#[test]
fn a_ticket_cancels_no_later_tenant() {
    let report = cancelled_by("slots, cancel", |chain, ticket| _ = chain.slots.cancel(ticket));
    clean(&report, 20);
}

/// The twin checks the ticket, and then cancels the operation that is in the slot by then.
#[test]
fn a_cancel_that_looks_first_is_found() {
    let report = cancelled_by("twin: a look, then a cancel", |chain, ticket| {
        if chain.slots.is_current(ticket) {
            boundary();
            _ = chain.slots.cancel(Ticket::from_bits(chain.current.load(Relaxed)));
        }
    });
    caught(&report, panicked);
}
