//! Drivers of other authors, from crates.io and unchanged, against what the host has set: blocking ones
//! and an awaited one.

use core::cell::RefCell;

use board::{Board, i2c::I2C, idle::Park};
use ds1307::{DateTimeAccess, Ds1307, NaiveDate};
use eeprom24x::Eeprom24x;
use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use firmware::task;
use lm75::Lm75;
use tmp1x2::Tmp1x2;
use tmp1075::Tmp1075;
use wouldblock::{
    adapter::{Device, I2c, SharedBus},
    i2c::Error,
};

use super::{EEPROM, FREEZER, NOBODY, THERMOMETER};

/// How many `Device`s a test needs at most.
const DEVICES: usize = 2;

fn lm75_reads_the_temperature(_: &'static Board) {
    let bus = drivers::i2c::take().expect("the first");
    let mut thermometer = Lm75::new(I2c::new(bus, Park), THERMOMETER);
    assert_eq!(thermometer.read_temperature().ok(), Some(23.5));
    assert!(I2C.line().taken() > 0, "asleep until interrupts");
    // What it writes is there, and the temperature still is what it was.
    thermometer.set_os_temperature(80.5).expect("it is there");
    thermometer.set_hysteresis_temperature(75.0).expect("it is there");
    assert_eq!(thermometer.read_temperature().ok(), Some(23.5));
    let mut nobody = Lm75::new(thermometer.destroy(), NOBODY);
    let Err(lm75::Error::I2C(error)) = nobody.read_temperature() else { panic!("nobody is there") };
    assert_eq!(error, Error::Bus(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address)));
}
crate::registry::test!(lm75_reads_the_temperature);

fn tmp1x2_reads_a_temperature_below_zero(_: &'static Board) {
    let bus = drivers::i2c::take().expect("the first");
    let address = tmp1x2::SlaveAddr::Alternative(false, true);
    assert_eq!(FREEZER, 0x49, "that address");
    let mut freezer = Tmp1x2::new(I2c::new(bus, Park), address);
    assert_eq!(freezer.read_temperature().ok(), Some(-12.5));
}
crate::registry::test!(tmp1x2_reads_a_temperature_below_zero);

fn tmp1075_is_awaited(_: &'static Board) {
    let bus = drivers::i2c::take().expect("the first");
    let mut thermometer = Tmp1075::with_address(THERMOMETER, I2c::new(bus, Park));
    assert_eq!(task::block_on(thermometer.get_temperature_float()), Ok(23.5));
    task::block_on(thermometer.set_high_limit_msb(60)).expect("it is there");
    assert_eq!(task::block_on(thermometer.get_temperature_float()), Ok(23.5));
    assert!(I2C.line().taken() > 0, "suspended until interrupts");
}
crate::registry::test!(tmp1075_is_awaited);

fn eeprom24x_keeps_its_pages(_: &'static Board) {
    const PAGE: usize = 32;
    let bus = drivers::i2c::take().expect("the first");
    let address = eeprom24x::SlaveAddr::Default;
    let mut eeprom = Eeprom24x::new_24x32(I2c::new(bus, Park), address);
    let page = |number: u32| -> [u8; PAGE] {
        core::array::from_fn(|index| (number * 7 + index as u32) as u8)
    };
    for number in 0..128 {
        eeprom.write_page(number * PAGE as u32, &page(number)).expect("a page");
    }
    // All of it in one transaction, and single bytes.
    let mut all = [0; 128 * PAGE];
    eeprom.read_data(0, &mut all).expect("it is there");
    for (number, read) in all.chunks(PAGE).enumerate() {
        assert_eq!(read, page(number as u32), "page {number}");
    }
    eeprom.write_byte(0x123, 0xa5).expect("it is there");
    assert_eq!(eeprom.read_byte(0x123).ok(), Some(0xa5));
    assert_eq!(eeprom.read_byte(0x124).ok(), Some(page(9)[4]));
}
crate::registry::test!(eeprom24x_keeps_its_pages);

/// In QEMU the clock is the host's, and counts on while the guest does not run: no boot takes so long.
const MOST_SECONDS: i64 = 1000;

fn ds1307_tells_the_time_that_the_host_has_set(_: &'static Board) {
    let bus = drivers::i2c::take().expect("the first");
    let mut clock = Ds1307::new(I2c::new(bus, Park));
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a day");
    let set = day(2024, 1, 2).and_hms_opt(3, 4, 5).expect("a time");
    let now = clock.datetime().expect("it is there");
    let since = (now - set).num_seconds();
    assert!((0..MOST_SECONDS).contains(&since), "{since} s after what the host has set");
    let leap_day = day(2028, 2, 29).and_hms_opt(23, 59, 58).expect("a time");
    clock.set_datetime(&leap_day).expect("it is there");
    let since = (clock.datetime().expect("it is there") - leap_day).num_seconds();
    assert!((0..MOST_SECONDS).contains(&since), "{since} s after what the guest has set");
}
crate::registry::test!(ds1307_tells_the_time_that_the_host_has_set);

/// All of them on one bus, one after the other; the awaited one by the same kind of value.
fn all_on_one_bus(_: &'static Board) {
    let bus: SharedBus<_, DEVICES> = SharedBus::new(drivers::i2c::take().expect("the first"));
    let device = || Device::new(&bus, Park).expect("no more than that");
    assert_eq!(EEPROM, 0x50, "the default address");
    let mut thermometer = Tmp1075::with_address(THERMOMETER, device());
    let other = RefCell::new(Some(device()));
    for round in 0..50_u8 {
        let take = || other.borrow_mut().take().expect("one at a time");
        assert_eq!(task::block_on(thermometer.get_temperature_float()), Ok(23.5));
        let mut eeprom = Eeprom24x::new_24x32(take(), eeprom24x::SlaveAddr::Default);
        eeprom.write_byte(0x40, round).expect("it is there");
        assert_eq!(eeprom.read_byte(0x40).ok(), Some(round));
        other.replace(Some(eeprom.destroy()));
        let mut freezer = Lm75::new(take(), FREEZER);
        assert_eq!(freezer.read_temperature().ok(), Some(-12.5));
        other.replace(Some(freezer.destroy()));
    }
    assert!(Device::new(&bus, Park).is_none(), "two are handed out");
}
crate::registry::test!(all_on_one_bus);
