//! Non-blocking, synchronous: one try, in the foreground or in a handler, which may return "not
//! yet".

use core::sync::atomic::{AtomicBool, Ordering};

use board::{edu::Direction, idle::Park, serial::Serial};
use drivers::dma::Dma;
use firmware::{
    dma::SLOT,
    measure::{
        count::{Cost, Counted},
        record,
    },
    serial::COM1,
};
use wouldblock::{
    attempt::Progress,
    block::{Spin, block},
    job::Step,
    sync::{Channel, Mutex, Sender},
    uart16550::Receiver,
};

use crate::tour::{Checks, Engine, Kind::NonBlocking, NO_DMA, Row, Tour, in_handler, sleep_until};

const NOT_YET: bool = true;

pub fn rows(tour: &mut Tour) {
    try_recv(tour);
    this_far(tour);
    try_send(tour);
    try_lock(tour);
    match tour.engine.take() {
        Some(engine) => tour.engine = Some(one_try_at_the_dma(tour, engine)),
        None => tour.absent(NonBlocking, "one try at a running DMA transfer", NO_DMA),
    }
}

/// The result of the handler's one try: whether it was `NOT_YET`.
static HANDLER: AtomicBool = AtomicBool::new(false);

fn handler_result() -> bool {
    HANDLER.load(Ordering::Relaxed)
}

fn set_result(not_yet: bool) {
    HANDLER.store(not_yet, Ordering::Relaxed);
}

/// A try with its result and its cost.
struct Tried<T> {
    result: T,
    tries: u64,
    cost: Cost,
}

/// Calls `attempt` once, and returns its result and its cost.
fn measured<T>(tour: &Tour, mut attempt: impl FnMut() -> T) -> Tried<T> {
    let mut tries = 0;
    let (result, cost) = tour.meter.measure(|| {
        tries += 1;
        record::tried(&mut attempt)
    });
    Tried { result, tries, cost }
}

/// Reports a row. The figures are those of the first try, in the foreground; the checks cover the
/// later tries, too.
fn report<T>(
    tour: &Tour,
    call: &'static str,
    row: &'static str,
    note: &'static str,
    Tried { tries, cost, .. }: &Tried<T>,
    checks: &Checks,
) {
    let (tries, cost) = (*tries, *cost);
    tour.report(
        &Row { kind: NonBlocking, call, row, note, tries, cost, host_input: false },
        checks,
    );
}

fn try_recv(tour: &Tour) {
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
    report(
        tour,
        "try_recv()",
        "a try to receive on an empty line",
        "from the foreground and from a handler; each later succeeds",
        &first,
        &checks,
    );
}

/// An intermediate result: not done yet, and how far it got.
fn this_far(tour: &Tour) {
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
    report(
        tour,
        "read_exact().attempt()",
        "a try to fill a buffer",
        "says that it is not done, and how far it got: 3 of 8 bytes",
        &first,
        &checks,
    );
}

fn try_send(tour: &Tour) {
    static CHANNEL: Channel<u8, 3> = Channel::new();
    static SENDER: Mutex<Option<Sender<'static, u8>>> = Mutex::new(None);
    fn in_the_handler(value: u8) -> Result<(), u8> {
        let mut sender = SENDER.try_lock().map_err(|_| value)?;
        sender.as_mut().ok_or(value)?.try_send(value)
    }

    let checks = Checks::new();
    let (mut sender, mut receiver) = CHANNEL.split().expect("both ends");
    checks
        .expect("there is room for two", sender.try_send(1).is_ok() && sender.try_send(2).is_ok());
    let full = measured(tour, || sender.try_send(3));
    checks.expect("the foreground gets the value back", full.result == Err(3));
    let Ok(mut shared) = block(SENDER.lock());
    *shared = Some(sender);
    drop(shared);
    in_handler(|| set_result(in_the_handler(4) == Err(4)));
    checks.expect("and a handler gets it back", handler_result() == NOT_YET);

    checks.expect(
        "then there is room again",
        receiver.try_recv() == Ok(1) && receiver.try_recv() == Ok(2),
    );
    checks.expect("then the foreground can send", in_the_handler(3) == Ok(()));
    in_handler(|| set_result(in_the_handler(4).is_err()));
    checks.expect("and a handler can send", handler_result() != NOT_YET);
    checks.expect(
        "the values arrive in order",
        receiver.try_recv() == Ok(3) && receiver.try_recv() == Ok(4),
    );
    report(
        tour,
        "try_send()",
        "a try to send into a full channel",
        "the value comes back; from the foreground and from a handler, each later succeeds",
        &full,
        &checks,
    );
}

fn try_lock(tour: &Tour) {
    static MUTEX: Mutex<u32> = Mutex::new(0);
    fn in_the_handler() {
        set_result(MUTEX.try_lock().map(|mut value| *value += 1).is_err());
    }

    let checks = Checks::new();
    let Ok(guard) = block(MUTEX.lock());
    let held = measured(tour, || MUTEX.try_lock().is_err());
    checks.expect("the foreground finds it locked", held.result);
    in_handler(in_the_handler);
    checks.expect("a handler finds it locked", handler_result() == NOT_YET);
    drop(guard);
    in_handler(in_the_handler);
    checks.expect("then a handler locks it", handler_result() != NOT_YET);
    checks.expect("and so does the foreground", MUTEX.try_lock().is_ok_and(|value| *value == 1));
    report(
        tour,
        "try_lock()",
        "a try to lock a mutex that is held",
        "from the foreground and from a handler; each later succeeds",
        &held,
        &checks,
    );
}

fn one_try_at_the_dma(tour: &Tour, Engine { dma, memory }: Engine) -> Engine {
    let checks = Checks::new();
    let transfer = Counted::new(dma.into_transfer(memory, Direction::ToDevice));
    let mut job = SLOT.start(transfer).expect("the slot is idle");
    let first = measured(tour, || job.attempt().is_err());
    checks.expect("not done at the foreground's try", first.result);
    in_handler(|| set_result(SLOT.on_interrupt().step() == Step::Pending));
    checks.expect("not done at a handler's try", handler_result() == NOT_YET);
    sleep_until(Park, || !Dma::is_busy());
    let done = job.attempt();
    checks.expect("later a try ends it", done.is_ok());
    let Ok(done) = done else { unreachable!("the transfer has ended") };
    checks.equal(
        "three tries: the foreground's, the handler's and the interrupt's",
        done.op.tries,
        3,
    );
    report(
        tour,
        "job.attempt()",
        "one try at a running DMA transfer",
        "from the foreground and from a handler; later one ends it",
        &first,
        &checks,
    );
    let (dma, memory) = done.op.op.into_parts().expect("the transfer has ended");
    Engine { dma, memory }
}
