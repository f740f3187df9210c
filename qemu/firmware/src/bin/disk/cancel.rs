//! A request in flight whose job is cancelled, dropped or forgotten: its memory comes back when the
//! device is done with it, and not before. The host throttles the disk (`throttling.iops-total`).

use board::idle::Park;
use drivers::disk::{Blocking, Command, Disk, in_flight};
use firmware::{
    measure::count::Meter,
    report::{Kind, Report, Row},
};
use wouldblock::block::Idle;

use crate::{CHUNK_SECTORS, MEMORY, holds};

pub fn run(disk: Disk, mut blocking: Blocking) -> Report<'static> {
    let [first, cancelled, dropped, forgotten, another, ..] = MEMORY.take();
    let read = |chunk: u64, memory| {
        let request = disk.request(Command::Read, chunk * CHUNK_SECTORS, memory);
        disk.start(request.expect("in range")).expect("there is room")
    };
    let meter = Meter::default();
    let (tries, cost) = meter.measure(|| {
        // The throttle lets the first request pass at once; each later one waits for 400 ms.
        assert_eq!(blocking.transfer(Command::Read, 0, first, meter.counting(Park)), Ok(()));

        let mut job = read(1, cancelled);
        job.cancel();
        assert!(job.attempt().is_err(), "the device is still working on it");
        assert_eq!((in_flight().0, Disk::occupied()), (1, 1));
        let done = job.wait(meter.counting(Park));
        assert_eq!(done.result, Ok(()), "this device does not stop");
        assert!(holds(done.op.into_memory(), 1), "all of the data has arrived");

        drop(read(2, dropped));
        assert_eq!((in_flight().0, Disk::occupied()), (1, 1), "the slot still owns the memory");
        while Disk::occupied() != 0 {
            meter.counting(Park).idle(|| Disk::occupied() == 0);
        }
        assert_eq!(in_flight().0, 0);

        core::mem::forget(read(3, forgotten));
        while in_flight().0 != 0 {
            meter.counting(Park).idle(|| in_flight().0 == 0);
        }
        assert_eq!(Disk::occupied(), 1, "only its own slot stays busy");

        let done = read(4, another).wait(meter.counting(Park));
        assert!(done.result == Ok(()) && holds(done.op.into_memory(), 4));
        5
    });
    Report::Row(Row {
        row: "disk requests cancelled, dropped and forgotten in flight",
        kind: Kind::Asynchronous,
        call: "job.cancel()",
        holds: true,
        tries,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "the memory came back when the device was done with it, and not before",
    })
}
