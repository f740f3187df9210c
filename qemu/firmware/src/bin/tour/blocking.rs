//! Blocking, synchronous: the foreground retries until the operation is done.

use core::{convert::Infallible, fmt::Write, hint::black_box, time::Duration};

use board::{
    alarm,
    counter::{clock, frequency, now},
    edu::Direction,
    idle::Park,
};
use drivers::dma::Dma;
use firmware::{
    dma::{self, SLOT},
    measure::{
        count::{Cost, Counted, Tally},
        record,
    },
    report::Counts,
    serial::COM1,
};
use wouldblock::{
    attempt,
    block::{Spin, block},
    time,
};

use crate::tour::{Checks, Engine, Kind::Blocking, NO_DMA, Row, Tour};

pub fn rows(tour: &mut Tour) {
    sum(tour);
    print(tour);
    bounded_recv(tour);
    let Some(Engine { mut dma, memory }) = tour.engine.take() else {
        tour.absent(Blocking, "a DMA transfer, retried in a loop", NO_DMA);
        tour.absent(Blocking, "a DMA transfer, asleep until its interrupt", NO_DMA);
        tour.absent(Blocking, "a bounded wait for a DMA job", NO_DMA);
        return;
    };
    for (index, byte) in memory.iter_mut().enumerate() {
        *byte = index as u8 ^ (index >> 8) as u8;
    }

    let (tries, cost) =
        tour.meter.measure(|| dma::transfer_spinning(&mut dma, memory, Direction::ToDevice));
    let checks = Checks::new();
    checks.expect("it was tried many times", tries > 1_000_000);
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

/// An operation that is ready costs what the plain call costs.
fn sum(tour: &Tour) {
    #[inline(never)]
    fn plain(numbers: &[u32]) -> u32 {
        numbers.iter().sum()
    }

    #[inline(never)]
    fn attempted(numbers: &[u32]) -> u32 {
        let Ok(sum) =
            block(attempt::from_fn(|| Ok::<u32, nb::Error<Infallible>>(numbers.iter().sum())));
        sum
    }

    // Both are measured at the same place, so that only the function called differs.
    #[inline(never)]
    fn cost(tour: &Tour, counts: Counts, sum: fn(&[u32]) -> u32, numbers: &[u32]) -> (u32, Cost) {
        tour.meter.measure_for(counts, || sum(numbers))
    }

    let numbers: [u32; 256] = core::array::from_fn(|n| n as u32);
    let (expected, plainly) = cost(tour, Counts::NOTHING, black_box(plain), &numbers);
    let (sum, cost) = cost(tour, Counts::COST, black_box(attempted), &numbers);
    let mut counted =
        Counted::new(attempt::from_fn(|| Ok::<u32, nb::Error<Infallible>>(numbers.iter().sum())));
    let checks = Checks::new();
    checks.expect("the sum is right", sum == expected && sum == 255 * 128);
    checks.expect(
        "and the same when its tries are counted",
        record::tries_of(|| block(&mut counted)) == Ok(sum),
    );
    checks.equal(
        "as an attempt it costs what the plain call costs",
        cost.instructions,
        plainly.instructions,
    );
    let row = Row {
        kind: Blocking,
        call: "sum()",
        row: "the sum of 256 numbers, as an attempt that is ready",
        note: "costs the same number of instructions as the plain call",
        tries: counted.tries,
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
}

/// Sends one byte, then formatted text.
fn print(tour: &Tour) {
    let (_, mut transmitter) = COM1.uart.split().expect("the port is free");
    let form = "blocking";
    let mut tally = Tally::take();
    let (text, cost) = tour.meter.measure(|| {
        let Ok(_one) = tally.count(transmitter.send(b'>')).block(Spin);
        record::try_closes();
        writeln!(transmitter, " sent by the {form} form of one try")
    });
    let Ok(()) = transmitter.flush().block(Spin);
    let checks = Checks::new();
    checks.expect("the text was formatted", text.is_ok());
    let row = Row {
        kind: Blocking,
        call: "send(), print",
        row: "a byte and a formatted line on the 16550",
        note: "handed over, then flushed: the transmitter is empty",
        tries: tally.tries(),
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
}

/// On a silent line a bounded wait ends at its deadline, and leaves nothing behind.
fn bounded_recv(tour: &Tour) {
    let (mut receiver, _) = COM1.uart.split().expect("the port is free");
    let mut tally = Tally::take();
    let mut recv = tally.count(receiver.recv());
    let sleep = tour.meter.counting_until(Park, alarm::take());
    let start = now();
    let (end, cost) =
        tour.meter.measure(|| recv.block_for(sleep, clock(), Duration::from_millis(5)));
    let waited = now() - start;
    drop(recv);
    let checks = Checks::new();
    checks.expect("nothing was received", end == Err(time::Error::TimedOut));
    checks.expect("it waited at least 5 ms", waited >= frequency() / 200);
    checks.expect("and less than 50 ms", waited < frequency() / 20);
    let row = Row {
        kind: Blocking,
        call: "recv().block_for(5 ms)",
        row: "a bounded receive on a silent line",
        note: "times out asleep, with a last try after the deadline",
        tries: tally.tries(),
        cost,
        host_input: false,
    };
    tour.report(&row, &checks);
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
