//! Paths that wait for an I2C transaction. The controller is a variable here: each byte takes until the
//! timer's handler says that it was moved, and this handler signals if the interrupt is enabled. START and
//! STOP take no time.
//!
//! The target is a memory: a write sets its pointer, and each byte read is the pointer, which moves on.

use core::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Waker},
};

use board::idle::Park;
use embedded_hal::i2c::{I2c as _, Operation};
use firmware::task::block_on;
use portable_atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use wouldblock::{
    adapter::{I2cDevice, SharedBus},
    i2c::{Bus, Controller, Cursor},
};

use crate::{
    placement::{Path, ended, insist},
    soft::{Arming, Interrupt},
};

pub const PATHS: &[Path] = &[
    of_bytes("i2c transaction", asleep),
    of_bytes("i2c transaction, awaited", awaited),
    of_bytes("i2c device on a shared bus", on_shared_bus),
    of_bytes("i2c transaction dropped, and the next one", dropped),
    of_bytes("i2c transaction dropped, and the next one, awaited", dropped_awaited),
];

pub const TWINS: &[Path] = &[
    of_bytes("i2c: a byte that is there does not interrupt when armed", edge_only),
    of_bytes("i2c: the interrupt is enabled for the first byte only", armed_once),
    of_bytes("i2c: what a drop has left does not interrupt", left_unheard),
];

const fn of_bytes(name: &'static str, run: fn()) -> Path {
    Path::new(name, empty, move_byte, run).checked(is_free)
}

/// The target's address.
const MEMORY: u8 = 0x50;

static MOVED: Interrupt = Interrupt::new();
/// Where the byte is.
static BYTE: AtomicU8 = AtomicU8::new(NOWHERE);
const NOWHERE: u8 = 0;
const IN_FLIGHT: u8 = 1;
const THERE: u8 = 2;
/// Between START and STOP.
static OPEN: AtomicBool = AtomicBool::new(false);

fn empty() {
    BYTE.store(NOWHERE, Relaxed);
    OPEN.store(false, Relaxed);
    MOVED.empty();
}

/// The byte is moved, if one is in flight. One that is there already is announced again if that was lost.
fn move_byte() -> bool {
    match BYTE.load(Relaxed) {
        IN_FLIGHT => {
            BYTE.store(THERE, Relaxed);
            MOVED.raise();
            true
        }
        THERE => MOVED.announce_lost(),
        _ => false,
    }
}

fn is_free() -> bool {
    !OPEN.load(Relaxed) && BYTE.load(Relaxed) == NOWHERE
}

/// The controller. Each byte is one of the waits of the path.
#[derive(Default)]
struct Simple {
    arming: Arming,
    /// The byte in flight is one to read.
    reads: bool,
    /// That of the memory.
    pointer: u8,
    /// A twin's: it is not armed for what an earlier transaction has left.
    own_only: bool,
    started: bool,
}

impl Simple {
    /// Takes the byte that was moved. `WouldBlock`: it is still in flight.
    fn take(&mut self, cursor: Option<&mut Cursor<'_, '_>>) -> nb::Result<(), Infallible> {
        match BYTE.load(Relaxed) {
            IN_FLIGHT => return Err(nb::Error::WouldBlock),
            THERE => {
                BYTE.store(NOWHERE, Relaxed);
                if self.reads {
                    insist(cursor.is_none_or(|cursor| cursor.received(self.pointer)));
                    self.pointer += 1;
                }
                ended();
            }
            _ => (),
        }
        Ok(())
    }

    fn stop(&mut self) {
        insist(OPEN.swap(false, Relaxed));
        self.started = false;
    }
}

impl Controller for Simple {
    type Error = Infallible;

    fn settle(&mut self) -> nb::Result<(), Infallible> {
        if OPEN.load(Relaxed) {
            self.take(None)?;
            self.stop();
        }
        Ok(())
    }

    fn start(&mut self, _: &mut Cursor<'_, '_>) -> Result<(), Infallible> {
        insist(BYTE.load(Relaxed) == NOWHERE);
        OPEN.store(true, Relaxed);
        self.started = true;
        Ok(())
    }

    fn step(&mut self, cursor: &mut Cursor<'_, '_>) -> nb::Result<(), Infallible> {
        self.take(Some(cursor))?;
        if cursor.left() == 0 {
            if !cursor.next_run() {
                self.stop();
                return Ok(());
            }
            self.start(cursor)?;
        }
        let written = cursor.send();
        self.reads = written.is_none();
        self.pointer = written.unwrap_or(self.pointer);
        BYTE.store(IN_FLIGHT, Relaxed);
        Err(nb::Error::WouldBlock)
    }

    /// STOP has its place after the byte; `settle` waits for that.
    fn abort(&mut self) {
        self.started = false;
        _ = self.settle();
    }

    fn reset(&mut self) {
        self.started = false;
        OPEN.store(false, Relaxed);
        BYTE.store(NOWHERE, Relaxed);
    }

    fn arm(&mut self) {
        if !self.own_only || self.started {
            self.arming.arm(&MOVED, || BYTE.load(Relaxed) == THERE);
        }
    }

    fn disarm(&mut self) {
        MOVED.disable();
    }
}

fn bus(controller: Simple) -> Bus<'static, Simple> {
    Bus::new(controller, MOVED.waiter())
}

fn sleep(bus: &mut Bus<'_, Simple>, operations: &mut [Operation<'_>]) {
    insist(bus.transaction(MEMORY, operations).block(Park).is_ok());
}

/// The operation stays where it is: to move it may take one instruction that is many boundaries.
fn suspend(bus: &mut Bus<'_, Simple>, operations: &mut [Operation<'_>]) {
    insist(block_on(&mut bus.transaction(MEMORY, operations)).is_ok());
}

/// One transaction that writes a byte and reads one, with `wait`.
fn write_read(controller: Simple, wait: impl FnOnce(&mut Bus<'_, Simple>, &mut [Operation<'_>])) {
    let mut bus = bus(controller);
    let mut back = [0];
    wait(&mut bus, &mut [Operation::Write(&[7]), Operation::Read(&mut back)]);
    insist(back == [7]);
}

fn asleep() {
    write_read(Simple::default(), sleep);
}

fn awaited() {
    write_read(Simple::default(), suspend);
}

/// Two transactions, each of one byte.
fn on_shared_bus() {
    let bus: SharedBus<_, 1> = SharedBus::new(bus(Simple::default()));
    let mut device = I2cDevice::new(&bus, Park).expect("one");
    for nth in 0..2 {
        let mut back = [7];
        insist(device.read(MEMORY, &mut back).is_ok());
        insist(back == [nth]);
    }
}

/// A transaction that is given up, by `give_up`, with its byte in flight or just moved, and one that
/// is made to its end, with `wait`.
fn drop_and_read(
    controller: Simple,
    give_up: impl FnOnce(&mut Bus<'_, Simple>, &mut [Operation<'_>]),
    wait: impl FnOnce(&mut Bus<'_, Simple>, &mut [Operation<'_>]),
) {
    let mut bus = bus(controller);
    let mut back = [7];
    give_up(&mut bus, &mut [Operation::Read(&mut [7])]);
    wait(&mut bus, &mut [Operation::Read(&mut back)]);
    insist(back == [1]);
}

fn try_once(bus: &mut Bus<'_, Simple>, operations: &mut [Operation<'_>]) {
    insist(bus.transaction(MEMORY, operations).attempt() == Err(nb::Error::WouldBlock));
}

fn dropped() {
    drop_and_read(Simple::default(), try_once, sleep);
}

/// It may be at its end by then.
fn poll_once(bus: &mut Bus<'_, Simple>, operations: &mut [Operation<'_>]) {
    let mut transaction = bus.transaction(MEMORY, operations);
    _ = Pin::new(&mut transaction).poll(&mut Context::from_waker(Waker::noop()));
}

fn dropped_awaited() {
    drop_and_read(Simple::default(), poll_once, suspend);
}

/// Mistake: an interrupt that comes with a byte, and not while one is there.
fn edge_only() {
    write_read(Simple { arming: Arming::edge_only(), ..Simple::default() }, sleep);
}

/// Mistake: it is armed once, although each interrupt disables it.
fn armed_once() {
    write_read(Simple { arming: Arming::once(), ..Simple::default() }, sleep);
}

/// Mistake: it is armed only between its START and the end of its transaction.
fn left_unheard() {
    drop_and_read(Simple { own_only: true, ..Simple::default() }, try_once, sleep);
}
