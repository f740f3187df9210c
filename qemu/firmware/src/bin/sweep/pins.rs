//! Paths that wait for a pin. The event is what happens at the pin: it is a variable here, and the
//! timer's handler is the port's.
//!
//! What the pin is connected to is started by the path, after the call that makes an operation. An
//! event before that waits for the start.

use core::convert::Infallible;

use board::idle::Park;
use firmware::task::block_on;
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use wouldblock::{
    attempt::Attempt,
    digital::{Pin, PinInput, Port, Trigger},
    event::Event,
};

use crate::placement::{Path, events, insist, waits, waits_ended};

pub const PATHS: &[Path] = &[
    of_pulses("pin edge", asleep),
    of_pulses("pin edge, awaited", awaited),
    of_pulses("pin level for a moment", for_a_moment),
    Path::new("pin level", empty, change, levels),
];

pub const TWINS: &[Path] = &[
    of_pulses("pin edge, armed at the first poll", at_first_poll),
    Path::new("pin level, looks and listens", empty, rise, looks_and_listens),
];

const fn of_pulses(name: &'static str, run: fn()) -> Path {
    Path::new(name, empty, pulse, run)
}

static PORT: Port<1> = Port::new();
static HIGH: AtomicBool = AtomicBool::new(false);
static LISTENS: AtomicBool = AtomicBool::new(false);
static STARTED: AtomicBool = AtomicBool::new(false);
/// Pulses so far.
static PULSES: AtomicU32 = AtomicU32::new(0);
/// That of a twin, which uses no port.
static CHANGED: Event = Event::new();

struct Input;

impl PinInput for Input {
    fn is_high(&self) -> bool {
        HIGH.load(Relaxed)
    }

    fn listen(&mut self, _: Trigger) {
        LISTENS.store(true, Relaxed);
    }

    fn unlisten(&mut self) {
        LISTENS.store(false, Relaxed);
    }
}

fn pin() -> Pin<'static, Input> {
    PORT.pin(0, Input).expect("one at a time")
}

fn empty() {
    [&HIGH, &LISTENS, &STARTED].into_iter().for_each(|flag| flag.store(false, Relaxed));
    PULSES.store(0, Relaxed);
    PORT.raise(1);
    CHANGED.signal();
}

/// The pin goes high and low again, if the path has started what does that.
fn pulse() -> bool {
    if !STARTED.load(Relaxed) {
        return false;
    }
    PULSES.fetch_add(1, Relaxed);
    if LISTENS.load(Relaxed) {
        PORT.raise(1);
    }
    true
}

/// The pin changes its level, which lasts until the wait for it has ended.
fn change() -> bool {
    if waits_ended() + 1 < events() {
        return false;
    }
    HIGH.store(events() % 2 == 1, Relaxed);
    if LISTENS.load(Relaxed) {
        PORT.raise(1);
    }
    true
}

/// The pin is high from now on.
fn rise() -> bool {
    HIGH.store(true, Relaxed);
    if LISTENS.load(Relaxed) {
        CHANGED.signal();
    }
    true
}

/// Makes the waits of a path, each for one pulse. Several that come in one wait end one wait each.
fn pulses(mut wait: impl FnMut()) {
    let (mut seen, mut left) = (0, 0);
    waits(|| {
        if left == 0 {
            wait();
            let pulses = PULSES.load(Relaxed);
            insist(pulses > seen);
            left = pulses.saturating_sub(seen).max(1);
            seen = pulses;
        }
        left -= 1;
    });
}

fn start() {
    STARTED.store(true, Relaxed);
}

fn stop() {
    STARTED.store(false, Relaxed);
}

/// One operation, for both waits.
fn asleep() {
    let mut pin = pin();
    let mut edge = pin.edge(Trigger::Rising);
    start();
    pulses(|| {
        let Ok(()) = edge.block(Park);
    });
    stop();
}

/// An operation for each wait.
fn awaited() {
    let mut pin = pin();
    pulses(|| {
        let edge = pin.edge(Trigger::Rising);
        start();
        let Ok(()) = block_on(edge);
        stop();
    });
}

fn for_a_moment() {
    let mut pin = pin();
    pulses(|| {
        let mut high = pin.high();
        start();
        let Ok(()) = high.block(Park);
        stop();
    });
}

fn levels() {
    let mut pin = pin();
    waits(|| {
        let Ok(()) = if waits_ended() == 0 { block_on(pin.high()) } else { pin.low().block(Park) };
    });
}

/// The twin makes the call at the first poll, as an `async fn` does.
fn at_first_poll() {
    let mut pin = pin();
    pulses(|| {
        let edge = async { pin.edge(Trigger::Rising).await };
        start();
        let Ok(()) = block_on(edge);
        stop();
    });
}

/// The twin looks, then listens, and does not look again.
struct LooksAndListens;

impl Attempt for LooksAndListens {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if Input.is_high() { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }

    fn arm(&mut self) {
        Input.listen(Trigger::Rising);
    }

    fn disarm(&mut self) {
        Input.unlisten();
    }
}

fn looks_and_listens() {
    let mut waiter = CHANGED.waiter().expect("one waiter at a time");
    waits(|| {
        let Ok(()) = waiter.operation(LooksAndListens).block(Park);
    });
}
