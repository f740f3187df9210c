//! The rows of the serial ports.

use core::{fmt::Write, time::Duration};

use board::{
    alarm,
    counter::{clock, frequency, time},
    idle::Park,
    interrupts::without_interrupts,
    serial::Serial,
};
use drivers::buffer::Buffer;
use firmware::{
    measure::{
        count::{Cost, Counted, Tally},
        record,
    },
    report::{self, Counts, Report, Stream, Xorshift},
    serial::{COM1, COM2, Receiving},
};
use static_cell::ConstStaticCell;
use wouldblock::{
    attempt::Progress,
    block::{Spin, block},
    job::Job,
    sync::Mutex,
    time,
    uart16550::Receiver,
};

use crate::{
    nonblocking::{self, NOT_YET, handler_result, measured, set_result},
    tour::{
        Checks,
        Kind::{Asynchronous, Blocking},
        Row, Tour, in_handler,
    },
};

/// Lets both ports interrupt.
pub fn install() {
    COM1.install();
    COM2.install();
}

/// Checks that no operation runs on a port.
pub fn at_rest(checks: &Checks) {
    checks
        .expect("the serial ports' interrupts are disabled", COM1.enabled() | COM2.enabled() == 0);
    checks.expect("their slots are idle", COM1.receiving.is_idle() && COM2.receiving.is_idle());
}

/// Sends one byte, then formatted text.
pub fn print(tour: &Tour) {
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
pub fn bounded_recv(tour: &Tour) {
    let (mut receiver, _) = COM1.uart.split().expect("the port is free");
    let mut tally = Tally::take();
    let mut recv = tally.count(receiver.recv());
    let sleep = tour.meter.counting_until(Park, alarm::take());
    let start = time();
    let (end, cost) =
        tour.meter.measure(|| recv.block_for(sleep, clock(), Duration::from_millis(5)));
    let waited = time() - start;
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

pub fn try_recv(tour: &Tour) {
    static RECEIVER: Mutex<Option<Receiver<'static, Serial>>> = Mutex::new(None);
    fn in_the_handler() -> Option<u8> {
        let mut receiver = RECEIVER.try_lock().ok()?;
        receiver.as_mut()?.try_recv().ok()
    }

    let checks = Checks::new();
    COM1.uart.set_loopback(true);
    let (mut receiver, mut transmitter) = COM1.uart.split().expect("the port is free");
    let first = measured(tour, || receiver.try_recv());
    checks.expect("the foreground receives nothing", first.result == Err(nb::Error::WouldBlock));
    let Ok(mut shared) = block(RECEIVER.lock());
    *shared = Some(receiver);
    drop(shared);
    in_handler(|| set_result(in_the_handler().is_none()));
    checks.expect("a handler receives nothing", handler_result() == NOT_YET);

    for byte in [b'f', b'h'] {
        let Ok(_one) = transmitter.send(byte).block(Spin);
    }
    checks.expect("then the foreground receives a byte", in_the_handler() == Some(b'f'));
    in_handler(|| set_result(in_the_handler() != Some(b'h')));
    checks.expect("and a handler receives one", handler_result() != NOT_YET);
    let Ok(mut shared) = block(RECEIVER.lock());
    *shared = None;
    COM1.uart.set_loopback(false);
    nonblocking::report(
        tour,
        "try_recv()",
        "a try to receive on an empty line",
        "from the foreground and from a handler; each later succeeds",
        &first,
        &checks,
    );
}

/// An intermediate result: not done yet, and how far it got.
pub fn this_far(tour: &Tour) {
    let checks = Checks::new();
    COM1.uart.set_loopback(true);
    let (mut receiver, mut transmitter) = COM1.uart.split().expect("the port is free");
    let mut buffer = [0; 8];
    let mut read = receiver.read_exact(&mut buffer);
    let Ok(_) = transmitter.write_all(b"not").block(Spin);
    let first = measured(tour, || read.attempt());
    checks.expect("not yet", first.result == Err(nb::Error::WouldBlock));
    checks.equal("3 of 8 bytes have arrived", read.progress() as u64, 3);
    let Ok(_) = transmitter.write_all(b" yet!").block(Spin);
    checks.expect("a later try ends it", read.attempt() == Ok(8));
    drop(read);
    checks.expect("nothing is lost", &buffer == b"not yet!");
    COM1.uart.set_loopback(false);
    nonblocking::report(
        tour,
        "read_exact().attempt()",
        "a try to fill a buffer",
        "says that it is not done, and how far it got: 3 of 8 bytes",
        &first,
        &checks,
    );
}

/// 4 KiB from the host, received by the UART's interrupts while the foreground sleeps.
pub fn receive(tour: &Tour) {
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
pub fn start_costs_the_same(tour: &Tour) {
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
