//! The disk: many requests in flight, in every form. Every sector begins and ends with its number,
//! so that a read can be checked; the disk is read-only, so that every write fails.
//!
//! # Invariant
//! **A buffer is in the pool, in a request in flight, in a job, or still in the slot of a request
//! that was given up, where nothing will use it again. When no slot is occupied any more, except by
//! forgotten jobs, every request that was given up has ended, and nothing uses its buffer.**

use core::{cell::RefCell, ptr::NonNull};

use board::idle::Park;
use critical_section::Mutex;
use drivers::disk::{Blocking, Command, Disk, Error, SECTOR, Transfer, in_flight};
use firmware::task::block_on;
use portable_atomic::{AtomicBool, Ordering::Relaxed};
use static_cell::ConstStaticCell;
use wouldblock::{
    block::Idle,
    job::{Busy, Done, Job},
};

use crate::{
    counts::{COUNTS, Flaw, How},
    random::Random,
};

/// Buffers: twice as many as there are slots.
const BUFFERS: usize = 64;
/// How many jobs may be forgotten; each leaves its slot busy forever.
const FORGET: u64 = 4;
/// Sectors that are read.
const SECTORS: u64 = 1024;

type Buffer = &'static mut [u8];

/// Buffers of requests that were called back.
static BACK: Mutex<RefCell<heapless::Vec<Buffer, BUFFERS>>> =
    Mutex::new(RefCell::new(heapless::Vec::new()));

/// A request whose job was detached or dropped, and its buffer.
struct GivenUp {
    memory: NonNull<[u8]>,
    command: Command,
    sector: u64,
}

/// The requests that are running, and the buffers for the next ones.
pub struct Queue {
    disk: Disk,
    /// Held so that nothing else uses the blocking form.
    _blocking: Blocking,
    jobs: heapless::Vec<Job<Transfer>, 32>,
    free: heapless::Vec<Buffer, BUFFERS>,
    given_up: heapless::Vec<GivenUp, BUFFERS>,
    flaw: Flaw,
}

impl Queue {
    /// Takes the disk. Returns `None` the second time, or if there is none.
    pub fn take(flaw: Flaw) -> Option<Self> {
        static MEMORY: ConstStaticCell<[[u8; SECTOR]; BUFFERS]> =
            ConstStaticCell::new([[0; SECTOR]; BUFFERS]);
        let (disk, blocking) = Disk::take()?;
        let free = MEMORY.take().iter_mut().map(|memory| memory.as_mut_slice()).collect();
        let (jobs, given_up) = (heapless::Vec::new(), heapless::Vec::new());
        Some(Self { disk, _blocking: blocking, jobs, free, given_up, flaw })
    }

    /// Starts a request, or does something at random with one that was started.
    pub fn act(&mut self, random: &mut Random) {
        if random.below(2) == 0 {
            self.start(random);
        } else if !self.jobs.is_empty() {
            let nth = random.below(self.jobs.len() as u64) as usize;
            let job = self.jobs.swap_remove(nth);
            self.act_on(job, random);
        }
    }

    fn start(&mut self, random: &mut Random) {
        if self.free.is_empty() {
            critical_section::with(|section| {
                core::mem::swap(&mut self.free, &mut BACK.borrow_ref_mut(section));
            });
        }
        let Some(memory) = self.free.pop() else { return self.drain() };
        memory.fill(0);
        let address = NonNull::from(&mut *memory);
        let command = if random.below(16) == 0 { Command::Write } else { Command::Read };
        let sector = random.below(SECTORS);
        let request = self.disk.request(command, sector, memory).expect("in range");
        let given_up = GivenUp { memory: address, command, sector };
        let form = random.below(8);
        let started = if form < 2 {
            let callback = if self.flaw == Flaw::Double { call_back_twice } else { call_back };
            self.disk.start_with(request, callback).map(|_| COUNTS.started_with.add())
        } else {
            self.disk.start(request).map(|job| match form {
                2 => self.give_up(given_up, || job.detach()),
                3 => self.give_up(given_up, || drop(job)),
                4 if COUNTS.forgotten.get() < FORGET => {
                    core::mem::forget(job);
                    COUNTS.forgotten.add();
                    COUNTS.end(given_up.how(None)); // `drain` checks that it has ended.
                }
                _ => assert!(self.jobs.push(job).is_ok(), "no more jobs than slots"),
            })
        };
        match started {
            Ok(()) => {
                COUNTS.started.add();
                COUNTS.lent.add();
            }
            Err(Busy(request)) => self.put_back(request.into_memory()),
        }
    }

    fn act_on(&mut self, mut job: Job<Transfer>, random: &mut Random) {
        match random.below(8) {
            0 => return self.collect(job.wait(Park)),
            1 => return self.collect(block_on(job)),
            2 => job.cancel(),
            _ => {}
        }
        match job.attempt() {
            Ok(done) => self.collect(done),
            Err(_) => assert!(self.jobs.push(job).is_ok(), "the job was one of them"),
        }
    }

    fn collect(&mut self, done: Done<Transfer>) {
        static LEAKED: AtomicBool = AtomicBool::new(false);

        COUNTS.collected.add();
        let memory = come_back(done);
        if self.flaw == Flaw::Leak && !LEAKED.swap(true, Relaxed) {
            return;
        }
        COUNTS.returned.add();
        self.put_back(memory);
    }

    fn put_back(&mut self, memory: Buffer) {
        assert!(self.free.push(memory).is_ok(), "a buffer came back twice");
    }

    /// Records the request, then detaches or drops its job with `release`.
    fn give_up(&mut self, request: GivenUp, release: impl FnOnce()) {
        assert!(self.given_up.push(request).is_ok(), "no more requests than buffers");
        release();
    }

    /// Waits until no request is in flight, and takes back the buffers of those that were given up.
    pub fn drain(&mut self) {
        while let Some(job) = self.jobs.pop() {
            self.collect(job.wait(Park));
        }
        let is_over = || Disk::occupied() as u64 == COUNTS.forgotten.get() && in_flight().0 == 0;
        while !is_over() {
            Park.idle(is_over);
        }
        while let Some(mut request) = self.given_up.pop() {
            // SAFETY: only the slots of forgotten jobs are occupied, so by the invariant nothing
            // uses this buffer, which came from a `&'static mut`.
            let memory = unsafe { request.memory.as_mut() };
            COUNTS.end(request.how(Some(memory)));
            COUNTS.given_up.add();
            COUNTS.returned.add();
            self.put_back(memory);
        }
        critical_section::with(|section| {
            while let Some(memory) = BACK.borrow_ref_mut(section).pop() {
                self.put_back(memory);
            }
        });
    }
}

impl GivenUp {
    /// How the request must have ended; checks `memory`, if given, for what a read must have read.
    fn how(&self, memory: Option<&[u8]>) -> How {
        match self.command {
            Command::Read => {
                assert!(memory.is_none_or(|memory| holds(memory, self.sector)));
                How::Completed
            }
            Command::Write => How::Failed,
        }
    }
}

/// Whether a buffer holds the contents of that sector.
fn holds(memory: &[u8], sector: u64) -> bool {
    let number = sector.to_le_bytes();
    memory.first_chunk() == Some(&number) && memory.last_chunk() == Some(&number)
}

/// Counts how a request has ended, and returns its buffer.
fn come_back(done: Done<Transfer>) -> Buffer {
    let Done { op, result } = done;
    let sector = op.sector();
    let memory = op.into_memory();
    COUNTS.end(match result {
        Ok(()) => {
            assert!(holds(memory, sector), "what was read is not what is on the disk");
            How::Completed
        }
        Err(error) => {
            assert_eq!(error, Error::ReadOnly);
            How::Failed
        }
    });
    memory
}

fn call_back(done: Done<Transfer>) {
    COUNTS.called_back.add();
    let memory = come_back(done);
    COUNTS.returned.add();
    critical_section::with(|section| {
        assert!(BACK.borrow_ref_mut(section).push(memory).is_ok(), "a buffer came back twice");
    });
}

/// As [`call_back`], but one end is counted twice.
fn call_back_twice(done: Done<Transfer>) {
    static DOUBLED: AtomicBool = AtomicBool::new(false);

    call_back(done);
    if !DOUBLED.swap(true, Relaxed) {
        COUNTS.called_back.add();
        COUNTS.end(How::Completed);
    }
}
