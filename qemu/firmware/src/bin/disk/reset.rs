//! A device that is reset with requests in flight: each request ends once, in the form in which it
//! was started, and returns its memory; requests after the reset are served.

use board::{board, counter::frequency, idle::Park};
use drivers::{
    disk::{Blocking, Command, DEPTH, Disk, Error, Transfer, in_flight},
    timer::{SLOT, Timer},
};
use firmware::{
    executor::Executor,
    measure::count::Meter,
    report::{Kind, Report, Row},
};
use portable_atomic::{AtomicU32, Ordering::Relaxed};
use wouldblock::{
    job::{Busy, Done, Job},
    sync::Mutex,
};

use crate::{CHUNK, CHUNK_SECTORS, MEMORY, holds};

/// Requests of each form: waited for, awaited, with a callback, dropped.
const EACH: usize = DEPTH / 4;

/// Requests that ended with their data.
static READ: AtomicU32 = AtomicU32::new(0);
/// Requests that the reset ended.
static RESET: AtomicU32 = AtomicU32::new(0);
/// Memory of requests that were called back.
static BACK: Mutex<heapless::Vec<&'static mut [u8], EACH>> = Mutex::new(heapless::Vec::new());

/// Counts how a request has ended, and returns its memory.
fn count(done: Done<Transfer>) -> &'static mut [u8] {
    let chunk = done.op.sector() / CHUNK_SECTORS;
    let result = done.result;
    let memory = done.op.into_memory();
    match result {
        Ok(()) => {
            assert!(holds(memory, chunk));
            READ.fetch_add(1, Relaxed);
        }
        Err(error) => {
            assert_eq!(error, Error::Reset);
            RESET.fetch_add(1, Relaxed);
        }
    }
    memory
}

fn call_back(done: Done<Transfer>) {
    let memory = count(done);
    let mut back = BACK.try_lock().expect("the foreground locks it only when all have ended");
    assert!(back.push(memory).is_ok(), "once each");
}

#[embassy_executor::task(pool_size = EACH)]
async fn awaiting(job: Job<Transfer>) {
    count(job.await);
}

/// The disk, for the handler that resets it.
static DISK: Mutex<Option<Disk>> = Mutex::new(None);

fn reset_by_handler() {
    let disk = DISK.try_lock().expect("only the handler locks it").expect("set before");
    assert_eq!(disk.reset(), Ok(()));
}

pub fn run(disk: Disk, mut blocking: Blocking) -> Report<'static> {
    *DISK.try_lock().expect("it is not locked") = Some(disk);
    let [beside, memories @ ..] = MEMORY.take();
    let mut memories = memories.iter_mut().map(|memory| memory.as_mut_slice());
    let mut executor = Executor::take();
    let meter = Meter::default();
    let read = |chunk: usize, memory: &'static mut [u8]| {
        disk.request(Command::Read, chunk as u64 * CHUNK_SECTORS, memory).expect("in range")
    };
    let mut ended = 0;
    let ((), cost) = meter.measure(|| {
        // The throttle lets the first request pass at once; the others wait, so the device has all
        // of them when it is reset. QEMU's device ends them before it reports that it has stopped.
        assert_eq!(blocking.transfer(Command::Read, 0, beside, Park), Ok(()));
        let jobs: [_; 4] = core::array::from_fn(|n| {
            let memory = memories.next().expect("memory for each");
            disk.start(read(n, memory)).expect("there is room")
        });
        assert_eq!(in_flight().0, 4);
        assert_eq!(disk.reset(), Ok(()));
        assert_eq!(in_flight().0, 0);
        let mut spare: heapless::Vec<_, DEPTH> =
            jobs.into_iter().map(|job| count(job.wait(meter.counting(Park)))).collect();
        assert_eq!(READ.swap(0, Relaxed) + RESET.swap(0, Relaxed), 4);
        spare.extend(memories.by_ref().take(DEPTH - 4));

        // Now a device that is cut off the bus, with 32 requests and a blocking one; the timer's
        // handler resets it.
        let function = [0x1001, 0x1042].iter().find_map(|&id| board().pci?.find(0x1af4, id));
        let function = function.expect("it was found before");
        function.cut_off();
        let mut requests = spare.into_iter().enumerate().map(|(chunk, memory)| read(chunk, memory));
        let mut start = || disk.start(requests.next().expect("memory for each"));
        let waited: [_; EACH] = core::array::from_fn(|_| start().expect("there is room"));
        for _ in 0..EACH {
            let job = start().expect("there is room");
            executor.spawner().spawn(awaiting(job).expect("the pool has room"));
        }
        executor.run_until(|| Some(()), Park); // Each task has left its waker.
        for _ in 0..EACH {
            drop(start().expect("there is room"));
        }
        for request in requests {
            assert!(disk.start_with(request, call_back).is_ok());
        }
        assert_eq!((in_flight().0, Disk::occupied()), (DEPTH, DEPTH));
        let timer = Timer::take().expect("once").after(frequency() / 100);
        assert!(SLOT.start_with(timer, |_| reset_by_handler()).is_ok());
        let result = blocking.transfer(Command::Read, 0, beside, meter.counting(Park));
        assert_eq!(result, Err(Error::Reset));
        function.enable();
        assert_eq!(in_flight().0, 0);
        assert_eq!(RESET.load(Relaxed), EACH as u32, "each callback was called once");
        let mut back: heapless::Vec<_, DEPTH> =
            core::mem::take(&mut *BACK.try_lock().expect("all have ended")).into_iter().collect();
        back.extend(waited.into_iter().map(|job| count(job.wait(Park))));
        executor.run_until(|| (RESET.load(Relaxed) == 3 * EACH as u32).then_some(()), Park);
        assert_eq!((READ.load(Relaxed), Disk::occupied()), (0, 0));
        ended = RESET.load(Relaxed) + EACH as u32 + 1;

        // A second reset does no harm, and nothing of the earlier requests is left after it.
        assert_eq!(disk.reset(), Ok(()));
        let mut jobs: heapless::Vec<Job<Transfer>, 2> = heapless::Vec::new();
        for (memory, chunk) in back.into_iter().zip([7, 9]) {
            memory.fill(0);
            assert_eq!(memory.len(), CHUNK);
            match disk.start(read(chunk, memory)) {
                Ok(job) => assert!(jobs.push(job).is_ok()),
                Err(Busy(_)) => panic!("there is room"),
            }
        }
        for job in jobs {
            count(job.wait(meter.counting(Park)));
        }
        assert_eq!(READ.load(Relaxed), 2);
        assert_eq!(blocking.transfer(Command::Read, 8, beside, meter.counting(Park)), Ok(()));
        assert!(holds(beside, 1));
    });
    Report::Row(Row {
        row: "disk requests in flight at a reset",
        kind: Kind::Asynchronous,
        call: "disk.reset()",
        holds: true,
        tries: ended.into(),
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "tries: requests that the reset ended, each once, with its memory back",
    })
}
