//! The echo: receives a given number of bytes on the first port and sends each back, in one of four
//! forms. It waits until the transmitter is empty: bytes still in it would be lost when the machine
//! ends.

use board::{command_line::CommandLine, idle::Park, serial::Serial};
use drivers::buffer::Buffer;
use firmware::{
    executor::Executor,
    measure::{
        count::{Counted, Meter, Tally},
        record,
    },
    report::{self, Kind, Port, Report, Row, Stream},
    serial::{COM1, Receiving, Sending},
};
use static_cell::ConstStaticCell;
use wouldblock::{
    block::Spin,
    job::{Done, Job},
    sync::Mutex,
    uart16550::{LineError, Receiver, Transmitter},
};

type Rx = Receiver<'static, Serial>;
type Tx = Transmitter<'static, Serial>;

/// What an echo received, sent and tried.
#[derive(Clone, Copy, Default)]
struct Echoed {
    bytes: u64,
    overruns: u64,
    tries: u64,
}

impl Echoed {
    fn note(&mut self, error: LineError) {
        self.overruns += u64::from(error.overrun());
    }
}

struct Form {
    name: &'static str,
    kind: Kind,
    call: &'static str,
    run: fn(&Meter, Rx, Tx, u64) -> Echoed,
}

const FORMS: [Form; 4] = [
    Form { name: "blocking", kind: Kind::Blocking, call: "read().block(Park)", run: blocking },
    Form {
        name: "nonblocking",
        kind: Kind::NonBlocking,
        call: "read().attempt()",
        run: nonblocking,
    },
    Form { name: "async", kind: Kind::Asynchronous, call: "start(read_exact)", run: background },
    Form { name: "await", kind: Kind::Asynchronous, call: "read().await", run: awaited },
];

/// # Errors
/// What is missing on the command line.
pub fn run(line: CommandLine) -> Result<(), &'static str> {
    let form = FORMS.iter().find(|form| line.value("form") == Some(form.name));
    let form = form.ok_or("`form` is `blocking`, `nonblocking`, `async` or `await`")?;
    let length = line.value("len").and_then(|length| length.parse().ok());
    let length: u64 = length.ok_or("`len` is a number of bytes")?;

    let meter = Meter::default();
    let (receiver, transmitter) = COM1.uart.split().expect("the port is free");
    // Requested only now: bytes that arrive before the port is set up would be lost. The host sends
    // its file instead of the pseudo-random bytes of the seed.
    report::send(&Report::Want(Stream { port: Port::Com1, bytes: length, seed: 1 }));
    let (echoed, cost) = meter.measure(|| (form.run)(&meter, receiver, transmitter, length));
    let Echoed { bytes, overruns, tries } = echoed;
    record::send();
    report::send(&Report::Row(Row {
        row: "every byte from the host, and back",
        kind: form.kind,
        call: form.call,
        holds: bytes == length && overruns == 0,
        tries,
        interrupts: cost.interrupts,
        foreground_instructions: cost.instructions,
        asleep: cost.asleep,
        host_input: true,
        note: "compared by the host, byte by byte",
    }));
    report::send(&Report::Echoed(report::Echoed { bytes, overruns, dropped: length - bytes }));
    Ok(())
}

/// Retries until done, and sleeps between the tries.
fn blocking(meter: &Meter, mut rx: Rx, mut tx: Tx, length: u64) -> Echoed {
    let mut echoed = Echoed::default();
    let mut tally = Tally::take();
    let mut buffer = [0; 256];
    while echoed.bytes < length {
        let end = tally.count(rx.read(&mut buffer)).block(meter.counting(Park));
        record::try_closes();
        match end {
            Ok(count) => {
                let Ok(sent) = tx.write_all(&buffer[..count]).block(meter.counting(Park));
                echoed.bytes += sent as u64;
            }
            Err(error) => echoed.note(error),
        }
    }
    let Ok(()) = tx.flush().block(Spin);
    echoed.tries = tally.tries();
    echoed
}

/// One try to receive and one to send, in a loop that never waits. Bytes that are received but not
/// yet sent are kept for the next round.
fn nonblocking(_: &Meter, mut rx: Rx, mut tx: Tx, length: u64) -> Echoed {
    let mut echoed = Echoed::default();
    let mut buffer = [0; 256];
    let mut kept = 0..0;
    while echoed.bytes < length {
        if kept.is_empty() {
            echoed.tries += 1;
            match record::tried(|| rx.read(&mut buffer).attempt()) {
                Ok(count) => kept = 0..count,
                Err(nb::Error::Other(error)) => echoed.note(error),
                Err(nb::Error::WouldBlock) => {}
            }
        }
        if let Ok(count) = tx.write(&buffer[kept.clone()]).attempt() {
            kept.start += count;
            echoed.bytes += count as u64;
        }
    }
    let Ok(()) = tx.flush().block(Spin);
    echoed
}

/// Whole buffers in the background: while one is sent, the other is filled.
fn background(meter: &Meter, rx: Rx, tx: Tx, length: u64) -> Echoed {
    const BYTES: usize = 4096;
    static MEMORY: [ConstStaticCell<[u8; BYTES]>; 2] =
        [const { ConstStaticCell::new([0; BYTES]) }; 2];

    /// Starts to fill a buffer: whole, or with the bytes that are still to be received.
    fn fill(rx: Rx, buffer: Buffer, left: &mut u64) -> Job<Receiving> {
        let count = (*left).min(BYTES as u64);
        *left -= count;
        let op = rx.into_read_exact(buffer.truncated(count as usize));
        COM1.receiving.start(Counted::new(op)).expect("the slot is idle")
    }

    /// Waits until the buffer is full. A line error is counted, and the operation is started again
    /// where it stopped.
    fn filled(meter: &Meter, mut job: Job<Receiving>, echoed: &mut Echoed) -> (Rx, Buffer) {
        loop {
            let Done { op, result } = job.wait(meter.counting(Park));
            match result {
                Ok(_) => {
                    echoed.tries += op.tries;
                    return op.op.into_parts();
                }
                Err(error) => echoed.note(error),
            }
            job = COM1.receiving.start(op).expect("the slot is idle");
        }
    }

    let sent = |job: Job<Sending>, echoed: &mut Echoed| {
        let Done { op, result: Ok(count) } = job.wait(meter.counting(Park));
        echoed.bytes += count as u64;
        op.op.into_parts()
    };

    let mut echoed = Echoed::default();
    let mut left = length;
    let [first, second] = MEMORY.each_ref().map(|memory| Buffer::new(memory.take()));
    let mut filling = fill(rx, first, &mut left);
    let (mut tx, mut spare) = (tx, second);
    loop {
        let (rx, full) = filled(meter, filling, &mut echoed);
        let sending = COM1.sending.start(Counted::new(tx.into_write_all(full)));
        let sending = sending.expect("the slot is idle");
        if left == 0 {
            let Ok(()) = sent(sending, &mut echoed).0.flush().block(Spin);
            return echoed;
        }
        filling = fill(rx, spare, &mut left);
        (tx, spare) = sent(sending, &mut echoed);
    }
}

/// A task of embassy's executor awaits each read and each write.
fn awaited(meter: &Meter, rx: Rx, tx: Tx, length: u64) -> Echoed {
    static ECHOED: Mutex<Option<Echoed>> = Mutex::new(None);

    #[embassy_executor::task]
    async fn echo(mut rx: Rx, mut tx: Tx, length: u64) {
        let mut echoed = Echoed::default();
        let mut tally = Tally::take();
        let mut buffer = [0; 256];
        while echoed.bytes < length {
            let end = tally.count(rx.read(&mut buffer)).await;
            record::try_closes();
            match end {
                Ok(count) => {
                    let Ok(sent) = tx.write_all(&buffer[..count]).await;
                    echoed.bytes += sent as u64;
                }
                Err(error) => echoed.note(error),
            }
        }
        let Ok(()) = tx.flush().block(Spin); // The chip has no interrupt for an empty transmitter.
        echoed.tries = tally.tries();
        if let Ok(mut end) = ECHOED.try_lock() {
            *end = Some(echoed);
        }
    }

    let mut executor = Executor::take();
    executor.spawner().spawn(echo(rx, tx, length).expect("the task is not running"));
    executor.run_until(|| *ECHOED.try_lock().ok()?, meter.counting(Park))
}
