//! The one place that a device's operation runs in, and what is done with it.

use board::idle::Park;
use firmware::task::block_on;
use wouldblock::job::{Done, Job, Slot};

use crate::{
    counts::COUNTS,
    kept::{Home, Kept, Work},
    random::Random,
};

/// A slot, the operation that runs in it, and its job.
pub struct Endpoint<A: Work + 'static> {
    slot: &'static Slot<Kept<A>>,
    home: &'static Home<A>,
    job: Option<Job<Kept<A>>>,
    /// The next operation, from the last one.
    again: fn(A, &mut Random) -> A,
    /// Whether it ends without being helped.
    alone: bool,
}

impl<A: Work> Endpoint<A> {
    /// With its first operation.
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

    /// Does something: sets the operation going, or something with its job.
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
                assert!(self.slot.start_with(op, call_back).is_ok(), "it is idle");
            }
            2 => self.slot.start(op).expect("it is idle").detach(),
            3 => drop(self.slot.start(op).expect("it is idle")),
            _ => self.job = Some(self.slot.start(op).expect("it is idle")),
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

    /// The operation, unless it runs. An end that nobody wants is still in the slot.
    fn find(&mut self) -> Option<A> {
        self.home.take().or_else(|| {
            let nothing = self.slot.start(Kept::nothing(self.home)).ok()?;
            nothing.wait(Park);
            self.home.take()
        })
    }

    /// Whether nothing runs; nothing is started.
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
    done.op.put_home();
}

fn call_back<A: Work>(mut done: Done<Kept<A>>) {
    COUNTS.called_back.add();
    done.op.put_home();
}
