//! A controller that receives nothing, and interrupts that are lost: time-outs, and what comes after them.

use core::time::Duration;

use board::{
    Board, alarm,
    counter::{clock, frequency, time},
};
use drivers::spi::{FLASH, on_interrupt};
use embedded_hal::spi::{Operation, SpiBus as _, SpiDevice as _};
use wouldblock::{
    adapter::{For, SharedBus, Spi, SpiDevice},
    block::Spin,
    spi::Error,
    time as wait,
};

use super::{CLOCK, is_of_the_host, is_right, read_from};

const LIMIT: Duration = Duration::from_millis(2);

/// Checks that this many ticks are the limit, or at most a tenth of it more.
#[track_caller]
fn is_the_limit(ticks: u64) {
    let limit = frequency() / 500;
    assert!((limit..limit + limit / 10).contains(&ticks), "{ticks} ticks instead of {limit}");
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
    let (mut bus, mut select) = FLASH.take().expect("the first");
    let mut time_outs = 0;
    for tries in 0.. {
        let mut read = [0; 40];
        let command = read_from(0x99);
        let operations = &mut [Operation::Write(&command), Operation::Read(&mut read)];
        let mut transaction = bus.transaction(&mut select, &CLOCK, operations);
        assert!((0..tries).all(|_| transaction.attempt() == Err(nb::Error::WouldBlock)));
        FLASH.deafen();
        let begun = time();
        let end = transaction.block_for(alarm::park_until(), clock(), LIMIT);
        if end == Ok(()) {
            break; // Its last bytes had come back before.
        }
        assert_eq!(end, Err(wait::Error::TimedOut), "after {tries} tries");
        is_the_limit(time() - begun);
        time_outs += 1;
        transaction.into_inner().reset();
        assert!(is_right(&mut bus, &mut select), "after {tries} tries");
    }
    assert_eq!(time_outs, 6, "at each step but the last");
}
crate::registry::test!(a_time_out_is_bounded_and_after_it_the_bus_works);

fn through_the_adapter_a_limit_resets_the_controller(_: &'static Board) {
    let (bus, select) = FLASH.take().expect("the first");
    let bus: SharedBus<_, 1> = SharedBus::new(bus);
    let limit = For::new(alarm::park_until(), clock(), LIMIT);
    let mut device = SpiDevice::new(&bus, select, CLOCK, limit).expect("one");
    let mut read = || {
        let mut read = [0; 20];
        let command = read_from(0x1234);
        let operations = &mut [Operation::Write(&command), Operation::Read(&mut read)];
        device.transaction(operations).map(|()| is_of_the_host(&read, 0x1234))
    };
    assert_eq!(read(), Ok(true));
    for _ in 0..3 {
        FLASH.deafen();
        assert_eq!(takes_the_limit(&mut read), Err(Error::TimedOut));
        assert_eq!(read(), Ok(true));
    }
    // The interrupt is lost: the handler does not signal.
    FLASH.line().set_handler(|line| {
        line.disable();
        line.acknowledge();
    });
    assert_eq!(takes_the_limit(&mut read), Err(Error::TimedOut));
    FLASH.line().set_handler(on_interrupt);
    FLASH.line().enable();
    assert_eq!(read(), Ok(true));
}
crate::registry::test!(through_the_adapter_a_limit_resets_the_controller);

/// A limit of nothing is one try, which is not enough; a limit of years is one.
fn limits_of_nothing_and_of_years(_: &'static Board) {
    let (bus, select) = FLASH.take().expect("the first");
    let bus: SharedBus<_, 2> = SharedBus::new(bus);
    let device = |duration| {
        let limit = For::new(Spin, clock(), duration);
        SpiDevice::new(&bus, select.clone(), CLOCK, limit).expect("two")
    };
    let (mut none, mut years) = (device(Duration::ZERO), device(Duration::MAX));
    for _ in 0..3 {
        let mut read = [0; 20];
        let command = read_from(0x321);
        let operations = &mut [Operation::Write(&command), Operation::Read(&mut read)];
        assert_eq!(none.transaction(operations), Err(Error::TimedOut));
        assert_eq!(none.transaction(&mut [] as &mut [Operation<'_, u8>]), Ok(()));
        let operations = &mut [Operation::Write(&command), Operation::Read(&mut read)];
        assert_eq!(years.transaction(operations), Ok(()));
        assert!(is_of_the_host(&read, 0x321));
    }
}
crate::registry::test!(limits_of_nothing_and_of_years);

/// `SpiBus`, without a chip select: no device hears it.
fn a_bus_by_itself(_: &'static Board) {
    let (bus, _) = FLASH.take().expect("the first");
    let mut spi: Spi<'_, _, _> = Spi::new(bus, For::new(alarm::park_until(), clock(), LIMIT));
    let mut read = [7_u8; 30];
    assert_eq!(spi.write(&[0x9f_u8; 30]), Ok(()));
    assert_eq!(spi.read(&mut read), Ok(()));
    assert_eq!(read, [0; 30]);
    assert_eq!(spi.transfer(&mut read, &[1, 2]), Ok(()));
    assert_eq!(spi.transfer_in_place(&mut read), Ok(()));
    assert_eq!(spi.write(&[0x9f9f_u16; 5]), Ok(()));
    FLASH.deafen();
    assert_eq!(takes_the_limit(|| spi.write(&[1_u8])), Err(Error::TimedOut));
    assert_eq!(spi.write(&[1_u8]), Ok(()));
    assert_eq!(<Spi<'_, _, _> as embedded_hal::spi::SpiBus<u8>>::flush(&mut spi), Ok(()));
}
crate::registry::test!(a_bus_by_itself);
