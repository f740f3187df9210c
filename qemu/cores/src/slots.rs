//! Requests in both directions: each core starts requests, which the other core completes by their
//! tickets.
//!
//! The other core plays the device: it polls a word, the doorbell, which `begin` rings. So the
//! other core often uses the ticket before the start has returned, and waits for the end of its
//! critical section.

use core::{
    convert::Infallible,
    hint::spin_loop,
    sync::atomic::{AtomicU64, Ordering},
};

use board::cores::Core;
use wouldblock::{
    attempt::Attempt,
    job::{Background, Done, Job, Slots, Step, Ticket},
};

use crate::both::{Count, count, meet, wait_until};

/// Requests that each core starts.
const ROUNDS: u64 = 50_000;
/// Slots: fewer than the two cores together could use.
const DEPTH: usize = 6;
/// The most requests that one core has in flight.
const OUTSTANDING: usize = 4;

static SLOTS: Slots<Request, DEPTH> = Slots::new();

/// A word that holds a ticket and [`RUNG`] once it is rung; otherwise 0.
type Bell = AtomicU64;
const RUNG: u64 = 1 << 32;

/// The doorbells of each core, by the index of the ticket.
static DOORBELLS: [[Bell; DEPTH]; 2] = [const { [const { Bell::new(0) }; DEPTH] }; 2];
/// The tickets that the device is done with, by their index.
static DONE: [Bell; DEPTH] = [const { Bell::new(0) }; DEPTH];

/// Requests completed by the core that did not start them.
static BY_THE_OTHER: Count = Count::new();
/// Requests completed by the core that started them.
static BY_ITSELF: Count = Count::new();
static CONTENDED: Count = Count::new();
static FULL: Count = Count::new();
/// Tickets that were used once more after their end.
static STALE: Count = Count::new();
/// Tickets that tried the next tenant: it was started after the ticket's generation was checked and
/// before the step.
static TRIED: Count = Count::new();

struct Request {
    ticket: Ticket,
    from: Core,
}

impl Attempt for Request {
    type Output = Core;
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<Core, Infallible> {
        let done = &DONE[self.ticket.index()];
        if done.load(Ordering::Acquire) == RUNG | u64::from(self.ticket.to_bits()) {
            Ok(Core::current())
        } else {
            Err(nb::Error::WouldBlock)
        }
    }
}

impl Background for Request {
    fn begin(&mut self) {
        let bell = &DOORBELLS[self.from.other() as usize][self.ticket.index()];
        bell.store(RUNG | u64::from(self.ticket.to_bits()), Ordering::Release);
    }

    fn cancel(&mut self) {}
}

/// The device and its handler, on this core: completes the requests whose doorbells were rung. Some
/// tickets are used twice, as by a device that reports an end twice.
fn serve(this: Core) {
    for (bell, done) in DOORBELLS[this as usize].iter().zip(&DONE) {
        let rung = bell.swap(0, Ordering::Acquire);
        if rung == 0 {
            continue;
        }
        done.store(rung, Ordering::Release);
        let ticket = Ticket::from_bits(rung as u32);
        match SLOTS.on_interrupt(ticket).step() {
            Step::Contended => CONTENDED.add(1),
            // Idle: the core that started the request has completed it meanwhile. Pending: it has,
            // and the slot has a new tenant, which was tried for nothing.
            Step::Done | Step::Idle => {}
            Step::Pending | Step::Again => TRIED.add(1),
        }
        if ticket.to_bits() >> 16 & 7 == 0 {
            STALE.add(1);
            if SLOTS.on_interrupt(ticket).step() == Step::Pending {
                TRIED.add(1);
            }
        }
    }
}

fn collect(this: Core, done: Done<Request>) {
    assert_eq!(done.op.from, this, "a core collects its own requests");
    let Ok(by) = done.result;
    if by == this { BY_ITSELF.add(1) } else { BY_THE_OTHER.add(1) }
}

fn run(this: Core) {
    let mut jobs: [Option<Job<Request>>; OUTSTANDING] = [const { None }; OUTSTANDING];
    let (mut started, mut ended) = (0, 0);
    meet();
    while ended < ROUNDS {
        spin_loop();
        serve(this);
        for place in &mut jobs {
            if let Some(job) = place {
                if let Ok(done) = job.attempt() {
                    collect(this, done);
                    ended += 1;
                    *place = None;
                }
            } else if started < ROUNDS {
                match SLOTS.reserve() {
                    Ok(vacancy) => {
                        let ticket = vacancy.ticket();
                        *place = Some(vacancy.start(Request { ticket, from: this }));
                        started += 1;
                    }
                    Err(_) => FULL.add(1),
                }
            }
        }
    }
    FINISHED.add(1);
    // The other core's requests are still to be served.
    wait_until(|| {
        serve(this);
        FINISHED.get() == 2
    });
    meet();
}

/// The number of cores whose requests have all ended.
static FINISHED: Count = Count::new();

/// Runs the first core's requests, then checks all counts.
pub fn first() {
    run(Core::First);
    assert_eq!(BY_THE_OTHER.get() + BY_ITSELF.get(), 2 * ROUNDS, "every request has one end");
    assert_eq!(SLOTS.occupied(), 0);
    count("requests", 2 * ROUNDS);
    count("completed by the other core", BY_THE_OTHER.get());
    count("completed by the core that started it", BY_ITSELF.get());
    count("contended", CONTENDED.get());
    count("refused because all slots had a tenant", FULL.get());
    count("stale tickets", STALE.get());
    count("tries for a late ticket", TRIED.get());
}

/// Runs the second core's requests.
pub fn second() {
    run(Core::Second);
}
