//! A transaction that is cut at any place, and then one with another device; and the same with a device as
//! it is often written, which flushes nothing and whose drop does nothing.

use std::{
    fmt::Debug,
    future::Future,
    task::{Context, Waker},
};

use embedded_hal::{
    digital::OutputPin,
    spi::{ErrorType, Operation},
};
use embedded_hal_async::spi::{SpiBus as _, SpiDevice};
use fakes::{
    spi::Line::{High, Low, Word},
    sweep::{caught, clean, panicked},
};
use wouldblock::{
    adapter::Spi,
    block::Spin,
    spi::Error,
    testing::{Report, Sweep},
};

use crate::{
    register_read, sized,
    sweep::{Form, read},
    wire::{Device, Engine, Flaw, Pin, Rig, SharedBus},
};

/// A transaction that is dropped after `tries` tries, with interrupts in between, and then one with another
/// device.
fn dropped(tries: u32, form: Form, flaw: Flaw, ends_early: bool) -> Report {
    let early = if ends_early { ", early" } else { "" };
    let name = format!("spi, dropped after {tries}, {form:?}{early}");
    sized(Sweep::new(&name).needs(12), flaw != Flaw::None).run(Rig::new, move |rig, cpu| {
        let mut bus = rig.bus_ending(flaw, ends_early);
        let (mut pin, clock) = (rig.pin(1), rig.clock());
        let operations = &mut [Operation::Write(&[1_u8; 9]), Operation::DelayNs(40)];
        let mut transaction = bus.transaction(&mut pin, &clock, operations);
        for _ in 0..tries {
            cpu.step();
            if transaction.attempt().is_ok() {
                break;
            }
        }
        drop(transaction);
        assert_eq!(rig.chip.selected(), None, "the chip select has risen");
        read(rig, &mut bus, 2, cpu, form);
        let log = rig.chip.log();
        assert!(log.ends_with(&register_read(2)), "the next one is whole: {log:?}");
        assert!(tries == 0 || log.starts_with(&[Low(1)]), "{log:?}");
    })
}

#[test]
fn one_that_is_dropped_at_any_try_and_the_next() {
    for tries in 0..=12 {
        let form = if tries % 2 == 0 { Form::Asleep } else { Form::Awaited };
        clean(&dropped(tries, form, Flaw::None, tries % 3 == 0), 30);
    }
    let unflushed = dropped(2, Form::Asleep, Flaw::NeverFlushes, false);
    caught(&unflushed, panicked("under a running clock"));
    // The words of the first are taken for what the second one receives.
    caught(&dropped(2, Form::Asleep, Flaw::KeepsWords, false), panicked("left == right"));
}

/// What the devices of these tests are cut in: more than a FIFO, a delay, both directions.
async fn transaction<D: SpiDevice>(device: &mut D) -> Result<(), D::Error> {
    let (mut back, mut place) = ([0; 3], [7, 8]);
    device
        .transaction(&mut [
            Operation::Write(&[1, 2]),
            Operation::DelayNs(400),
            Operation::Transfer(&mut back, &[3, 4, 5, 6]),
            Operation::TransferInPlace(&mut place),
            Operation::Read(&mut []),
        ])
        .await?;
    assert_eq!((back, place), ([3, 4, 5].map(u8::wrapping_neg), [7, 8].map(u8::wrapping_neg)));
    Ok(())
}

/// The device is cut at its every poll, and then the other one works. The number of cuts.
fn cuts<D: SpiDevice<Error: Debug>>(rig: &Rig, first: &mut D, mut second: impl FnMut()) -> u32 {
    let words = [1, 2, 3, 4, 5, 6, 7, 8].map(Word);
    let whole = [&[Low(1)][..], &words, &[High(1)]].concat();
    for polls in 0..200 {
        rig.chip.clear_log();
        let mut future = Box::pin(transaction(first));
        let mut context = Context::from_waker(Waker::noop());
        let ended = (0..polls).any(|_| future.as_mut().poll(&mut context).is_ready());
        let before = rig.chip.log().len();
        drop(future);
        assert_eq!(rig.chip.selected(), None, "the chip select is low after {polls} polls");
        let mut log = rig.chip.log();
        // As the call is disarmed, one more word may begin.
        assert!(log.len() <= before + 3, "what was begun, and no further word: {log:?}");
        assert_eq!(log.pop(), (polls > 0).then_some(High(1)));
        assert!(whole.starts_with(&log), "{log:?}");
        rig.chip.clear_log();
        second();
        if ended {
            assert_eq!(log.len(), whole.len() - 1);
            return polls - 1;
        }
    }
    panic!("it does not end");
}

#[test]
fn a_device_that_is_cut_at_any_poll_and_another_one() {
    for ends_early in [false, true] {
        let rig = Rig::new();
        let bus: SharedBus<'_, 2> = SharedBus::new(rig.bus_ending(Flaw::None, ends_early));
        let mut first = Device::new(&bus, rig.pin(1), rig.clock(), Spin).unwrap();
        let mut other = Device::new(&bus, rig.pin(2), rig.clock(), Spin).unwrap();
        let number = cuts(&rig, &mut first, || {
            let mut two = [0_u8; 2];
            let operations = &mut [Operation::Write(&[9, 8]), Operation::Read(&mut two)];
            embedded_hal::spi::SpiDevice::transaction(&mut other, operations).unwrap();
            assert_eq!((two, rig.chip.log()), ([2; 2], register_read(2)));
        });
        println!("{number} cuts");
        assert!(number > 10, "{number}");
    }
}

/// A device on a bus of its own, as it is often written.
struct Naive<'e> {
    spi: Spi<'e, Engine>,
    select: Pin,
    flushes: bool,
}

impl ErrorType for Naive<'_> {
    type Error = Error<embedded_hal::spi::ErrorKind>;
}

impl SpiDevice for Naive<'_> {
    async fn transaction(
        &mut self,
        operations: &mut [Operation<'_, u8>],
    ) -> Result<(), Self::Error> {
        let Ok(()) = self.select.set_low();
        for operation in operations {
            match operation {
                Operation::Read(words) => self.spi.read(words).await?,
                Operation::Write(words) => self.spi.write(words).await?,
                Operation::Transfer(read, write) => self.spi.transfer(read, write).await?,
                Operation::TransferInPlace(words) => self.spi.transfer_in_place(words).await?,
                Operation::DelayNs(_) => {}
            }
        }
        if self.flushes {
            embedded_hal_async::spi::SpiBus::<u8>::flush(&mut self.spi).await?;
        }
        let Ok(()) = self.select.set_high();
        Ok(())
    }
}

/// The words of the assertion that such a device does not hold.
fn naive(flushes: bool, drive: fn(&Rig, &mut Naive<'_>)) -> String {
    let found = std::panic::catch_unwind(|| {
        let rig = Rig::new();
        let spi = Spi::new(rig.bus_ending(Flaw::None, true), Spin);
        drive(&rig, &mut Naive { spi, select: rig.pin(1), flushes });
    });
    let payload = found.expect_err("the twin was not caught");
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default()
}

#[test]
fn a_device_as_it_is_often_written_is_caught() {
    let write = |_: &Rig, device: &mut Naive<'_>| _ = pollster::block_on(device.write(&[1, 2, 3]));
    assert!(naive(false, write).contains("under a running clock"));
    let cut = |rig: &Rig, device: &mut Naive<'_>| _ = cuts(rig, device, || ());
    assert!(naive(true, cut).contains("the chip select is low after 1 polls"));
}
