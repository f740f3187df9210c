//! An interrupt at every boundary of a transaction, in every form, and of one that is given up.

use std::time::Duration;

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource, Operation};
use fakes::sweep::{caught, clean, panicked};
use wouldblock::{
    i2c::{Bus, Error},
    testing::{Cpu, Report, Sweep, check},
    time,
};

use crate::{
    sized,
    wire::{Engine, Flaw, Rig, Stop, register_read},
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

fn run(
    bus: &mut Bus<'_, Engine>,
    address: u8,
    operations: &mut [Operation<'_>],
    cpu: &Cpu,
    form: Form,
) -> End {
    let mut transaction = bus.transaction(address, operations);
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

/// Reads two bytes of the memory at 0x48, and checks them.
#[track_caller]
pub fn read(bus: &mut Bus<'_, Engine>, cpu: &Cpu, form: Form) {
    let mut two = [0; 2];
    let operations = &mut [Operation::Write(&[1]), Operation::Read(&mut two)];
    assert_eq!(run(bus, 0x48, operations, cpu, form), Ok(()));
    assert_eq!(two, [0x49, 0x4a]);
}

/// A register read; six commands, so six interrupts.
fn one_transaction(form: Form, flaw: Flaw) -> Report {
    sized(Sweep::new(&format!("i2c, {form:?}")).needs(6), flaw != Flaw::None).run(
        Rig::new,
        move |rig, cpu| {
            read(&mut rig.bus(flaw), cpu, form);
            assert_eq!(rig.wire.log(), register_read(0x48));
            assert!(!rig.wire.is_enabled(), "left armed");
        },
    )
}

#[test]
fn a_transaction_in_every_form() {
    for form in Form::ALL {
        clean(&one_transaction(form, Flaw::None), 40);
    }
    for form in [Form::Asleep, Form::Awaited] {
        caught(&one_transaction(form, Flaw::NeverArms), Report::lost);
    }
}

/// A transaction that is refused, and the next one.
fn refused(address: u8, source: NoAcknowledgeSource, form: Form, flaw: Flaw) -> Report {
    sized(Sweep::new(&format!("i2c, refused, {form:?}")).needs(10), flaw != Flaw::None).run(
        Rig::new,
        move |rig, cpu| {
            let mut bus = rig.bus(flaw);
            let end = run(&mut bus, address, &mut [Operation::Write(&[1, 2, 3])], cpu, form);
            assert_eq!(end, Err(Error::Bus(ErrorKind::NoAcknowledge(source))));
            assert!(!rig.wire.is_enabled(), "left armed");
            read(&mut bus, cpu, form);
            let log = rig.wire.log();
            assert!(log.ends_with(&register_read(0x48)), "the next one is whole: {log:?}");
            assert_eq!(log.iter().filter(|command| **command == Stop).count(), 2, "{log:?}");
        },
    )
}

#[test]
fn one_that_is_refused_and_the_next() {
    for form in Form::ALL {
        clean(&refused(0x23, NoAcknowledgeSource::Address, form, Flaw::None), 50);
        clean(&refused(0x22, NoAcknowledgeSource::Data, form, Flaw::None), 60);
    }
    let twin = refused(0x23, NoAcknowledgeSource::Address, Form::Asleep, Flaw::NoStopAfterRefusal);
    caught(&twin, panicked(""));
}

/// What is given up.
#[derive(Clone, Copy, Debug)]
enum What {
    /// Eight commands.
    RegisterRead,
    /// From its address on, the target drives the bus.
    Read,
    /// To an address where there is no target.
    ToNobody,
    /// Of which the target does not acknowledge the second byte.
    Refused,
}

/// A transaction that is dropped after `tries` tries, with interrupts in between, and then one with another
/// target.
fn dropped(what: What, tries: u32, form: Form, flaw: Flaw) -> Report {
    let name = format!("i2c, {what:?}, dropped after {tries}, {form:?}");
    Sweep::new(&name).needs(16).run(Rig::new, move |rig, cpu| {
        let mut bus = rig.bus(flaw);
        let mut four = [0; 4];
        let (address, operations): (u8, &mut [_]) = match what {
            What::RegisterRead => (0x50, &mut [Operation::Write(&[2]), Operation::Read(&mut four)]),
            What::Read => (0x50, &mut [Operation::Read(&mut four)]),
            What::ToNobody => (0x23, &mut [Operation::Write(&[1, 2])]),
            What::Refused => (0x22, &mut [Operation::Write(&[1, 2, 3])]),
        };
        let mut transaction = bus.transaction(address, operations);
        let mut ended = false;
        for _ in 0..tries {
            cpu.step();
            ended = ended || transaction.attempt().is_ok();
        }
        drop(transaction);
        read(&mut bus, cpu, form);
        let log = rig.wire.log();
        assert!(log.ends_with(&register_read(0x48)), "the next one is whole: {log:?}");
        let stops = log.iter().filter(|command| **command == Stop).count();
        assert_eq!(stops, if tries == 0 { 1 } else { 2 }, "one STOP each: {log:?}");
        let index = if matches!(what, What::RegisterRead) { 2 } else { 0 };
        assert!(!ended || four == std::array::from_fn(|n| 0x50 + index + n as u8));
    })
}

#[test]
fn one_that_is_dropped_at_any_try_and_the_next() {
    let form = |tries| if tries % 2 == 0 { Form::Asleep } else { Form::Awaited };
    for tries in 0..=10 {
        clean(&dropped(What::RegisterRead, tries, form(tries), Flaw::None), 45);
    }
    for (what, most) in [(What::Read, 2), (What::ToNobody, 3), (What::Refused, 4)] {
        for tries in 1..=most {
            clean(&dropped(what, tries, form(tries), Flaw::None), 45);
        }
    }
    let twin = |tries, flaw| dropped(What::RegisterRead, tries, Form::Asleep, flaw);
    caught(&twin(3, Flaw::NeverAborts), panicked(""));
    caught(&twin(6, Flaw::StopsInRead), panicked("not allowed on the bus: Stop"));
}

#[test]
fn the_promises_of_an_attempt() {
    let rig = Rig::new();
    let mut bus = rig.bus(Flaw::None);
    let mut two = [0; 2];
    let mut operations = [Operation::Write(&[1]), Operation::Read(&mut two)];
    let mut transaction = bus.transaction(0x48_u8, &mut operations).into_inner();
    let would_block = wouldblock::Attempt::attempt(&mut transaction);
    assert_eq!(would_block, Err(wouldblock::nb::Error::WouldBlock), "START is on its way");
    assert_eq!(check::tries_lose_nothing(&mut transaction, 10, || rig.wire.snapshot()), Ok(()));
    let enabled = || rig.wire.is_enabled();
    assert_eq!(check::arm_enables_the_source(&mut transaction, enabled), Ok(()));
    assert_eq!(check::disarm_takes_arm_back(&mut transaction, enabled), Ok(()));
}
