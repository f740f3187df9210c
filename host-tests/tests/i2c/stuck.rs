//! A bus on which no command ends: time-outs, and what comes after them.

use std::time::Duration;

use embedded_hal::i2c::{ErrorKind, I2c as _, Operation};
use fakes::sweep::{caught, clean, panicked};
use wouldblock::{
    adapter::{For, I2c},
    i2c::Error,
    testing::{Cpu, CpuClock, Report, Sweep},
    time::{self, Clock},
};

use crate::{
    sized,
    sweep::{Form, read},
    wire::{Flaw, Rig, register_read},
};

const LIMIT: Duration = Duration::from_millis(20);

const fn limit(cpu: &Cpu, clock: CpuClock, duration: Duration) -> For<&Cpu, CpuClock> {
    For::new(cpu, clock, duration)
}

/// A transaction that gets stuck after `tries` tries, and is reset when its time is up; then another one.
fn stuck(tries: u32, flaw: Flaw) -> Report {
    let name = format!("i2c, stuck after {tries} tries");
    sized(Sweep::new(&name).needs(0), flaw != Flaw::None).run(Rig::new, move |rig, cpu| {
        let mut bus = rig.bus(flaw);
        let mut many = [0; 16];
        let mut operations = [Operation::Write(&[2]), Operation::Read(&mut many)];
        let mut transaction = bus.transaction(0x50_u8, &mut operations);
        for _ in 0..tries {
            rig.wire.let_through(1);
            assert!(transaction.attempt().is_err(), "it takes 20 commands");
        }
        rig.wire.get_stuck();
        let clock = cpu.clock();
        let begun = clock.now();
        let end = transaction.block_for(cpu, cpu.clock(), LIMIT);
        let passed = clock.now() - begun;
        assert_eq!(end, Err(time::Error::TimedOut));
        assert!((20..60).contains(&passed), "{passed} ms");
        assert!(!rig.wire.is_enabled(), "left armed");
        transaction.into_inner().reset();
        rig.wire.let_through(16);
        read(&mut bus, cpu, Form::Bounded);
        assert!(rig.wire.log().ends_with(&register_read(0x48)));
    })
}

#[test]
fn a_time_out_is_bounded_and_after_it_the_bus_works() {
    for tries in [0, 1, 2, 4, 7] {
        let report = stuck(tries, Flaw::None);
        println!("sweep: {report}");
        assert!(report.failures().is_empty() && report.boundaries() > 20, "{report}");
    }
    caught(&stuck(3, Flaw::NeverResets), panicked("timed out"));
}

/// By the adapter: its limit resets the bus.
fn through_the_adapter(flaw: Flaw) -> Report {
    sized(Sweep::new("i2c, a limit").needs(0), flaw != Flaw::None).run(Rig::new, move |rig, cpu| {
        let mut i2c = I2c::new(rig.bus(flaw), limit(cpu, cpu.clock(), LIMIT));
        let mut two = [0; 2];
        rig.wire.let_through(3);
        rig.wire.get_stuck();
        assert_eq!(i2c.write_read(0x50_u8, &[2], &mut two), Err(Error::TimedOut));
        assert!(!rig.wire.is_enabled(), "left armed");
        rig.wire.let_through(16);
        assert_eq!(i2c.write_read(0x48_u8, &[1], &mut two), Ok(()));
        assert_eq!((two, &rig.wire.log()[..]), ([0x49, 0x4a], &register_read(0x48)[..]));
    })
}

#[test]
fn a_limit_that_passes_resets_the_bus() {
    clean(&through_the_adapter(Flaw::None), 20);
    caught(&through_the_adapter(Flaw::NeverResets), panicked("TimedOut"));
}

#[test]
fn limits_of_nothing_and_of_years_are_limits() {
    let report = Sweep::new("limits").needs(0).run(Rig::new, |rig, cpu| {
        // With 0 there is one try. Here it is not enough,
        let mut i2c = I2c::new(rig.bus(Flaw::None), limit(cpu, cpu.clock(), Duration::ZERO));
        assert_eq!(i2c.write(0x48_u8, &[1]), Err(Error::TimedOut));
        assert_eq!(i2c.transaction(0x48_u8, &mut []), Ok(()), "and here it is");
        assert_eq!(i2c.write(0x80_u8, &[1]), Err(Error::AddressOutOfRange));
        drop(i2c);
        rig.wire.let_through(16);
        let mut i2c = I2c::new(rig.bus(Flaw::None), limit(cpu, cpu.clock(), Duration::MAX));
        assert_eq!(i2c.write(0x48_u8, &[1]), Ok(()));
        assert_eq!(i2c.write(0x3ff_u16, &[1]), Err(Error::Bus(ErrorKind::Other)));
    });
    println!("sweep: {report}");
    assert!(report.failures().is_empty(), "{report}");
}
