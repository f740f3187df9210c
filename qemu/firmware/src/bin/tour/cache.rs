//! Asynchronous without an interrupt: a flush of the cache.

use core::hint::black_box;

use firmware::{
    measure::{count::Cost, record},
    report::Counts,
};
use static_cell::ConstStaticCell;
use wouldblock::{
    attempt::Progress,
    cache::{Cache, LINES_PER_STEP},
};

use crate::tour::{Checks, Kind::Asynchronous, Row, Tour};

/// Starts the flush of a range, does other work between its steps, then waits for the end: an
/// asynchronous operation without a callback.
pub fn flush(tour: &Tour) {
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
