//! Non-blocking, synchronous: one try, in the foreground or in a handler, which may return "not
//! yet".

use firmware::measure::{count::Cost, record};
use portable_atomic::{AtomicBool, Ordering};
use wouldblock::{
    block::block,
    sync::{Channel, Mutex, Sender},
};

use crate::{
    dma, serial,
    tour::{Checks, Kind::NonBlocking, Row, Tour, in_handler},
};

pub const NOT_YET: bool = true;

pub fn rows(tour: &mut Tour) {
    serial::try_recv(tour);
    serial::this_far(tour);
    try_send(tour);
    try_lock(tour);
    dma::nonblocking(tour);
}

/// The result of the handler's one try: whether it was `NOT_YET`.
static HANDLER: AtomicBool = AtomicBool::new(false);

pub fn handler_result() -> bool {
    HANDLER.load(Ordering::Relaxed)
}

pub fn set_result(not_yet: bool) {
    HANDLER.store(not_yet, Ordering::Relaxed);
}

/// A try with its result and its cost.
pub struct Tried<T> {
    pub result: T,
    tries: u64,
    cost: Cost,
}

/// Calls `attempt` once, and returns its result and its cost.
pub fn measured<T>(tour: &Tour, mut attempt: impl FnMut() -> T) -> Tried<T> {
    let mut tries = 0;
    let (result, cost) = tour.meter.measure(|| {
        tries += 1;
        record::tried(&mut attempt)
    });
    Tried { result, tries, cost }
}

/// Reports a row. The figures are those of the first try, in the foreground; the checks cover the
/// later tries, too.
pub fn report<T>(
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
