//! The first core starts jobs and ends them in different ways. The second core steps all the time,
//! and interrupts the first when a step was the end.

use core::{hint::spin_loop, sync::atomic::Ordering};

use board::{cores, idle::Park};
use wouldblock::{
    block::Spin,
    job::{Done, Slot, Step},
};

use super::{
    OVER, continues, is_over,
    work::{self, Cancelled, Work},
};
use crate::both::{self, Count, Random, count, meet};

static SLOT: Slot<Work> = Slot::new();

static CONTENDED: Count = Count::new();

/// How the jobs ended.
#[derive(Default)]
struct Ends {
    ended: u64,
    cancelled: u64,
    given_up: u64,
    /// Starts refused because the job before was given up and had not ended yet.
    refused: u64,
}

impl Ends {
    fn note(&mut self, done: Done<Work>) {
        match done.result {
            Ok(_) => self.ended += 1,
            Err(Cancelled) => self.cancelled += 1,
        }
    }

    fn end_one(&mut self, random: &mut Random) {
        let work = Work::new(1 + random.below(6)).expect("at most two buffers are in use");
        let Ok(mut job) = SLOT.start(work) else {
            self.refused += 1;
            return both::work(20); // The second core steps the last one to its end.
        };
        match random.below(6) {
            0 => self.note(job.wait(Spin)),
            1 => self.note(job.wait(Park)),
            2 => {
                job.cancel();
                self.note(job.wait(Park));
            }
            3 => {
                for _ in 0..random.below(4) {
                    if let Ok(done) = job.attempt() {
                        return self.note(done);
                    }
                }
                self.given_up += 1;
                drop(job);
            }
            4 => {
                self.given_up += 1;
                drop(job);
            }
            _ => {
                self.given_up += 1;
                job.detach();
            }
        }
    }
}

pub fn first() {
    work::fill();
    meet();
    let mut random = Random::new(0x5eed_0003);
    let mut ends = Ends::default();
    let mut rounds = 0;
    while continues(rounds, [CONTENDED.get(), ends.cancelled, ends.refused]) {
        ends.end_one(&mut random);
        rounds += 1;
    }
    OVER.store(true, Ordering::Release);
    meet();
    // One more job: its start drops the operation of a job that was given up, if one is left.
    while !SLOT.is_idle() {
        drop(SLOT.on_interrupt());
    }
    let work = Work::new(1).expect("at most two buffers are in use");
    let Ok(job) = SLOT.start(work) else { panic!("it is idle") };
    ends.note(job.wait(Spin));
    let Ends { ended, cancelled, given_up, refused } = ends;
    assert_eq!(ended + cancelled + given_up + refused, rounds + 1, "every job has one end");
    assert_eq!(work::MADE.get(), rounds + 1);
    work::account();
    count("rounds", rounds);
    count("ended", ended);
    count("cancelled", cancelled);
    count("given up", given_up);
    count("starts refused", refused);
    count("contended", CONTENDED.get());
}

pub fn second() {
    meet();
    while !is_over() {
        let stepped = SLOT.on_interrupt();
        let step = stepped.step();
        drop(stepped);
        match step {
            Step::Done => cores::interrupt_other(), // After the signal.
            Step::Contended => CONTENDED.add(1),
            Step::Idle | Step::Pending | Step::Again => {}
        }
        spin_loop();
    }
    meet();
}
