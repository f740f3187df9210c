//! Concurrency without parallelism: the lifetimes of several jobs overlap on one core, and two
//! handlers never run at the same time.

use board::{
    alarm::{periodic, stop},
    counter::time,
    idle::Park,
    interrupts::{self, Line},
    serial::Serial,
};
use drivers::buffer::Buffer;
use firmware::wide::AtomicU64;
use firmware::{
    measure::count::Counted,
    serial::{COM1, COM2, Port},
};
use portable_atomic::Ordering;
use static_cell::ConstStaticCell;
use wouldblock::{block::block, sync::Mutex, uart16550::Transmitter};

use crate::{
    dma,
    tour::{Checks, Kind::Concurrency, Row, Tour},
};

const BYTES: usize = 512;
/// Bytes that the timer's handler sends on each port at every tick of 1 ms.
const BYTES_PER_TICK: usize = 8;

/// The two ports on which the timer's handler sends, and how many bytes each has sent.
struct Feed {
    transmitters: [Transmitter<'static, Serial>; 2],
    sent: usize,
}

static FEED: Mutex<Option<Feed>> = Mutex::new(None);
/// The time at which the timer's handler sent the last bytes.
static LAST_TICK: AtomicU64 = AtomicU64::new(0);

const fn byte(index: usize) -> u8 {
    (index % 251) as u8
}

fn on_timer(line: Line) {
    if let Ok(mut feed) = FEED.try_lock()
        && let Some(Feed { transmitters, sent }) = feed.as_mut()
    {
        for index in *sent..(*sent + BYTES_PER_TICK).min(BYTES) {
            for transmitter in transmitters.iter_mut() {
                // In loopback the transmitter is always empty. The checks below would find a byte
                // that was not accepted.
                let _not_accepted = transmitter.try_send(byte(index));
            }
        }
        *sent += BYTES_PER_TICK;
        if *sent >= BYTES {
            LAST_TICK.store(time(), Ordering::Relaxed);
            stop();
        }
    }
    line.acknowledge();
}

pub fn rows(tour: &mut Tour) {
    static MEMORY: [ConstStaticCell<[u8; BYTES]>; 2] =
        [const { ConstStaticCell::new([0; BYTES]) }; 2];

    let checks = Checks::new();
    let ports: [&'static Port; 2] = [&COM1, &COM2];
    let (receivers, transmitters) = {
        let [one, two] = ports.map(|port| {
            port.uart.set_loopback(true);
            port.uart.split().expect("the port is free")
        });
        ([one.0, two.0], [one.1, two.1])
    };
    let Ok(mut feed) = block(FEED.lock());
    *feed = Some(Feed { transmitters, sent: 0 });
    drop(feed);
    Line::Timer.set_handler(on_timer);
    Line::Timer.enable();

    let mut buffers = MEMORY.iter().map(|memory| Buffer::new(memory.take()));
    let operations = receivers
        .map(|receiver| buffers.next().map(|buffer| receiver.into_read_exact(buffer)))
        .map(|op| Counted::new(op.expect("a buffer for each port")));
    let engine = tour.engine.take();
    let before = [COM1.line(), COM2.line(), Line::Timer].map(Line::taken);
    let sleep = || tour.meter.counting(Park);
    let ((ended, engine), cost) = tour.meter.measure(|| {
        let dma = engine.map(dma::start);
        let [one, two] = operations;
        let one = COM1.receiving.start(one).expect("the slot is idle");
        let two = COM2.receiving.start(two).expect("the slot is idle");
        periodic(board::alarm::ticks_per_second() / 1000);
        let all_started = time();
        let ended = [one.wait(sleep()), two.wait(sleep())];
        let engine = dma.map(|running| dma::wait(running, sleep()));
        checks.expect(
            "all ran at once: each had started before the first ended",
            all_started < LAST_TICK.load(Ordering::Relaxed),
        );
        (ended, engine)
    });
    let mut tries = 0;
    for done in ended {
        checks.expect("every byte has arrived", done.result == Ok(BYTES));
        tries += done.op.tries;
        let (_, buffer) = done.op.op.into_parts();
        let intact = buffer.as_ref().iter().enumerate().all(|(index, &b)| b == byte(index));
        checks.expect("each byte is the one that was sent", intact);
    }
    tour.engine = engine.map(|done| {
        tries += dma::tries(&done);
        dma::give_back(done)
    });
    let taken = [COM1.line(), COM2.line(), Line::Timer].map(Line::taken);
    checks.expect(
        "each device interrupted",
        taken.iter().zip(before).all(|(&now, before)| now > before),
    );
    checks.equal("two handlers never run at the same time", interrupts::deepest(), 1);
    let Ok(mut feed) = block(FEED.lock());
    *feed = None;
    for port in ports {
        port.uart.set_loopback(false);
    }
    let row = Row {
        kind: Concurrency,
        call: "two UARTs, DMA, timer",
        row: "four devices at once on one core",
        note: "lifetimes overlap; handlers never do",
        tries,
        cost,
        // Elsewhere about one run in ten differs by a few instructions: presumably devices whose ticks are no
        // whole number of instructions, so that where in a tick the row begins decides which is first.
        host_input: !cfg!(target_arch = "x86_64"),
    };
    tour.report(&row, &checks);
}
