//! An interrupt at every boundary of a transaction, in every form.

use std::time::Duration;

use embedded_hal::spi::{ErrorKind, Operation};
use fakes::sweep::{caught, clean, panicked};
use wouldblock::{
    spi::{Bus, Error},
    testing::{Cpu, Report, Sweep, check},
    time,
};

use crate::{
    register_read, selected, sized,
    wire::{Engine, Flaw, Rig},
};

/// How a test waits.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    Asleep,
    Bounded,
    Awaited,
}

impl Form {
    pub const ALL: [Self; 3] = [Self::Asleep, Self::Bounded, Self::Awaited];
}

type End = Result<(), Error<ErrorKind>>;

pub fn run(
    rig: &Rig,
    bus: &mut Bus<'_, Engine>,
    device: u16,
    operations: &mut [Operation<'_, u8>],
    cpu: &Cpu,
    form: Form,
) -> End {
    let (mut pin, clock) = (rig.pin(device), rig.clock());
    let mut transaction = bus.transaction(&mut pin, &clock, operations);
    match form {
        Form::Asleep => transaction.block(cpu),
        Form::Awaited => cpu.block_on(&mut transaction),
        Form::Bounded => match transaction.block_for(cpu, cpu.clock(), Duration::from_secs(1000)) {
            Err(time::Error::Other(error)) => Err(error),
            Err(time::Error::TimedOut) => panic!("timed out"),
            Ok(()) => Ok(()),
        },
    }
}

/// Writes two bytes to `device` and reads two, and checks them.
#[track_caller]
pub fn read(rig: &Rig, bus: &mut Bus<'_, Engine>, device: u16, cpu: &Cpu, form: Form) {
    let mut two = [0; 2];
    let operations = &mut [Operation::Write(&[9, 8]), Operation::Read(&mut two)];
    assert_eq!(run(rig, bus, device, operations, cpu, form), Ok(()));
    assert_eq!(two, [device as u8; 2]);
}

/// More words than a FIFO has, a delay, and a few words.
fn one_transaction(form: Form, flaw: Flaw, ends_early: bool) -> Report {
    let name = format!("spi, {form:?}{}", if ends_early { ", early" } else { "" });
    sized(Sweep::new(&name).needs(11), flaw != Flaw::None).run(Rig::new, move |rig, cpu| {
        let mut bus = rig.bus_ending(flaw, ends_early);
        let mut two = [0; 2];
        let operations = &mut [
            Operation::Write(&[1, 2, 3, 4, 5, 6, 7]),
            Operation::DelayNs(40),
            Operation::Transfer(&mut two, &[8]),
            Operation::Write(&[11, 12]),
        ];
        assert_eq!(run(rig, &mut bus, 1, operations, cpu, form), Ok(()));
        assert_eq!(two, [8_u8.wrapping_neg(), 1]);
        assert_eq!(rig.chip.log(), selected(1, &[1, 2, 3, 4, 5, 6, 7, 8, 0xff, 11, 12]));
        assert!(!rig.chip.is_enabled(), "left armed");
    })
}

#[test]
fn a_transaction_in_every_form() {
    for form in Form::ALL {
        clean(&one_transaction(form, Flaw::None, false), 40);
        clean(&one_transaction(form, Flaw::None, true), 40);
    }
    for form in [Form::Asleep, Form::Awaited] {
        caught(&one_transaction(form, Flaw::NeverArms, false), Report::lost);
    }
    // A poll makes one more try after `arm`, which moves words.
    caught(&one_transaction(Form::Awaited, Flaw::LevelInArm, false), Report::lost);
    let unflushed = one_transaction(Form::Asleep, Flaw::NeverFlushes, true);
    caught(&unflushed, panicked("under a running clock"));
}

/// A transaction that loses a word, and the next one, with another device.
fn failed(form: Form) -> Report {
    let name = format!("spi, failed, {form:?}");
    Sweep::new(&name).needs(12).run(Rig::new, move |rig, cpu| {
        let mut bus = rig.bus(Flaw::None);
        rig.chip.lose(1);
        let operations = &mut [Operation::Write(&[1; 7]), Operation::DelayNs(1)];
        let end = run(rig, &mut bus, 1, operations, cpu, form);
        assert_eq!(end, Err(Error::Bus(ErrorKind::Overrun)));
        assert!(!rig.chip.is_enabled(), "left armed");
        assert_eq!(rig.chip.selected(), None);
        read(rig, &mut bus, 2, cpu, form);
        assert!(rig.chip.log().ends_with(&register_read(2)), "{:?}", rig.chip.log());
    })
}

#[test]
fn one_that_fails_and_the_next() {
    for form in Form::ALL {
        clean(&failed(form), 40);
    }
}

#[test]
fn the_promises_of_an_attempt() {
    let rig = Rig::new();
    let (mut bus, mut pin, clock) = (rig.bus(Flaw::None), rig.pin(1), rig.clock());
    let mut operations = [Operation::Write(&[1_u8; 7])];
    let mut transaction = bus.transaction(&mut pin, &clock, &mut operations).into_inner();
    let would_block = wouldblock::Attempt::attempt(&mut transaction);
    assert_eq!(would_block, Err(wouldblock::nb::Error::WouldBlock), "words are on their way");
    let enabled = || rig.chip.is_enabled();
    assert_eq!(check::arm_enables_the_source(&mut transaction, enabled), Ok(()));
    assert_eq!(check::disarm_takes_arm_back(&mut transaction, enabled), Ok(()));
    // On a clock that stands still, tries change nothing.
    rig.chip.get_stuck();
    let snapshot = || (rig.chip.log(), rig.chip.selected());
    assert_eq!(check::tries_lose_nothing(&mut transaction, 10, snapshot), Ok(()));
}
