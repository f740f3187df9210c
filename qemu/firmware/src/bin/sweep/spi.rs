//! Paths that wait for an SPI transaction. The controller is a variable here: its FIFO holds one word, which
//! comes back when the timer's handler says so, and this handler signals if the interrupt is enabled.

use core::convert::Infallible;

use board::{counter::clock, idle::Park};
use embedded_hal::{
    digital::{ErrorType, OutputPin},
    spi::{Operation, SpiDevice as _},
};
use firmware::task::block_on;
use portable_atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use wouldblock::{
    adapter::{SharedBus, SpiDevice},
    spi::{Bus, Controller, Cursor, Words},
};

use crate::{
    placement::{Path, ended, insist, waits},
    soft::{Arming, Interrupt},
};

pub const PATHS: &[Path] = &[
    of_words("spi transaction", asleep),
    of_words("spi transaction, awaited", awaited),
    of_words("spi transaction of two words", two_words),
    of_words("spi transaction of two words, awaited", two_words_awaited),
    of_words("spi device on a shared bus", on_shared_bus),
];

pub const TWINS: &[Path] = &[
    of_words("spi: a word that is there does not interrupt when armed", edge_only),
    of_words("spi: the interrupt is enabled for the first word only", armed_once),
];

const fn of_words(name: &'static str, run: fn()) -> Path {
    Path::new(name, empty, come_back, run).checked(is_deselected)
}

static RECEIVED: Interrupt = Interrupt::new();
/// Where the word is.
static WORD: AtomicU8 = AtomicU8::new(NOWHERE);
const NOWHERE: u8 = 0;
const IN_FLIGHT: u8 = 1;
const BACK: u8 = 2;
/// Its bits.
static BITS: AtomicU8 = AtomicU8::new(0);
static SELECTED: AtomicBool = AtomicBool::new(false);

fn empty() {
    WORD.store(NOWHERE, Relaxed);
    SELECTED.store(false, Relaxed);
    RECEIVED.empty();
}

/// The word comes back, if one is in flight. One that is back already is announced again if that was lost.
fn come_back() -> bool {
    match WORD.load(Relaxed) {
        IN_FLIGHT => {
            WORD.store(BACK, Relaxed);
            RECEIVED.raise();
            true
        }
        BACK => RECEIVED.announce_lost(),
        _ => false,
    }
}

fn is_deselected() -> bool {
    !SELECTED.load(Relaxed)
}

/// The controller, which sends back the complement of each word.
#[derive(Default)]
struct Complement {
    /// The words are the waits of the path.
    counts: bool,
    arming: Arming,
}

impl Controller for Complement {
    type Error = Infallible;

    fn flush(&mut self) -> nb::Result<(), Infallible> {
        Ok(())
    }

    fn abort(&mut self) {
        WORD.store(NOWHERE, Relaxed);
    }

    fn reset(&mut self) {
        self.abort();
    }

    fn arm(&mut self) {
        self.arming.arm(&RECEIVED, || WORD.load(Relaxed) == BACK);
    }

    fn disarm(&mut self) {
        RECEIVED.disable();
    }
}

impl Words<u8> for Complement {
    fn step(&mut self, cursor: &mut Cursor<'_, '_, u8>) -> nb::Result<(), Infallible> {
        if WORD.load(Relaxed) == BACK {
            WORD.store(NOWHERE, Relaxed);
            insist(cursor.received(!BITS.load(Relaxed)));
            if self.counts {
                ended();
            }
        }
        if cursor.in_flight() == 0
            && let Some(word) = cursor.send(0xff)
        {
            BITS.store(word, Relaxed);
            WORD.store(IN_FLIGHT, Relaxed);
        }
        if cursor.is_through() { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

struct Select;

impl ErrorType for Select {
    type Error = Infallible;
}

impl OutputPin for Select {
    fn set_low(&mut self) -> Result<(), Infallible> {
        insist(!SELECTED.swap(true, Relaxed));
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        insist(SELECTED.swap(false, Relaxed) && WORD.load(Relaxed) == NOWHERE);
        Ok(())
    }
}

fn bus(controller: Complement) -> Bus<'static, Complement> {
    Bus::new(controller, RECEIVED.waiter())
}

/// Two transactions of one word, made by `transfer`.
fn words(mut transfer: impl FnMut(&mut [Operation<'_, u8>])) {
    let mut sent = 0x5a;
    waits(|| {
        let mut back = [sent];
        transfer(&mut [Operation::TransferInPlace(&mut back)]);
        insist(back == [!sent]);
        sent += 1;
    });
}

fn asleep() {
    let mut bus = bus(Complement::default());
    words(|operations| sleep(&mut bus, operations));
}

fn awaited() {
    let mut bus = bus(Complement::default());
    words(|operations| suspend(&mut bus, operations));
}

fn on_shared_bus() {
    let bus: SharedBus<_, 1> = SharedBus::new(bus(Complement::default()));
    let mut device = SpiDevice::new(&bus, Select, clock(), Park).expect("one");
    words(|operations| insist(device.transaction(operations).is_ok()));
}

/// One transaction of two words, with `wait`.
fn two_words_by(
    arming: Arming,
    wait: impl FnOnce(&mut Bus<'_, Complement>, &mut [Operation<'_, u8>]),
) {
    let mut bus = bus(Complement { counts: true, arming });
    let mut back = [7];
    wait(&mut bus, &mut [Operation::Write(&[1]), Operation::Transfer(&mut back, &[2])]);
    insist(back == [!2]);
}

fn sleep(bus: &mut Bus<'_, Complement>, operations: &mut [Operation<'_, u8>]) {
    insist(bus.transaction(&mut Select, &clock(), operations).block(Park).is_ok());
}

/// The operation stays where it is: to move it may take one instruction that is many boundaries.
fn suspend(bus: &mut Bus<'_, Complement>, operations: &mut [Operation<'_, u8>]) {
    insist(block_on(&mut bus.transaction(&mut Select, &clock(), operations)).is_ok());
}

fn two_words() {
    two_words_by(Arming::default(), sleep);
}

fn two_words_awaited() {
    two_words_by(Arming::default(), suspend);
}

/// Mistake: an interrupt that comes with a word, and not while one is there.
fn edge_only() {
    two_words_by(Arming::edge_only(), sleep);
}

/// Mistake: it is armed once, although each interrupt disables it.
fn armed_once() {
    two_words_by(Arming::once(), sleep);
}
