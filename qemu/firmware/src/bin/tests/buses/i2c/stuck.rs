//! A bus on which no command ends, since the controller is off: time-outs, and what comes after them.

use core::time::Duration;

use board::{
    Board, alarm,
    counter::{clock, frequency, time},
    i2c::I2C,
};
use drivers::i2c::on_interrupt;
use embedded_hal::i2c::{I2c as _, Operation};
use wouldblock::{
    adapter::{For, I2c, I2cDevice, SharedBus},
    block::Spin,
    i2c::Error,
    time as wait,
};

use super::{EEPROM, PLACE, THERMOMETER, WARM, is_right, keep};

const LIMIT: Duration = Duration::from_millis(2);

/// Checks that this many ticks are the limit, or at most a hundredth of it more.
#[track_caller]
fn is_the_limit(ticks: u64) {
    let limit = frequency() / 500;
    assert!((limit..limit + limit / 100).contains(&ticks), "{ticks} ticks instead of {limit}");
}

/// Checks that `f` takes as long as the limit.
#[track_caller]
fn takes_the_limit<T>(f: impl FnOnce() -> T) -> T {
    let begun = time();
    let end = f();
    is_the_limit(time() - begun);
    end
}

fn a_time_out_is_bounded_and_after_it_the_bus_works(_: &'static Board) {
    let mut bus = drivers::i2c::take().expect("the first");
    keep(&mut bus);
    let mut time_outs = 0;
    for tries in 0.. {
        let mut four = [0; 4];
        let operations = &mut [Operation::Write(&PLACE), Operation::Read(&mut four)];
        let mut transaction = bus.transaction(EEPROM, operations);
        assert!((0..tries).all(|_| transaction.attempt() == Err(nb::Error::WouldBlock)));
        I2C.turn_off();
        let begun = time();
        let end = transaction.block_for(alarm::park_until(), clock(), LIMIT);
        if end == Ok(()) {
            break; // Its last command had ended before.
        }
        assert_eq!(end, Err(wait::Error::TimedOut));
        is_the_limit(time() - begun);
        time_outs += 1;
        transaction.into_inner().reset();
        assert!(is_right(&mut bus), "after {tries} tries");
    }
    assert_eq!(time_outs, 8, "at each command");
}
crate::registry::test!(a_time_out_is_bounded_and_after_it_the_bus_works);

fn through_the_adapter_a_limit_resets_the_bus(_: &'static Board) {
    let mut two = [0; 2];
    let bus = drivers::i2c::take().expect("the first");
    let mut i2c = I2c::new(bus, For::new(alarm::park_until(), clock(), LIMIT));
    let mut read = |i2c: &mut I2c<'_, _, _>| {
        two = [0; 2];
        i2c.write_read(THERMOMETER, &[0], &mut two).map(|()| two)
    };
    assert_eq!(read(&mut i2c), Ok(WARM));
    for _ in 0..3 {
        I2C.turn_off();
        assert_eq!(takes_the_limit(|| read(&mut i2c)), Err(Error::TimedOut));
        assert_eq!(read(&mut i2c), Ok(WARM));
    }
    // The interrupt is lost: the handler does not signal.
    I2C.line().set_handler(|line| line.disable());
    assert_eq!(takes_the_limit(|| read(&mut i2c)), Err(Error::TimedOut));
    I2C.line().set_handler(on_interrupt);
    assert_eq!(read(&mut i2c), Ok(WARM));
}
crate::registry::test!(through_the_adapter_a_limit_resets_the_bus);

/// A limit of nothing is one try, which is not enough; a limit of years is one.
fn limits_of_nothing_and_of_years(_: &'static Board) {
    let mut two = [0; 2];
    let bus: SharedBus<_, 2> = SharedBus::new(drivers::i2c::take().expect("the first"));
    let device = |duration| I2cDevice::new(&bus, For::new(Spin, clock(), duration)).expect("two");
    let (mut none, mut years) = (device(Duration::ZERO), device(Duration::MAX));
    for _ in 0..3 {
        assert_eq!(none.write_read(THERMOMETER, &[0], &mut two), Err(Error::TimedOut));
        assert_eq!(none.transaction(THERMOMETER, &mut []), Ok(()));
        assert_eq!(none.write(0xff_u8, &[0]), Err(Error::AddressOutOfRange));
        assert_eq!(years.write_read(THERMOMETER, &[0], &mut two), Ok(()));
        assert_eq!(two, WARM);
    }
}
crate::registry::test!(limits_of_nothing_and_of_years);
