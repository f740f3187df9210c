//! 32 requests in flight, each in one of the forms: polled, waited for, awaited, with a callback;
//! and a blocking one at the same time.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use board::{idle::Park, interrupts::without_interrupts};
use drivers::disk::{Blocking, Command, DEPTH, Disk, Transfer, in_flight};
use firmware::{
    executor::Executor,
    measure::count::Meter,
    report::{Kind, Report, Row},
};
use wouldblock::job::{Busy, Done, Job};

use crate::{CHUNK_SECTORS, MEMORY, holds, pattern};

/// Requests of each form.
const EACH: usize = DEPTH / 4;
/// The salt of the pattern that the guest writes and the host expects.
const SALT: u32 = 0x5eed_0000;

/// The chunk of the n-th request: spread over the image, and out of order.
fn chunk(n: usize) -> u64 {
    (n as u64 * 37 + 11) % 256
}

/// Ends so far of requests that were awaited or have a callback.
static ENDS: AtomicU32 = AtomicU32::new(0);
/// Those of them that were right.
static RIGHT: AtomicU32 = AtomicU32::new(0);

fn count(right: bool) {
    RIGHT.fetch_add(u32::from(right), Relaxed);
    ENDS.fetch_add(1, Relaxed);
}

/// Whether a read has returned what the host wrote there.
fn is_right(done: Done<Transfer>) -> bool {
    let chunk = done.op.sector() / CHUNK_SECTORS;
    done.result == Ok(()) && holds(done.op.into_memory(), chunk)
}

#[embassy_executor::task(pool_size = EACH)]
async fn awaiting(job: Job<Transfer>) {
    count(is_right(job.await));
}

/// Reads 32 chunks at once, and a 33rd by the blocking form.
pub fn read(disk: Disk, mut blocking: Blocking) -> Report<'static> {
    let [beside, spare, memories @ ..] = MEMORY.take();
    let mut executor = Executor::take();
    let meter = Meter::default();
    let ((), cost) = meter.measure(|| {
        let mut memories = memories.iter_mut();
        let mut request = |n| {
            let memory = memories.next().expect("memory for every request");
            disk.request(Command::Read, chunk(n) * CHUNK_SECTORS, memory).expect("in range")
        };
        // Interrupts are masked, so none ends, and all are in flight.
        let mut jobs: heapless::Vec<Job<Transfer>, DEPTH> = heapless::Vec::new();
        without_interrupts(|| {
            for n in 0..3 * EACH {
                let job = disk.start(request(n)).expect("there is room");
                assert!(jobs.push(job).is_ok());
            }
            for n in 3 * EACH..DEPTH {
                let started = disk.start_with(request(n), |done| count(is_right(done)));
                assert!(started.is_ok());
            }
            assert_eq!(in_flight(), (DEPTH, DEPTH));
            let one_more = disk.request(Command::Read, 0, spare).expect("in range");
            let Err(Busy(one_more)) = disk.start(one_more) else { panic!("it is full") };
            assert_eq!(one_more.into_memory().len(), crate::CHUNK, "its memory comes back");
        });

        // The blocking form has room of its own.
        assert_eq!(blocking.transfer(Command::Read, 0, beside, meter.counting(Park)), Ok(()));
        assert!(holds(beside, 0));

        let mut jobs = jobs.into_iter();
        for mut job in jobs.by_ref().take(EACH) {
            let done = loop {
                if let Ok(done) = job.attempt() {
                    break done;
                }
            };
            assert!(is_right(done));
        }
        for job in jobs.by_ref().take(EACH) {
            assert!(is_right(job.wait(meter.counting(Park))));
        }
        for job in jobs {
            executor.spawner().spawn(awaiting(job).expect("the pool has room"));
        }
        let all = 2 * EACH as u32;
        executor.run_until(|| (ENDS.load(Relaxed) == all).then_some(()), meter.counting(Park));
        assert_eq!(RIGHT.load(Relaxed), all);
    });
    assert_eq!((in_flight().0, Disk::occupied()), (0, 0));
    Report::Row(Row {
        row: "32 disk requests in flight",
        kind: Kind::Asynchronous,
        call: "disk.start(request)",
        holds: true,
        tries: DEPTH as u64,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "a quarter each polled, waited for, awaited and called back; a blocking one beside them",
    })
}

/// Writes 32 chunks at once, and a 33rd by the blocking form; the host reads the image.
pub fn write(disk: Disk, mut blocking: Blocking) -> Report<'static> {
    let [beside, memories @ ..] = MEMORY.take();
    let fill = |memory: &mut [u8], chunk| {
        memory.iter_mut().zip(pattern(chunk, SALT)).for_each(|(byte, value)| *byte = value);
    };
    let meter = Meter::default();
    let ((), cost) = meter.measure(|| {
        let mut jobs: heapless::Vec<Job<Transfer>, DEPTH> = heapless::Vec::new();
        for (n, memory) in memories.iter_mut().take(DEPTH).enumerate() {
            fill(memory, chunk(n));
            let request = disk.request(Command::Write, chunk(n) * CHUNK_SECTORS, memory);
            let job = disk.start(request.expect("in range")).expect("there is room");
            assert!(jobs.push(job).is_ok());
        }
        fill(beside, 0);
        assert_eq!(blocking.transfer(Command::Write, 0, beside, meter.counting(Park)), Ok(()));
        for job in jobs {
            assert_eq!(job.wait(meter.counting(Park)).result, Ok(()));
        }
    });
    Report::Row(Row {
        row: "32 chunks written in the background",
        kind: Kind::Asynchronous,
        call: "disk.start(request)",
        holds: true,
        tries: DEPTH as u64,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "the host finds them in the image",
    })
}
