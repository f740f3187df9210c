//! A device with one slot: starts its operation again and again, and does something at random with
//! each job.

use board::idle::Park;
use firmware::task::block_on;
use wouldblock::job::{Done, Job, Slot};

#[cfg(not(device = "disk"))]
use crate::counts::Flaw;
use crate::{
    counts::COUNTS,
    kept::{Home, Kept, Work},
    random::Random,
};

/// A slot, the place of its operation while it does not run, and its job while it does.
pub struct Endpoint<A: Work + 'static> {
    slot: &'static Slot<Kept<A>>,
    home: &'static Home<A>,
    job: Option<Job<Kept<A>>>,
    /// Makes the next operation from the last one.
    again: fn(A, &mut Random) -> A,
    /// Whether the operation ends by itself.
    alone: bool,
}

impl<A: Work> Endpoint<A> {
    /// An endpoint with its first operation.
    pub fn new(
        slot: &'static Slot<Kept<A>>,
        home: &'static Home<A>,
        first: A,
        again: fn(A, &mut Random) -> A,
        alone: bool,
    ) -> Self {
        home.put(first);
        Self { slot, home, job: None, again, alone }
    }

    /// Starts the operation, or does something at random with its job.
    pub fn act(&mut self, random: &mut Random) {
        match self.job.take() {
            Some(job) => self.act_on(job, random),
            None => self.start(random),
        }
    }

    fn start(&mut self, random: &mut Random) {
        let Some(op) = self.find() else { return };
        let op = Kept::new((self.again)(op, random), self.home);
        match random.below(8) {
            0 | 1 => {
                COUNTS.started_with.add();
                assert!(self.slot.start_with(op, call_back).is_ok(), "the slot is idle");
            }
            2 => self.slot.start(op).expect("the slot is idle").detach(),
            3 => drop(self.slot.start(op).expect("the slot is idle")),
            _ => self.job = Some(self.slot.start(op).expect("the slot is idle")),
        }
    }

    fn act_on(&mut self, mut job: Job<Kept<A>>, random: &mut Random) {
        match random.below(8) {
            0 => return drop(job),
            1 => return job.detach(),
            2 => job.cancel(),
            3 | 4 => {
                if !self.alone {
                    job.cancel();
                }
                return collect(job.wait(Park));
            }
            5 | 6 => {
                if !self.alone {
                    job.cancel();
                }
                return collect(block_on(job));
            }
            _ => {}
        }
        match job.attempt() {
            Ok(done) => collect(done),
            Err(_) => self.job = Some(job),
        }
    }

    /// The operation, unless it is running. After an end that was given up it is still in the slot;
    /// starting an empty operation there gets it back.
    fn find(&mut self) -> Option<A> {
        self.home.take().or_else(|| {
            let nothing = self.slot.start(Kept::nothing(self.home)).ok()?;
            nothing.wait(Park);
            self.home.take()
        })
    }

    /// Whether no operation runs. Cancels one that has a job; starts nothing.
    pub fn is_drained(&mut self) -> bool {
        if let Some(mut job) = self.job.take() {
            job.cancel();
            collect(job.wait(Park));
        }
        match self.find() {
            Some(op) => {
                self.home.put(op);
                true
            }
            None => false,
        }
    }
}

fn collect<A: Work>(mut done: Done<Kept<A>>) {
    COUNTS.collected.add();
    #[cfg(not(device = "disk"))]
    if planted::comes(Flaw::Leak) {
        return done.op.lose();
    }
    done.op.put_home();
}

fn call_back<A: Work>(mut done: Done<Kept<A>>) {
    COUNTS.called_back.add();
    #[cfg(not(device = "disk"))]
    if planted::comes(Flaw::Double) {
        COUNTS.called_back.add();
    }
    done.op.put_home();
}

/// The mistakes, where there is no disk to make them with.
#[cfg(not(device = "disk"))]
mod planted {
    use portable_atomic::{AtomicBool, Ordering::Relaxed};

    use crate::counts::Flaw;

    static LEAK: AtomicBool = AtomicBool::new(false);
    static DOUBLE: AtomicBool = AtomicBool::new(false);

    /// From here on this mistake is to come, once.
    pub fn make(flaw: Flaw) {
        LEAK.store(flaw == Flaw::Leak, Relaxed);
        DOUBLE.store(flaw == Flaw::Double, Relaxed);
    }

    /// Whether it comes now.
    pub fn comes(flaw: Flaw) -> bool {
        match flaw {
            Flaw::None => false,
            Flaw::Leak => LEAK.swap(false, Relaxed),
            Flaw::Double => DOUBLE.swap(false, Relaxed),
        }
    }
}
#[cfg(not(device = "disk"))]
pub use planted::make;
