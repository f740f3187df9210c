//! The devices of `embedded-hal-bus` and `embassy-embedded-hal`, on a bus whose calls return early.

use std::{cell::RefCell, rc::Rc};

use embassy_embedded_hal::shared_bus::{asynch, blocking};
use embassy_sync::{
    blocking_mutex::{Mutex as BlockingMutex, raw::NoopRawMutex},
    mutex::Mutex,
};
use embedded_hal_bus::spi::{ExclusiveDevice, RefCellDevice};
use fakes::leak;
use wouldblock::testing::conformance::{Promises, SpiTarget};

use crate::{
    breaks, clean,
    spi::{
        DELAY, DROPPED_FLUSHED, DROPPED_NEXT, DROPPED_RISES,
        bus::{Bus, Delay, Fifo, Flaw, Select},
    },
};

fn bus(target: &SpiTarget) -> (Bus, Box<dyn FnMut()>) {
    let fifo = Fifo::new(target.clone(), Flaw::None);
    (Bus(Rc::clone(&fifo)), Box::new(move || fifo.step()))
}

/// embedded-hal-bus 0.3.0 keeps what the traits say. They do not speak of a future that is dropped: then the
/// chip select stays low, so for the chip the next transaction continues the one that was cut.
#[test]
fn exclusive_device_of_embedded_hal_bus_leaves_the_chip_select_low_when_it_is_dropped() {
    let make = |target: SpiTarget| {
        let (bus, step) = bus(&target);
        let select = Select(target.clone());
        (ExclusiveDevice::new(bus, select, Delay(target)).unwrap(), step)
    };
    clean(&Promises::of_spi("embedded-hal-bus, ExclusiveDevice, blocking", make));
    let awaited = Promises::of_spi_awaited("embedded-hal-bus, ExclusiveDevice, awaited", make);
    breaks(&awaited, &[DROPPED_RISES, DROPPED_NEXT]);
}

#[test]
fn ref_cell_device_of_embedded_hal_bus_keeps_its_promises() {
    breaks(
        &Promises::of_spi("embedded-hal-bus, RefCellDevice", |target| {
            let (bus, step) = bus(&target);
            let select = Select(target.clone());
            (RefCellDevice::new(leak(RefCell::new(bus)), select, Delay(target)).unwrap(), step)
        }),
        &[],
    );
}

/// embassy-embedded-hal 0.6.0, without its feature `time`, refuses delays, which the trait demands. Where its
/// future is dropped, the chip select rises (since embassy #3844), but words that are in the controller's
/// FIFO run on, into the next transaction.
#[test]
fn the_awaited_device_of_embassy_lets_the_chip_select_rise_under_a_running_clock() {
    let promises = Promises::of_spi("embassy-embedded-hal, SpiDevice, blocking", |target| {
        let (bus, step) = bus(&target);
        let bus: &BlockingMutex<NoopRawMutex, _> = leak(BlockingMutex::new(RefCell::new(bus)));
        (blocking::spi::SpiDevice::new(bus, Select(target)), step)
    });
    breaks(&promises, &[DELAY]);
    let promises = Promises::of_spi_awaited("embassy-embedded-hal, SpiDevice, awaited", |target| {
        let (bus, step) = bus(&target);
        let bus: &Mutex<NoopRawMutex, _> = leak(Mutex::new(bus));
        (asynch::spi::SpiDevice::new(bus, Select(target)), step)
    });
    breaks(&promises, &[DELAY, DROPPED_FLUSHED, DROPPED_NEXT]);
}
