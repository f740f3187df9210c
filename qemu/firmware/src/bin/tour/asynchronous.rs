//! Asynchronous: the work continues in the background after the call has returned.

use core::{
    hint::black_box,
    sync::atomic::{AtomicU32, Ordering},
};

use board::{edu::Direction, idle::Park, interrupts::without_interrupts};
use drivers::{buffer::Buffer, dma::Transfer};
use firmware::{
    dma::SLOT,
    measure::{
        count::{Cost, Counted},
        record,
    },
    report::{self, Counts, Report, Stream, Xorshift},
    serial::{COM1, COM2, Receiving},
};
use static_cell::ConstStaticCell;
use wouldblock::{
    attempt::Progress,
    block::Spin,
    cache::{Cache, LINES_PER_STEP},
    job::{Done, Job},
    sync::Mutex,
};

use crate::tour::{Checks, Engine, Kind::Asynchronous, NO_DMA, Row, Tour, sleep_until};

pub fn rows(tour: &mut Tour) {
    match tour.engine.take() {
        Some(engine) => {
            let engine = callback(tour, engine);
            let engine = polled(tour, engine);
            tour.engine = Some(awaited(tour, engine));
        }
        None => {
            tour.absent(Asynchronous, "a DMA transfer with a callback", NO_DMA);
            tour.absent(Asynchronous, "a DMA transfer, polled", NO_DMA);
            tour.absent(Asynchronous, "a DMA transfer, awaited", NO_DMA);
        }
    }
    receive(tour);
    start_costs_the_same(tour);
    flush(tour);
}

type Ended = Done<Counted<Transfer>>;

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

fn give_back(done: Ended) -> Engine {
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
    checks.expect("work was done meanwhile", work > 100);
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
fn awaited(tour: &mut Tour, Engine { dma, memory }: Engine) -> Engine {
    #[embassy_executor::task]
    async fn end_of(job: Job<Counted<Transfer>>) {
        put_end(job.await);
    }

    let checks = Checks::new();
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToDevice));
    let job = SLOT.start(transfer).expect("the slot is idle");
    let sleep = tour.meter.counting(Park);
    let executor = &mut tour.executor;
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

/// 4 KiB from the host, received by the UART's interrupts while the foreground sleeps.
fn receive(tour: &Tour) {
    const BYTES: usize = 4096;
    const SEED: u32 = 7;
    static MEMORY: ConstStaticCell<[u8; BYTES]> = ConstStaticCell::new([0; BYTES]);

    let checks = Checks::new();
    let (receiver, _) = COM1.uart.split().expect("the port is free");
    let op = Counted::new(receiver.into_read_exact(Buffer::new(MEMORY.take())));
    let sleep = tour.meter.counting(Park);
    let (done, cost) = tour.meter.measure(|| {
        let job = COM1.receiving.start(op).expect("the slot is idle");
        report::send(&Report::Want(Stream {
            port: report::Port::Com1,
            bytes: BYTES as u64,
            seed: SEED,
        }));
        job.wait(sleep)
    });
    checks.expect("no line error", done.result == Ok(BYTES));
    let tries = done.op.tries;
    let (_, buffer) = done.op.op.into_parts();
    let intact = buffer.as_ref().iter().copied().eq(Xorshift::new(SEED).bytes().take(BYTES));
    checks.expect("every byte is the one that the host sent", intact);
    checks.expect("many interrupts stepped it", cost.interrupts > 16);
    let row = Row {
        kind: Asynchronous,
        call: "start(read_exact)",
        row: "4 KiB from the host through the 16550, by interrupts",
        note: "compared byte by byte with what was asked for",
        tries,
        cost,
        host_input: true,
    };
    tour.report(&row, &checks);
}

/// A conclusion of the table: starting costs the same on a stuck device as on a ready one.
fn start_costs_the_same(tour: &Tour) {
    static MEMORY: ConstStaticCell<[u8; 8]> = ConstStaticCell::new([0; 8]);

    // Interrupts are masked, so that only the start is measured.
    #[inline(never)]
    fn start(tour: &Tour, counts: Counts, op: Receiving, then: fn()) -> (Job<Receiving>, Cost) {
        without_interrupts(|| {
            let (job, cost) = tour.meter.measure_for(counts, || COM2.receiving.start(op));
            then();
            (job.expect("the slot is idle"), cost)
        })
    }

    let checks = Checks::new();
    COM2.uart.set_loopback(true);
    let (receiver, mut transmitter) = COM2.uart.split().expect("the port is free");
    let op = receiver.into_read_exact(Buffer::new(MEMORY.take()));

    // A silent line: the operation would never end.
    let (mut job, silent) = start(tour, Counts::COST, Counted::new(op), || ());
    job.cancel();
    let done = job.wait(Park);
    checks.expect("cancelled, its result says how far it got", done.result == Ok(0));
    let (receiver, buffer) = done.op.op.into_parts();

    // A line on which all bytes have arrived already.
    let Ok(_) = transmitter.write_all(b"complete").block(Spin);
    let op = Counted::new(receiver.into_read_exact(buffer));
    let (job, ready) = start(tour, Counts::NOTHING, op, record::tries_begin);
    let done = job.wait(Park);
    record::section_ends();
    checks.expect("all bytes have arrived", done.result == Ok(8));
    let (stuck, ready) = (silent.instructions, ready.instructions);
    checks.equal("a stuck device costs what a ready one costs", stuck, ready);
    COM2.uart.set_loopback(false);
    let row = Row {
        kind: Asynchronous,
        call: "start(), cancel()",
        row: "a start on a silent line, and on one where all has come",
        note: "the same number of instructions; the silent one is cancelled",
        tries: done.op.tries,
        cost: silent,
        host_input: false,
    };
    tour.report(&row, &checks);
}

/// Starts the flush of a range, does other work between its steps, then waits for the end: an
/// asynchronous operation without a callback.
fn flush(tour: &Tour) {
    const LINES: usize = 256;
    const LINE: usize = 64;
    const FLUSH: &str = "cache flush";
    #[repr(align(64))]
    struct Lines([u8; LINE * LINES]);
    static MEMORY: ConstStaticCell<Lines> = ConstStaticCell::new(Lines([0; LINE * LINES]));

    let checks = Checks::new();
    let memory = MEMORY.take();
    memory.0.fill(7);
    let cache = Cache::get().expect("the CPU can flush its cache");
    checks.equal("a line is as long as CPUID says", cache.line() as u64, LINE as u64);
    let numbers = [1_u32; 256];
    let ((batch, steps, work), cost) = tour.meter.measure(|| {
        let mut batch = cache.batch();
        record::flight_of_begins(FLUSH);
        record::tried(|| batch.flush(&memory.0));
        let (mut steps, mut work) = (1, 0);
        loop {
            work += black_box(&numbers).iter().sum::<u32>();
            steps += 1;
            if !record::tried(|| batch.step()) {
                return (batch, steps, work);
            }
        }
    });
    let issued = batch.progress();
    let ((), end) = tour.meter.measure_for(Counts::INSTRUCTIONS, || batch.wait());
    record::flight_of_ends(FLUSH);
    let cost = Cost { instructions: cost.instructions + end.instructions, ..cost };
    checks.equal("every line was issued once", issued as u64, LINES as u64);
    checks.equal("in steps, with work between them", steps, (LINES / LINES_PER_STEP) as u64);
    checks.equal("the work was done", work.into(), 256 * (steps - 1));
    checks.expect("the contents are unharmed", memory.0.iter().all(|&byte| byte == 7));
    let row = Row {
        kind: Asynchronous,
        call: "batch.flush(), step(), wait()",
        row: "CLFLUSHOPT of 256 lines (a no-op in QEMU), other work, the fence",
        note: "QEMU runs a flush as a no-op: lines are counted here; which ones, the test `cache` sees where they trap",
        tries: steps,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
}
