//! `soft-i2c` on two wires, and the shared buses of `embedded-hal-bus` and `embassy-embedded-hal`.

use std::{
    cell::RefCell,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embassy_embedded_hal::shared_bus::asynch::i2c::I2cDevice;
use embassy_sync::{blocking_mutex::raw::NoopRawMutex, mutex::Mutex};
use embedded_hal::i2c::{ErrorType, Operation};
use embedded_hal_bus::i2c::RefCellDevice;
use fakes::leak;
use soft_i2c::SoftI2C;
use wouldblock::{
    adapter::I2c,
    block::{Idle, Spin},
    testing::conformance::{I2cTargets, Promises},
};

use super::pins::Wires;
use crate::{
    breaks, clean,
    i2c::{NO_BYTES, NOTHING, ONE_RUN, REPEATED, Steps, rig},
    wire::{Flaw, Rig},
};

type Soft = SoftI2C<'static, Wires, Wires, Wires, 100_000>;

fn soft(targets: I2cTargets) -> Soft {
    let wires = Wires::new(targets);
    let [clock, data, delay] = [0; 3].map(|_| Box::leak(Box::new(wires.clone())));
    SoftI2C::new(clock, data, delay)
}

/// soft-i2c 0.1.1 makes one transaction of each operation of a `transaction`: with a START and a STOP
/// each, where the trait says that adjacent operations are one run and that a repeated START comes
/// between directions. A driver that writes a register's number and its value in two operations
/// writes something else. A read of no bytes leaves the target driving the bus.
#[test]
fn soft_i2c_makes_one_transaction_of_each_operation() {
    let promises = Promises::of_i2c("soft-i2c", |targets| (soft(targets), || ()));
    breaks(&promises, &[ONE_RUN, REPEATED, NO_BYTES, NOTHING]);
}

#[test]
fn the_shared_bus_of_embedded_hal_bus_keeps_the_promises_of_its_bus() {
    clean(&Promises::of_i2c("embedded-hal-bus, RefCellDevice", |targets| {
        let rig = rig(&targets);
        let bus = leak(RefCell::new(I2c::new(rig.bus(Flaw::None), Steps(rig))));
        (RefCellDevice::new(bus), || rig.step())
    }));
    let soft = Promises::of_i2c("embedded-hal-bus, RefCellDevice, on soft-i2c", |targets| {
        (RefCellDevice::new(leak(RefCell::new(soft(targets)))), || ())
    });
    breaks(&soft, &[ONE_RUN, REPEATED, NO_BYTES, NOTHING]);
}

/// A blocking device made of an awaited one, which is polled after each step.
struct Stepped<D>(D, &'static Rig);

impl<D: ErrorType> ErrorType for Stepped<D> {
    type Error = D::Error;
}

impl<D: embedded_hal_async::i2c::I2c> embedded_hal::i2c::I2c for Stepped<D> {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), D::Error> {
        let mut call = pin!(self.0.transaction(address, operations));
        loop {
            match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(end) => return end,
                Poll::Pending => Steps(self.1).idle(|| false),
            }
        }
    }
}

#[test]
fn the_shared_bus_of_embassy_keeps_the_promises_of_its_bus() {
    clean(&Promises::of_i2c_awaited("embassy-embedded-hal, I2cDevice", |targets| {
        let rig = rig(&targets);
        let bus: &Mutex<NoopRawMutex, _> = leak(Mutex::new(I2c::new(rig.bus(Flaw::None), Spin)));
        (I2cDevice::new(bus), || rig.step())
    }));
    clean(&Promises::of_i2c_shared("embassy-embedded-hal, two of I2cDevice", |targets| {
        let rig = rig(&targets);
        let bus: &Mutex<NoopRawMutex, _> = leak(Mutex::new(I2c::new(rig.bus(Flaw::None), Spin)));
        (I2cDevice::new(bus), Stepped(I2cDevice::new(bus), rig), || rig.step())
    }));
}
