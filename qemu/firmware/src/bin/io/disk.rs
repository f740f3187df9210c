//! 4 KiB reads in the background. A read costs instructions in three parts: the start, the
//! interrupt that reports its end (from the vector to the return, including the board's
//! dispatcher), and collecting the job. Each case has a number of reads in flight, and an interrupt
//! for each end, which is the most expensive case.

use board::{
    counter::now,
    interrupts::{self, are_enabled, without_interrupts},
};
use drivers::disk::{Command, DEPTH, Disk, Transfer, in_flight};
use firmware::measure::{
    exact::{let_interrupts_in, span, steady},
    masked::longest,
};
use heapless::{Deque, Vec};
use static_cell::ConstStaticCell;
use wouldblock::job::Job;

use crate::{CHUNK, note, peer, report, report_host, report_window};

/// The reads stay within this many sectors of the image.
const SECTORS: u64 = 2048;
/// The time that a disk with 10,000 reads a second takes for one, in instructions of 1 ns.
const DEVICE_TIME: u64 = 100_000;
/// Reads of a run whose duration depends on the host.
const RUN: usize = 64;

/// Reads in flight, oldest first, and the memory for more.
struct Reads {
    disk: Disk,
    jobs: Deque<Job<Transfer>, DEPTH>,
    memory: Vec<&'static mut [u8], DEPTH>,
    sector: u64,
}

pub fn cases() {
    static MEMORY: ConstStaticCell<[[u8; CHUNK]; DEPTH]> =
        ConstStaticCell::new([[0; CHUNK]; DEPTH]);

    let peer = peer::cases();
    let (disk, _) = Disk::take().expect("there is a disk");
    let memory = MEMORY.take().iter_mut().map(|chunk| &mut chunk[..]).collect();
    let mut reads = Reads { disk, jobs: Deque::new(), memory, sector: 0 };
    board::interrupts::enable();
    reads.run(DEPTH, 4 * RUN); // After this the throttle of the disk is in effect.

    const DEPTHS: [(usize, [&str; 3]); 6] = [
        (1, ["disk_read_1", "disk_left_1", "disk_run_1"]),
        (2, ["disk_read_2", "disk_left_2", "disk_run_2"]),
        (4, ["disk_read_4", "disk_left_4", "disk_run_4"]),
        (8, ["disk_read_8", "disk_left_8", "disk_run_8"]),
        (16, ["disk_read_16", "disk_left_16", "disk_run_16"]),
        (32, ["disk_read_32", "disk_left_32", "disk_run_32"]),
    ];
    let costs = DEPTHS.map(|(depth, _)| without_interrupts(|| reads.cost(depth)));
    for ((_, [read, ..]), cost) in DEPTHS.into_iter().zip(costs) {
        let note =
            note!("start {}, interrupt {}, collect {}", cost.start, cost.interrupt, cost.collect);
        report(read, cost.total(), "read_blocks, its wait left out", peer, &note);
    }
    let [first, .., last] = costs.map(Cost::total);
    report("disk_read_32", last, "disk_read_1", first, "");
    for ((_, [_, left, _]), cost) in DEPTHS.into_iter().zip(costs) {
        let left_over = DEVICE_TIME.saturating_sub(cost.total());
        report(left, left_over, "of 100 us a read", DEVICE_TIME, "");
    }
    for ((depth, [.., run]), cost) in DEPTHS.into_iter().zip(costs) {
        reads.report_run(run, depth, cost.interrupt);
    }
    reads.window();
}

/// What a read costs, in instructions.
#[derive(Clone, Copy)]
struct Cost {
    start: u64,
    interrupt: u64,
    collect: u64,
}

impl Cost {
    const fn total(self) -> u64 {
        self.start + self.interrupt + self.collect
    }
}

impl Reads {
    /// Starts a read; returns the instructions that it took.
    fn start(&mut self) -> u64 {
        let memory = self.memory.pop().expect("memory for every read in flight");
        self.sector = (self.sector + (CHUNK / 512) as u64) % SECTORS;
        let mut job = None;
        let instructions = span(|| {
            let request = self.disk.request(Command::Read, self.sector, memory);
            job = request.ok().and_then(|request| self.disk.start(request).ok());
        });
        assert!(self.jobs.push_back(job.expect("there is room")).is_ok());
        instructions
    }

    /// Collects one read that has ended; returns the instructions that it took.
    fn collect(&mut self) -> Option<u64> {
        for _ in 0..self.jobs.len() {
            let mut job = self.jobs.pop_front()?;
            let mut memory = None;
            let instructions = span(|| {
                memory = job.attempt().ok().map(|done| (done.result, done.op.into_memory()));
            });
            match memory {
                Some((result, memory)) => {
                    assert_eq!(result, Ok(()));
                    assert!(self.memory.push(memory).is_ok());
                    return Some(instructions);
                }
                None => assert!(self.jobs.push_back(job).is_ok()),
            }
        }
        None
    }

    /// With interrupts masked: lets the next interrupt in. Returns the instructions that it took,
    /// if it was one interrupt that reported one end.
    fn interrupt(&self) -> Option<u64> {
        loop {
            let before = in_flight().0;
            let (taken, instructions) = let_interrupts_in();
            if taken > 0 {
                let ended = before - in_flight().0;
                return ((taken, ended) == (1, 1)).then_some(instructions);
            }
            core::hint::spin_loop();
        }
    }

    /// What a read costs with `depth` reads in flight. An interrupt that reports several ends is
    /// not counted: each read counted has an interrupt of its own.
    fn cost(&mut self, depth: usize) -> Cost {
        let mut cost = Cost { start: 0, interrupt: 0, collect: 0 };
        steady(|| {
            loop {
                self.drain_to(depth - 1);
                while self.jobs.len() + 1 < depth {
                    self.start();
                }
                cost.start = self.start();
                if let Some(interrupt) = self.interrupt()
                    && let Some(collect) = self.collect()
                {
                    (cost.interrupt, cost.collect) = (interrupt, collect);
                    return cost.total();
                }
            }
        });
        self.drain_to(0);
        cost
    }

    /// With interrupts masked: waits until at most `most` reads are in flight.
    fn drain_to(&mut self, most: usize) {
        while self.jobs.len() > most {
            let_interrupts_in();
            while self.collect().is_some() {}
            core::hint::spin_loop();
        }
    }

    /// Reports how much of the time of a run is left to a foreground that computes during it. The
    /// speed of the disk is the host's.
    fn report_run(&mut self, case: &str, depth: usize, interrupt: u64) {
        let begin = now();
        let (ours, interrupts) = self.run(depth, RUN);
        let all = now() - begin;
        let left = all - ours - interrupts * interrupt;
        report_host(case, left, "of the run", all, &note!("{RUN} reads, {interrupts} interrupts"));
    }

    /// Makes this many reads, with `depth` in flight, while the foreground computes. Returns the
    /// instructions that the foreground spent on the reads, and the number of interrupts.
    fn run(&mut self, depth: usize, reads: usize) -> (u64, u64) {
        assert!(are_enabled());
        let before = interrupts::taken();
        let (mut ours, mut seen, mut started, mut ended) = (0, before, 0, 0);
        let mut work = 0_u64;
        while ended < reads {
            if started < reads && self.jobs.len() < depth {
                ours += without_interrupts(|| self.start());
                started += 1;
                continue;
            }
            for n in 0..100 {
                work = core::hint::black_box(work.wrapping_add(n));
            }
            let now = interrupts::taken();
            if now != seen {
                seen = now;
                without_interrupts(|| {
                    ours += span(|| {
                        while self.collect().is_some() {
                            ended += 1;
                        }
                    });
                });
            }
        }
        (ours, interrupts::taken() - before)
    }

    /// Reports the longest time for which a start masks interrupts.
    fn window(&mut self) {
        report_window("virtio disk: a read started", longest(|| _ = self.start()));
        without_interrupts(|| self.drain_to(0));
    }
}
