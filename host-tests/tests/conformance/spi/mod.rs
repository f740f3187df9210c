//! `adapter::SpiDevice`, and a device that is written by hand, with each mistake.

pub mod bus;
mod twin;

use fakes::leak;
use wouldblock::{
    adapter,
    block::Idle,
    testing::{
        boundary,
        conformance::{Promises, SpiTarget},
    },
    time::Clock,
};

use self::{
    bus::{Fifo, Flaw, Select},
    twin::{Device, Mistake},
};
use crate::{
    breaks, clean,
    spi_wire::{self, Engine, Looks, Rig, SharedBus},
};

/// A clock whose readings are looks, each of which is 10 ns of the target's time.
#[derive(Clone)]
struct Passing(Looks, SpiTarget);

impl Clock for Passing {
    fn now(&self) -> u64 {
        self.1.pass(10);
        self.0.now()
    }

    fn frequency(&self) -> u64 {
        self.0.frequency()
    }
}

/// Passes the time of a blocking call, and of an awaited one.
#[derive(Clone, Copy)]
struct Steps(&'static Rig);

impl Steps {
    fn step(self) {
        boundary();
        self.0.step();
    }
}

impl Idle for Steps {
    fn idle(&mut self, _: impl Fn() -> bool) {
        self.step();
    }
}

type Own = adapter::SpiDevice<'static, 'static, Engine, Select, Passing, 1, Steps>;

/// `adapter::SpiDevice` on a bus of its own.
fn own(flaw: spi_wire::Flaw, early: bool) -> impl Fn(SpiTarget) -> (Own, Box<dyn FnMut()>) {
    move |target| {
        let rig = leak(Rig::over(target.clone()));
        let bus: &SharedBus<'_, 1> = leak(SharedBus::new(rig.bus_ending(flaw, early)));
        let clock = Passing(rig.clock(), target.clone());
        let device = Own::new(bus, Select(target), clock, Steps(rig)).unwrap();
        (device, Box::new(move || Steps(rig).step()))
    }
}

#[test]
fn spi_device_keeps_its_promises() {
    for early in [false, true] {
        let make = || own(spi_wire::Flaw::None, early);
        clean(&Promises::of_spi("adapter::SpiDevice, blocking", make()));
        clean(&Promises::of_spi_awaited("adapter::SpiDevice, awaited", make()));
    }
    let deaf =
        Promises::of_spi_awaited("a HAL that does not arm", own(spi_wire::Flaw::NeverArms, false));
    breaks(&deaf, &[WOKEN]);
}

const ONCE: &str = "one chip select is low over all operations";
const FLUSHED: &str = "the chip select rises when the last word is out";
const RETURNS: &str = "when a call returns, the chip select is high";
const SENT: &str = "the words are sent as they were given";
const READ: &str = "each word that is read is the one that has come for it";
const PROVIDED: &str = "read, write, transfer and transfer_in_place are such transactions";
pub const DELAY: &str = "a delay begins when the word before it is out, and is not too short";
const NO_WORDS: &str = "operations of no words change nothing";
const FIRST_ERROR: &str = "the first error is returned";
const AFTER_ERROR: &str =
    "after an error the chip select is high, and the next transaction is whole";
const WOKEN: &str = "it is woken when it can continue";
pub const DROPPED_RISES: &str = "dropped: the chip select rises, without another call";
pub const DROPPED_FLUSHED: &str = "dropped: it rises when the last word is out";
pub const DROPPED_NEXT: &str = "dropped: the next transaction is whole";

fn device(flaw: Flaw, mistake: Mistake) -> impl Fn(SpiTarget) -> (Device, Box<dyn FnMut()>) {
    move |target| {
        let fifo = Fifo::new(target.clone(), flaw);
        let device = Device { fifo: fifo.clone(), target, mistake };
        (device, Box::new(move || fifo.step()))
    }
}

fn blocking(flaw: Flaw, mistake: Mistake) -> Promises {
    Promises::of_spi(&format!("by hand, blocking, {flaw:?}, {mistake:?}"), device(flaw, mistake))
}

fn awaited(flaw: Flaw, mistake: Mistake) -> Promises {
    let name = format!("by hand, awaited, {flaw:?}, {mistake:?}");
    Promises::of_spi_awaited(&name, device(flaw, mistake))
}

#[test]
fn a_device_that_is_written_by_hand_can_keep_them() {
    clean(&blocking(Flaw::None, Mistake::None));
    clean(&awaited(Flaw::None, Mistake::None));
}

#[test]
fn each_promise_catches_its_twin() {
    let caught = |promises: Promises, broken: &str| {
        println!("{promises}");
        assert!(promises.broken().contains(&broken), "{promises}");
    };
    for (flaw, mistake, broken) in [
        (Flaw::None, Mistake::SelectsEach, ONCE),
        (Flaw::None, Mistake::NeverFlushes, FLUSHED),
        (Flaw::None, Mistake::RisesLate, RETURNS),
        (Flaw::LeavesOut, Mistake::None, SENT),
        (Flaw::KeepsWords, Mistake::None, READ),
        (Flaw::None, Mistake::ReadsUnselected, PROVIDED),
        (Flaw::None, Mistake::DelaysTooEarly, DELAY),
        (Flaw::None, Mistake::SendsForNothing, NO_WORDS),
        (Flaw::None, Mistake::LastError, FIRST_ERROR),
        (Flaw::None, Mistake::StaysLowAfterErrors, AFTER_ERROR),
    ] {
        caught(blocking(flaw, mistake), broken);
        caught(awaited(flaw, mistake), broken);
    }
    for mistake in [Mistake::DelaysTooEarly, Mistake::LastError, Mistake::ReadsUnselected] {
        assert_eq!(blocking(Flaw::None, mistake).broken().len(), 1, "{mistake:?}");
    }
    breaks(&awaited(Flaw::NeverWakes, Mistake::None), &[WOKEN]);
    caught(awaited(Flaw::None, Mistake::ForgetsItsDrop), DROPPED_RISES);
    caught(awaited(Flaw::None, Mistake::RisesInDrop), DROPPED_FLUSHED);
    let keeps = awaited(Flaw::KeepsWordsOfTheDropped, Mistake::KeepsWordsInDrop);
    breaks(&keeps, &[DROPPED_NEXT]);
}
