//! A queue of requests each way: what a core starts, the other one completes by its ticket.
//!
//! The device's doorbell is a word that the other core polls. It is rung in `begin`, so the other
//! core often comes with the ticket before the start is over, and waits for the end of its critical
//! section.

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
/// Fewer than the two could use.
const DEPTH: usize = 6;
/// What one core has in flight at most.
const OUTSTANDING: usize = 4;

static SLOTS: Slots<Request, DEPTH> = Slots::new();

/// A word that is rung with a ticket; 0 if it is not.
type Bell = AtomicU64;
const RUNG: u64 = 1 << 32;

/// Rung for the core of the index, by the index of the ticket.
static DOORBELLS: [[Bell; DEPTH]; 2] = [const { [const { Bell::new(0) }; DEPTH] }; 2];
/// Requests that the device is done with.
static DONE: [Bell; DEPTH] = [const { Bell::new(0) }; DEPTH];

/// Completed by the core that has not started them, and by the one that has.
static BY_THE_OTHER: Count = Count::new();
static BY_ITSELF: Count = Count::new();
static CONTENDED: Count = Count::new();
static FULL: Count = Count::new();
/// Tickets that came once more.
static STALE: Count = Count::new();
/// Tickets that caused a try of the next tenant, which moved in between the look at the generation
/// and the step.
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

/// The device and its handler, on this core: completes what was rung for it. Some tickets come once
/// more, as from a device that repeats itself.
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
            // Idle: who started it has looked in between. Pending: and the place has its next tenant
            // since, which had its try for nothing.
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
    assert_eq!(done.op.from, this, "to whom it belongs");
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
    // The other one's requests are still to be served.
    wait_until(|| {
        serve(this);
        FINISHED.get() == 2
    });
    meet();
}

/// Cores whose requests have all ended.
static FINISHED: Count = Count::new();

/// One way.
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

/// The other way.
pub fn second() {
    run(Core::Second);
}
