//! Requests that fail, in every form, and the requests after them.

use board::{idle::Park, interrupts::without_interrupts};
use drivers::disk::{Blocking, Command, Disk, Error, SECTOR, Transfer};
use firmware::{
    measure::count::{Cost, Meter},
    report::{Kind, Report, Row},
    task::block_on,
};
use wouldblock::{block::Idle, job::Done, sync::Mutex};

use crate::{CHUNK, CHUNK_SECTORS, MEMORY, holds};

/// The chunk whose first sector the host's disk cannot read.
const BAD: u64 = 5;

/// A disk that cannot be written, and requests that no disk can serve.
pub fn read_only(disk: Disk, mut blocking: Blocking) -> Report<'static> {
    let meter = Meter::default();
    let ((), cost) = meter.measure(|| {
        let mut memory = MEMORY.take()[0].as_mut_slice();
        let last = disk.sectors() - CHUNK_SECTORS;
        let refused = [(last + 1, CHUNK, Error::OutOfRange), (u64::MAX, CHUNK, Error::OutOfRange)];
        let lengths = [(0, 0, Error::Length), (0, SECTOR - 1, Error::Length)];
        for (sector, length, error) in refused.into_iter().chain(lengths) {
            for command in [Command::Read, Command::Write] {
                let part = &mut memory[..length];
                assert_eq!(blocking.transfer(command, sector, part, Park), Err(error));
            }
        }
        let refused = disk.request(Command::Read, last + 1, memory).expect_err("past the end");
        assert_eq!((refused.error, refused.memory.len()), (Error::OutOfRange, CHUNK));
        memory = refused.memory;

        let written = blocking.transfer(Command::Write, 0, memory, meter.counting(Park));
        assert_eq!(written, Err(Error::ReadOnly));
        memory = in_the_background(disk, Command::Write, 0, memory, Error::ReadOnly);

        assert_eq!(blocking.transfer(Command::Read, last, memory, meter.counting(Park)), Ok(()));
        assert!(holds(memory, last / CHUNK_SECTORS));
    });
    row("a disk that cannot be written", "Error::ReadOnly", &cost)
}

/// A disk of which one chunk cannot be read.
pub fn faulty(disk: Disk, mut blocking: Blocking) -> Report<'static> {
    let [beside, memories @ ..] = MEMORY.take();
    let meter = Meter::default();
    let ((), cost) = meter.measure(|| {
        // Every other chunk: QEMU merges adjacent requests, and a merged request fails as a whole.
        let chunks = (1..16).step_by(2);
        let jobs: heapless::Vec<_, 8> = chunks
            .clone()
            .zip(memories)
            .map(|(chunk, memory)| {
                let request = disk.request(Command::Read, chunk * CHUNK_SECTORS, memory);
                disk.start(request.expect("in range")).expect("there is room")
            })
            .collect();
        for (chunk, job) in chunks.zip(jobs) {
            let done = job.wait(meter.counting(Park));
            let expected = if chunk == BAD { Err(Error::Device) } else { Ok(()) };
            assert_eq!(done.result, expected, "chunk {chunk}");
            assert!(chunk == BAD || holds(done.op.into_memory(), chunk));
        }
        let bad = BAD * CHUNK_SECTORS;
        let result = blocking.transfer(Command::Read, bad, beside, meter.counting(Park));
        assert_eq!(result, Err(Error::Device));
        let beside = in_the_background(disk, Command::Read, bad, beside, Error::Device);
        assert_eq!(blocking.transfer(Command::Read, 0, beside, meter.counting(Park)), Ok(()));
        assert!(holds(beside, 0));
    });
    row("a disk of which a part cannot be read", "Error::Device", &cost)
}

/// Makes the same request three times: waited for, awaited and with a callback. Each fails once,
/// with `error`, and returns its memory.
fn in_the_background(
    disk: Disk,
    command: Command,
    sector: u64,
    memory: &'static mut [u8],
    error: Error,
) -> &'static mut [u8] {
    static END: Mutex<Option<Done<Transfer>>> = Mutex::new(None);
    fn call_back(done: Done<Transfer>) {
        let before = END
            .try_lock()
            .expect("only the handler locks it while interrupts are enabled")
            .replace(done);
        assert!(before.is_none(), "once");
    }

    let length = memory.len();
    let fails = |done: Done<Transfer>| {
        assert_eq!(done.result, Err(error));
        let memory = done.op.into_memory();
        assert_eq!(memory.len(), length);
        disk.request(command, sector, memory).expect("in range")
    };
    let request = disk.request(command, sector, memory).expect("in range");
    let request = fails(disk.start(request).expect("there is room").wait(Park));
    let request = fails(block_on(disk.start(request).expect("there is room")));
    assert!(disk.start_with(request, call_back).is_ok(), "there is room");
    let end = loop {
        let end = without_interrupts(|| END.try_lock().expect("interrupts are masked").take());
        if let Some(end) = end {
            break end;
        }
        Park.idle(|| Disk::occupied() == 0);
    };
    assert_eq!(Disk::occupied(), 0);
    fails(end).into_memory()
}

fn row(row: &'static str, call: &'static str, cost: &Cost) -> Report<'static> {
    Report::Row(Row {
        row,
        kind: Kind::Asynchronous,
        call,
        holds: true,
        tries: 0,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "a typed error in every form, the memory back, and the next request is served",
    })
}
