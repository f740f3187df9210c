//! Asynchronous: many reads at once from a virtio disk, by DMA.

use board::{idle::Park, interrupts::without_interrupts};
use drivers::disk::{Command, DEPTH, Disk, in_flight};
use firmware::{
    disk_image::{CHUNK, CHUNK_SECTORS, CHUNKS, holds},
    measure::record,
    report::Counts,
};
use static_cell::ConstStaticCell;

use crate::{
    lacking,
    tour::{Checks, Kind::Asynchronous, Row, Tour},
};

/// The chunk that the n-th read reads: spread over the disk, and out of order.
const fn chunk(n: usize) -> u64 {
    (n as u64 * 37 + 11) % CHUNKS
}

pub fn rows(tour: &Tour) {
    static MEMORY: ConstStaticCell<[[u8; CHUNK]; DEPTH]> =
        ConstStaticCell::new([[0; CHUNK]; DEPTH]);
    const READS: &str = "disk reads";
    let Some((disk, _)) = Disk::take() else {
        return lacking::disk::rows(tour);
    };
    let checks = Checks::new();
    let mut chunks = MEMORY.take().iter_mut().enumerate();
    let (ends, cost) = tour.meter.measure_for(Counts::COST, || {
        record::flight_of_begins(READS);
        // Interrupts are masked, so that no read ends before all are started.
        let jobs = without_interrupts(|| {
            let jobs = [(); DEPTH].map(|()| {
                let (n, memory) = chunks.next().expect("memory for each");
                let request = disk.request(Command::Read, chunk(n) * CHUNK_SECTORS, memory);
                disk.start(request.expect("the chunk is on the disk")).expect("there is room")
            });
            checks.equal("all were in flight", in_flight().0 as u64, DEPTH as u64);
            jobs
        });
        let ends = jobs.map(|job| job.wait(tour.meter.counting(Park)));
        record::flight_of_ends(READS);
        ends
    });
    for (n, done) in ends.into_iter().enumerate() {
        checks.expect("each read succeeded", done.result == Ok(()));
        checks.equal("from the sector requested", done.op.sector(), chunk(n) * CHUNK_SECTORS);
        checks
            .expect("the contents are what the host wrote", holds(done.op.into_memory(), chunk(n)));
    }
    checks.expect("the disk is idle", in_flight().0 == 0 && Disk::occupied() == 0);
    let row = Row {
        kind: Asynchronous,
        call: "disk.start(read)",
        row: lacking::disk::ROW,
        note: "tries = reads; 4 KiB each, compared with what the host wrote",
        tries: DEPTH as u64,
        cost,
        host_input: true,
    };
    tour.report(&row, &checks);
}
