//! A clock that stands still: time-outs, and what comes after them.

use std::time::Duration;

use embedded_hal::spi::{ErrorKind, Operation, SpiBus as _, SpiDevice as _};
use fakes::sweep::{caught, clean, panicked};
use wouldblock::{
    adapter::{For, Spi},
    spi::Error,
    testing::{Cpu, CpuClock, Report, Sweep, World},
    time::{self, Clock},
};

use crate::{
    register_read, selected, sized,
    sweep::{Form, read},
    wire::{Device, Flaw, Rig, SharedBus},
};

const LIMIT: Duration = Duration::from_millis(20);

const fn limit(cpu: &Cpu, clock: CpuClock, duration: Duration) -> For<&Cpu, CpuClock> {
    For::new(cpu, clock, duration)
}

/// A transaction that gets stuck after `tries` tries, and is reset when its time is up; then one with another
/// device.
fn stuck(tries: u32, flaw: Flaw) -> Report {
    let name = format!("spi, stuck after {tries} tries");
    sized(Sweep::new(&name).needs(0), flaw != Flaw::None).run(Rig::new, move |rig, cpu| {
        let mut bus = rig.bus(flaw);
        let (mut pin, clock) = (rig.pin(1), rig.clock());
        let mut operations = [Operation::Write(&[1_u8; 20])];
        let mut transaction = bus.transaction(&mut pin, &clock, &mut operations);
        for _ in 0..tries {
            assert!(transaction.attempt().is_err(), "it takes 60 looks");
        }
        rig.chip.get_stuck();
        let clock = cpu.clock();
        let begun = clock.now();
        let end = transaction.block_for(cpu, cpu.clock(), LIMIT);
        let passed = clock.now() - begun;
        assert_eq!(end, Err(time::Error::TimedOut));
        assert!((20..60).contains(&passed), "{passed} ms");
        assert!(!rig.chip.is_enabled(), "left armed");
        transaction.into_inner().reset();
        assert_eq!(rig.chip.selected(), None);
        rig.chip.let_through(16);
        read(rig, &mut bus, 2, cpu, Form::Bounded);
        assert!(rig.chip.log().ends_with(&register_read(2)));
    })
}

#[test]
fn a_time_out_is_bounded_and_after_it_the_bus_works() {
    for tries in [0, 1, 2, 4] {
        let report = stuck(tries, Flaw::None);
        println!("sweep: {report}");
        assert!(report.failures().is_empty() && report.boundaries() > 20, "{report}");
    }
    caught(&stuck(3, Flaw::NeverResets), panicked("under a running clock"));
}

/// By the adapters: their limit resets the controller, and lets the chip select rise.
fn through_the_adapter(flaw: Flaw) -> Report {
    sized(Sweep::new("spi, a limit").needs(0), flaw != Flaw::None).run(Rig::new, move |rig, cpu| {
        let bus: SharedBus<'_, 1> = SharedBus::new(rig.bus(flaw));
        let limit = limit(cpu, cpu.clock(), LIMIT);
        let mut device = Device::new(&bus, rig.pin(1), rig.clock(), limit).unwrap();
        rig.chip.let_through(2);
        rig.chip.get_stuck();
        assert_eq!(device.write(&[1_u8; 9]), Err(Error::TimedOut));
        assert!(!rig.chip.is_enabled(), "left armed");
        assert_eq!(rig.chip.selected(), None);
        rig.chip.clear_log();
        let mut two = [0_u8; 2];
        let operations = &mut [Operation::Write(&[9, 8]), Operation::Read(&mut two)];
        rig.chip.let_through(16);
        assert_eq!(device.transaction(operations), Ok(()));
        assert_eq!((two, rig.chip.log()), ([1; 2], register_read(1)));
    })
}

#[test]
fn a_limit_that_passes_resets_the_controller() {
    clean(&through_the_adapter(Flaw::None), 20);
    caught(&through_the_adapter(Flaw::NeverResets), panicked("under a running clock"));
}

#[test]
fn limits_of_nothing_and_of_years_are_limits() {
    let report = Sweep::new("limits").needs(0).run(Rig::new, |rig, cpu| {
        // With 0 there is one try. Here it is not enough,
        let mut spi = Spi::new(rig.bus(Flaw::None), limit(cpu, cpu.clock(), Duration::ZERO));
        assert_eq!(spi.write(&[1_u8]), Err(Error::TimedOut));
        assert_eq!(spi.write(&[] as &[u8]), Ok(()), "and here it is");
        drop(spi);
        let mut spi = Spi::new(rig.bus(Flaw::None), limit(cpu, cpu.clock(), Duration::MAX));
        rig.chip.let_through(16);
        let mut place = [1_u8, 2];
        assert_eq!(spi.transfer_in_place(&mut place), Ok(()));
        assert_eq!(place, [!1, !2]);
        rig.chip.lose(1);
        assert_eq!(spi.write(&[1_u8]), Err(Error::Bus(ErrorKind::Overrun)));
    });
    println!("sweep: {report}");
    assert!(report.failures().is_empty(), "{report}");
}

/// At an event the clock stops.
struct Stops(Rig);

impl World for Stops {
    fn event(&self) {
        self.0.chip.get_stuck();
    }

    fn deliver(&self) -> bool {
        self.0.deliver()
    }
}

#[test]
fn a_clock_that_stops_anywhere_is_a_time_out_unless_there_was_an_error_before() {
    let report = Sweep::new("spi, the clock stops").needs(0).run(
        || Stops(Rig::new()),
        |Stops(rig), cpu| {
            let bus: SharedBus<'_, 1> = SharedBus::new(rig.bus(Flaw::None));
            let limit = limit(cpu, cpu.clock(), LIMIT);
            let mut device = Device::new(&bus, rig.pin(1), rig.clock(), limit).unwrap();
            rig.chip.lose(1);
            let end = device.write(&[1_u8; 9]);
            let error = match rig.chip.overrun_was_seen() {
                true => Error::Bus(ErrorKind::Overrun),
                false => Error::TimedOut,
            };
            assert_eq!(end, Err(error));
            assert_eq!(rig.chip.selected(), None);
            assert!(!rig.chip.is_enabled(), "left armed");
        },
    );
    println!("sweep: {report}");
    assert!(report.failures().is_empty() && report.boundaries() > 40, "{report}");
}

#[test]
fn the_drop_of_one_that_is_stuck_ends() {
    let rig = Rig::new();
    let (mut bus, mut pin, clock) = (rig.bus(Flaw::None), rig.pin(1), rig.clock());
    let mut operations = [Operation::Write(&[1_u8; 4])];
    let mut transaction = bus.transaction(&mut pin, &clock, &mut operations);
    assert!(transaction.attempt().is_err());
    rig.chip.get_stuck();
    drop(transaction);
    assert_eq!(rig.chip.selected(), None);
    rig.chip.clear_log();
    let operations = &mut [Operation::Write(&[5_u8; 2])];
    let end = bus.transaction(&mut pin, &clock, operations).block(wouldblock::block::Spin);
    assert_eq!((end, rig.chip.log()), (Ok(()), selected(1, &[5, 5])));
}
