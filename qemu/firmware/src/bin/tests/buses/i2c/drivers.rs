//! Drivers of other authors, from crates.io and unchanged, against what the host has set: blocking ones
//! and an awaited one.

use core::cell::RefCell;

use board::{Board, i2c::I2C, idle::Park};
use ds1307::{DateTimeAccess, Ds1307, NaiveDate};
use eeprom24x::Eeprom24x;
use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use firmware::task;
use lm75::Lm75;
use port_expander::{
    PortMutex,
    dev::pca9554::{Driver, Pca9554},
};
use tmp1x2::Tmp1x2;
use tmp1075::Tmp1075;
use wouldblock::{
    adapter::{I2c, I2cDevice, SharedBus},
    i2c::Error,
};

use super::{ABSENT, EEPROM, EXPANDER, FREEZER, THERMOMETER};

/// How many `I2cDevice`s a test needs at most.
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
    let mut absent = Lm75::new(thermometer.destroy(), ABSENT);
    let Err(lm75::Error::I2C(error)) = absent.read_temperature() else {
        panic!("an absent device responds")
    };
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

/// Drives the expander's pins, and checks each step by its registers, which another device reads. The host
/// has connected pin 0 to pin 1.
fn drive<I, M>(mut expander: Pca9554<M>, mut registers: impl embedded_hal::i2c::I2c)
where
    I: embedded_hal::i2c::I2c,
    M: PortMutex<Port = Driver<I>>,
{
    const LEVELS: u8 = 0;
    const OUTPUTS: u8 = 1;
    const INVERTED: u8 = 2;
    const INPUTS: u8 = 3;

    assert_eq!(EXPANDER, 0x20, "that of three low address pins");
    let mut register = |number| {
        let mut one = [0];
        registers.write_read(EXPANDER, &[number], &mut one).expect("it is there");
        one[0]
    };
    let pins = expander.split();
    let mut first = pins.io0.into_output().expect("it is there");
    let second = pins.io1.into_input().expect("it is there");
    let mut seventh = pins.io6.into_output_high().expect("it is there");
    assert_eq!(register(INPUTS), !0b0100_0001);
    for high in [true, false, true, true, false, false] {
        let end = if high { first.set_high() } else { first.set_low() };
        assert!(end.is_ok());
        assert_eq!(register(OUTPUTS), 0b0100_0000 | u8::from(high));
        assert_eq!(second.is_high().ok(), Some(high), "what the other end of the wire is");
        assert_eq!(register(LEVELS) & 0b11, 0b11 * u8::from(high));
    }
    // This chip inverts pins 4 to 7 after a reset, which those that the driver is for do not.
    for (inverted, kept) in [(false, 0b1011_0000), (true, 0b1111_0000)] {
        assert!(seventh.set_inverted(inverted).is_ok());
        assert_eq!(register(INVERTED), kept);
        assert_eq!(register(LEVELS) & 0b0100_0000 != 0, !inverted);
    }
    // Both with one transaction.
    assert!(port_expander::write_multiple([&mut first, &mut seventh], [true, false]).is_ok());
    assert_eq!((register(OUTPUTS), second.is_high().ok()), (1, Some(true)));
}

fn port_expander_drives_pins_that_come_back(_: &'static Board) {
    let bus: SharedBus<_, DEVICES> = SharedBus::new(drivers::i2c::take().expect("the first"));
    let device = || I2cDevice::new(&bus, Park).expect("no more than that");
    drive(Pca9554::new(device(), false, false, false), device());
    let taken = I2C.line().taken();
    assert!(taken > 0, "asleep until interrupts");
    // The driver's pins for handlers and tasks at once: it holds a critical section in each call, so all of
    // its transactions are masked, and the same `Park` spins. Only the registers' own are asleep.
    type Masked<T> = critical_section::Mutex<RefCell<T>>;
    drive(Pca9554::<Masked<_>>::with_mutex(device(), false, false, false), device());
    let masked = I2C.line().taken() - taken;
    assert!((1..taken).contains(&masked), "{masked} instead of {taken} interrupts");
}
crate::registry::test!(port_expander_drives_pins_that_come_back);

/// All of them on one bus, one after the other; the awaited one by the same kind of value.
fn all_on_one_bus(_: &'static Board) {
    let bus: SharedBus<_, DEVICES> = SharedBus::new(drivers::i2c::take().expect("the first"));
    let device = || I2cDevice::new(&bus, Park).expect("no more than that");
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
    assert!(I2cDevice::new(&bus, Park).is_none(), "two are handed out");
}
crate::registry::test!(all_on_one_bus);
