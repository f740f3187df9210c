//! The rows of the DMA engine.

use core::{hint::black_box, time::Duration};

use board::{alarm, counter::clock, idle::Park};
use drivers::dma::{Direction, Dma, LONGEST, Transfer};
use firmware::{
    dma::{self, SLOT},
    executor::Executor,
    measure::{count::Counted, record},
    report::Counts,
};
use portable_atomic::{AtomicU32, Ordering};
use static_cell::ConstStaticCell;
use wouldblock::{
    block::Idle,
    job::{Done, Job, Step},
    sync::Mutex,
};

use crate::{
    lacking,
    nonblocking::{self, NOT_YET, handler_result, measured, set_result},
    tour::{
        Checks,
        Kind::{Asynchronous, Blocking},
        Row, Tour, in_handler, sleep_until,
    },
};

/// The DMA engine, with the memory that it transfers. A machine without PCI has none.
pub struct Engine {
    pub dma: Dma,
    pub memory: &'static mut [u8],
}

impl Engine {
    /// The engine, once.
    pub fn take() -> Option<Self> {
        static MEMORY: ConstStaticCell<[u8; LONGEST]> = ConstStaticCell::new([0; LONGEST]);

        dma::take().map(|dma| Self { dma, memory: MEMORY.take() })
    }
}

/// Checks that no transfer runs.
pub fn at_rest(checks: &Checks) {
    checks.expect("the DMA engine is idle", !Dma::is_busy() && dma::SLOT.is_idle());
}

pub fn blocking(tour: &mut Tour) {
    let Some(Engine { mut dma, memory }) = tour.engine.take() else {
        return lacking::dma::blocking(tour);
    };
    for (index, byte) in memory.iter_mut().enumerate() {
        *byte = index as u8 ^ (index >> 8) as u8;
    }

    // QEMU's device counts whole milliseconds. This one ends with one, so how long the next one takes
    // does not depend on the moment.
    dma::transfer(&mut dma, memory, Direction::ToDevice, Park);
    let (tries, cost) =
        tour.meter.measure(|| dma::transfer_spinning(&mut dma, memory, Direction::ToDevice));
    let checks = Checks::new();
    checks.expect("it was tried many times", tries > 1_000);
    checks.equal("no interrupt was needed", cost.interrupts, 0);
    let row = Row {
        kind: Blocking,
        call: "block(dma)",
        row: "a DMA transfer, retried in a loop",
        note: "memory to device, 4095 B; the device takes 100 ms",
        tries,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);

    let sent = checksum(memory);
    memory.fill(0);
    let park = tour.meter.counting(Park);
    let (tries, cost) =
        tour.meter.measure(|| dma::transfer(&mut dma, memory, Direction::ToMemory, park));
    let checks = Checks::new();
    checks.expect("the bytes came back from the device", checksum(memory) == sent);
    checks.equal("one interrupt", cost.interrupts, 1);
    checks.equal("asleep once", cost.asleep, 1);
    let row = Row {
        kind: Blocking,
        call: "dma.block(Park)",
        row: "a DMA transfer, asleep until its interrupt",
        note: "device to memory, into a borrowed buffer; bytes compared",
        tries,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);

    tour.engine = Some(bounded_wait(tour, Engine { dma, memory }));
}

fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum: u32, &byte| sum.rotate_left(5) ^ u32::from(byte))
}

/// After a bounded wait that times out, the caller keeps the job, which still runs and ends later.
fn bounded_wait(tour: &Tour, Engine { dma, memory }: Engine) -> Engine {
    let checks = Checks::new();
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToDevice));
    let mut job = SLOT.start(transfer).expect("the slot is idle");
    let sleep = tour.meter.counting_until(Park, alarm::take());
    let (end, cost) =
        tour.meter.measure(|| job.ended().block_for(sleep, clock(), Duration::from_millis(10)));
    let done = end.unwrap_or_else(|_| {
        checks.expect("the job is still running", !SLOT.is_idle() && Dma::is_busy());
        record::tries_of(|| job.wait(tour.meter.counting(Park)))
    });
    checks.expect("it was not over after 10 ms", done.op.tries > 1);
    let row = Row {
        kind: Blocking,
        call: "job.ended().block_for(10 ms)",
        row: "a bounded wait for a DMA job",
        note: "the job stays, still running; a later wait ends it",
        tries: done.op.tries,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
    let (dma, memory) = done.op.op.into_parts().expect("the transfer has ended");
    Engine { dma, memory }
}

pub fn nonblocking(tour: &mut Tour) {
    match tour.engine.take() {
        Some(engine) => tour.engine = Some(one_try_at_the_dma(tour, engine)),
        None => lacking::dma::nonblocking(tour),
    }
}

fn one_try_at_the_dma(tour: &Tour, Engine { dma, memory }: Engine) -> Engine {
    let checks = Checks::new();
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToDevice));
    let mut job = SLOT.start(transfer).expect("the slot is idle");
    let first = measured(tour, || job.attempt().is_err());
    checks.expect("not done at the foreground's try", first.result);
    in_handler(|| set_result(SLOT.on_interrupt().step() == Step::Pending));
    checks.expect("not done at a handler's try", handler_result() == NOT_YET);
    sleep_until(Park, || !Dma::is_busy());
    let done = job.attempt();
    checks.expect("later a try ends it", done.is_ok());
    let Ok(done) = done else { unreachable!("the transfer has ended") };
    checks.equal(
        "three tries: the foreground's, the handler's and the interrupt's",
        done.op.tries,
        3,
    );
    nonblocking::report(
        tour,
        "job.attempt()",
        "one try at a running DMA transfer",
        "from the foreground and from a handler; later one ends it",
        &first,
        &checks,
    );
    let (dma, memory) = done.op.op.into_parts().expect("the transfer has ended");
    Engine { dma, memory }
}

pub fn asynchronous(tour: &mut Tour) {
    match tour.engine.take() {
        Some(engine) => {
            let engine = callback(tour, engine);
            let engine = polled(tour, engine);
            tour.engine = Some(awaited(tour, engine));
        }
        None => lacking::dma::asynchronous(tour),
    }
}

/// A transfer that runs, and one that has ended.
pub type Running = Job<Counted<Transfer>>;
pub type Ended = Done<Counted<Transfer>>;

/// Starts a transfer to the device.
pub fn start(Engine { dma, memory }: Engine) -> Running {
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToDevice));
    SLOT.start(transfer).expect("the slot is idle")
}

pub fn wait(running: Running, idle: impl Idle) -> Ended {
    running.wait(idle)
}

pub fn tries(done: &Ended) -> u64 {
    done.op.tries
}

/// The ended transfer, passed from the background to the foreground.
static ENDED: Mutex<Option<Ended>> = Mutex::new(None);

fn ended() -> Option<Ended> {
    ENDED.try_lock().ok()?.take()
}

fn put_end(done: Ended) {
    if let Ok(mut ended) = ENDED.try_lock() {
        *ended = Some(done);
    }
}

pub fn give_back(done: Ended) -> Engine {
    let (dma, memory) = done.op.op.into_parts().expect("the transfer has ended");
    Engine { dma, memory }
}

/// Starts a transfer, which one interrupt ends and whose callback it calls. The instructions
/// measured are those of the start.
fn callback(tour: &Tour, Engine { dma, memory }: Engine) -> Engine {
    static CALLS: AtomicU32 = AtomicU32::new(0);

    let checks = Checks::new();
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToDevice));
    let before = board::interrupts::taken();
    let (started, mut cost) = tour.meter.measure_for(Counts::INSTRUCTIONS, || {
        SLOT.start_with(transfer, |done| {
            CALLS.fetch_add(1, Ordering::Relaxed);
            put_end(done);
        })
    });
    checks.expect("it was started", started.is_ok());
    checks.expect("and it is running", CALLS.load(Ordering::Relaxed) == 0 && !SLOT.is_idle());
    let (done, rest) = tour.meter.measure_for(Counts::REST, || {
        let sleep = tour.meter.counting(Park);
        sleep_until(sleep, || CALLS.load(Ordering::Relaxed) != 0);
        ended().expect("the callback has stored it")
    });
    checks.equal("one call of the callback", CALLS.load(Ordering::Relaxed).into(), 1);
    checks.equal("one interrupt", board::interrupts::taken() - before, 1);
    checks.expect("the slot is idle", SLOT.is_idle());
    (cost.interrupts, cost.asleep) = (rest.interrupts, rest.asleep);
    let row = Row {
        kind: Asynchronous,
        call: "start_with(dma, callback)",
        row: "a DMA transfer with a callback",
        note: "instructions of the start; ended and called back by one interrupt",
        tries: done.op.tries,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
    give_back(done)
}

/// Starts a transfer; the foreground computes, and polls the job between.
fn polled(tour: &Tour, Engine { dma, memory }: Engine) -> Engine {
    let checks = Checks::new();
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToMemory));
    let numbers = [3_u32; 4096];
    let mut work = 0_u64;
    let (done, cost) = tour.meter.measure(|| {
        let mut job = SLOT.start(transfer).expect("the slot is idle");
        loop {
            if let Ok(done) = job.attempt() {
                return done;
            }
            work += u64::from(black_box(&numbers).iter().sum::<u32>() == 3 * 4096);
        }
    });
    checks.expect("work was done meanwhile", work > 10);
    checks.expect("it ended without an error", done.result.is_ok());
    checks.equal("one interrupt", cost.interrupts, 1);
    let row = Row {
        kind: Asynchronous,
        call: "start(dma), job.attempt()",
        row: "a DMA transfer, polled",
        note: "without a callback; the foreground works between two looks",
        tries: done.op.tries,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
    give_back(done)
}

/// Starts a transfer; a task of embassy's executor is suspended until it has ended.
fn awaited(tour: &Tour, Engine { dma, memory }: Engine) -> Engine {
    #[embassy_executor::task]
    async fn end_of(job: Job<Counted<Transfer>>) {
        put_end(job.await);
    }

    let checks = Checks::new();
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToDevice));
    let job = SLOT.start(transfer).expect("the slot is idle");
    let sleep = tour.meter.counting(Park);
    let mut executor = Executor::take();
    let (done, cost) = tour.meter.measure(|| {
        executor.spawner().spawn(end_of(job).expect("the task is not running"));
        executor.run_until(ended, sleep)
    });
    checks.equal("one interrupt", cost.interrupts, 1);
    checks.equal("asleep once", cost.asleep, 1);
    let row = Row {
        kind: Asynchronous,
        call: "start(dma).await",
        row: "a DMA transfer, awaited under embassy-executor",
        note: "woken once, by the interrupt that ended it",
        tries: done.op.tries,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
    give_back(done)
}
