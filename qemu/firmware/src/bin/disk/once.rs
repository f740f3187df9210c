//! A disk can be taken only once, and a request ends only by its own end.

use board::{idle::Park, interrupts::without_interrupts};
use drivers::disk::{Blocking, Command, Disk, Error, in_flight};
use firmware::{
    measure::count::Meter,
    report::{Kind, Report, Row},
};
use wouldblock::{Attempt, block::Spin};

use crate::{CHUNK_SECTORS, MEMORY, holds};

pub fn run(disk: Disk, mut blocking: Blocking) -> Report<'static> {
    let [first, second, third, beside, ..] = MEMORY.take();
    let read = |chunk: u64, memory| {
        let request = disk.request(Command::Read, chunk * CHUNK_SECTORS, memory);
        disk.start(request.expect("in range")).expect("there is room")
    };
    let meter = Meter::default();
    let ((), cost) = meter.measure(|| {
        // Taken again with a request in flight: the device is not set up again under the request.
        let job = read(1, first);
        assert!(Disk::take().is_none(), "there is one");
        let done = job.wait(meter.counting(Park));
        assert_eq!(done.result, Ok(()));
        let mut op = done.op;

        // The next request uses the frame of the first one, and ends. The first one, tried again,
        // must not take that end: its result stays the same.
        let job = without_interrupts(|| {
            let job = read(2, second);
            while in_flight().0 != 0 {
                // Interrupts are masked, so the blocking form looks at the queue.
                assert_eq!(blocking.transfer(Command::Read, 0, beside, Spin), Ok(()));
            }
            assert_eq!([op.attempt(), op.attempt()], [Ok(()); 2]);
            job
        });
        let done = job.wait(meter.counting(Park));
        assert_eq!(done.result, Ok(()), "its end was not taken");
        assert!(holds(op.into_memory(), 1) && holds(done.op.into_memory(), 2));

        // The result stays the same also if the request failed.
        let job = without_interrupts(|| {
            let job = read(3, third);
            assert_eq!(disk.reset(), Ok(()));
            job
        });
        let mut done = job.wait(meter.counting(Park));
        let result = done.result.map_err(nb::Error::Other);
        assert!(matches!(done.result, Ok(()) | Err(Error::Reset)));
        assert_eq!([done.op.attempt(), done.op.attempt()], [result; 2]);
    });
    Report::Row(Row {
        row: "a disk taken twice, a request tried after its end",
        kind: Kind::NonBlocking,
        call: "request.attempt()",
        holds: true,
        tries: 3,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "nothing is set up anew, no end is taken from another request",
    })
}
