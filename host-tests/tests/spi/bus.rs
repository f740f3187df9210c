//! A bus by itself: `SpiBus`, blocking and awaited.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_hal::spi::{ErrorKind, SpiBus};
use fakes::spi::Line::Word;
use wouldblock::{adapter::Spi, block::Spin, spi::Error};

use crate::wire::{Flaw, Rig};

/// Polls `future` to its end: no handler runs here, so nothing wakes it.
fn polled<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        let poll = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(end) = poll {
            return end;
        }
    }
}

/// The awaited calls, as blocking ones.
struct Awaited<T>(T);

impl<T: embedded_hal::spi::ErrorType> embedded_hal::spi::ErrorType for Awaited<T> {
    type Error = T::Error;
}

impl<W: Copy + 'static, T: embedded_hal_async::spi::SpiBus<W>> SpiBus<W> for Awaited<T> {
    fn read(&mut self, words: &mut [W]) -> Result<(), T::Error> {
        polled(self.0.read(words))
    }

    fn write(&mut self, words: &[W]) -> Result<(), T::Error> {
        polled(self.0.write(words))
    }

    fn transfer(&mut self, read: &mut [W], write: &[W]) -> Result<(), T::Error> {
        polled(self.0.transfer(read, write))
    }

    fn transfer_in_place(&mut self, words: &mut [W]) -> Result<(), T::Error> {
        polled(self.0.transfer_in_place(words))
    }

    fn flush(&mut self) -> Result<(), T::Error> {
        polled(self.0.flush())
    }
}

/// Every call of the trait, with every length up to more than a FIFO.
fn every_call(rig: &Rig, spi: &mut impl SpiBus<u8, Error = Error<ErrorKind>>) {
    for length in 0..10 {
        rig.chip.clear_log();
        let words: Vec<_> = (1..=length as u8).collect();
        let mut buffer = vec![0; length];
        spi.write(&words).unwrap();
        spi.read(&mut buffer).unwrap();
        assert_eq!(buffer, vec![0; length], "the complement of what was sent, 0xff");
        spi.transfer(&mut buffer, &words).unwrap();
        let complement: Vec<_> = words.iter().map(|word| !word).collect();
        assert_eq!(buffer, complement);
        spi.transfer(&mut [], &words).unwrap();
        let mut longer = vec![7; length + 2];
        spi.transfer(&mut longer, &words).unwrap();
        assert_eq!(longer, [&complement[..], &[0, 0]].concat());
        buffer.copy_from_slice(&words);
        spi.transfer_in_place(&mut buffer).unwrap();
        assert_eq!(buffer, complement);
        spi.flush().unwrap();
        let ones = vec![0xff; length];
        let sent = [&words[..], &ones, &words, &words, &words, &[0xff, 0xff], &words].concat();
        let log: Vec<_> = sent.into_iter().map(|word| Word(word.into())).collect();
        assert_eq!(rig.chip.log(), log, "all have left");
    }
}

#[test]
fn every_call_of_the_trait() {
    for ends_early in [false, true] {
        let rig = Rig::new();
        let bus = rig.bus_ending(Flaw::None, ends_early);
        let mut spi = Spi::new(bus, Spin);
        every_call(&rig, &mut spi);
        every_call(&rig, &mut Awaited(&mut spi));
    }
}

/// A write that ends when its last word is in the FIFO, and then a flush.
fn flushed(flaw: Flaw) -> bool {
    let rig = Rig::new();
    let bus = rig.bus_ending(flaw, true);
    let mut spi = Spi::new(bus, Spin);
    spi.write(&[1_u8, 2, 3]).unwrap();
    assert!(rig.chip.log().len() < 3, "it does not wait for the last bit");
    SpiBus::<u8>::flush(&mut spi).unwrap();
    rig.chip.log() == [Word(1), Word(2), Word(3)]
}

#[test]
fn flush_waits_for_the_last_bit() {
    assert!(flushed(Flaw::None));
    assert!(!flushed(Flaw::NeverFlushes), "the twin is caught");
}

#[test]
fn calls_of_both_sizes_take_turns() {
    let rig = Rig::new();
    let bus = rig.bus_ending(Flaw::None, true);
    let mut spi = Spi::new(bus, Spin);
    for _ in 0..3 {
        rig.chip.clear_log();
        let mut word = [0x0102_u16];
        spi.write(&[1_u8, 2]).unwrap();
        spi.transfer_in_place(&mut word).unwrap();
        assert_eq!(word, [!0x0102]);
        spi.write(&[0x0304_u16]).unwrap();
        SpiBus::<u16>::flush(&mut spi).unwrap();
        assert_eq!(rig.chip.log(), [Word(1), Word(2), Word(0x0102), Word(0x0304)]);
    }
}

#[test]
fn an_error_and_a_drop_leave_a_bus_that_works() {
    let rig = Rig::new();
    let mut spi = Spi::new(rig.bus(Flaw::None), Spin);
    rig.chip.lose(1);
    assert_eq!(spi.write(&[1_u8; 9]), Err(Error::Bus(ErrorKind::Overrun)));
    for polls in 0..30 {
        let mut nine = [0; 9];
        {
            use embedded_hal_async::spi::SpiBus;
            let mut future = pin!(SpiBus::transfer(&mut spi, &mut nine, &[1_u8; 9]));
            for _ in 0..polls {
                if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
            }
        }
        let mut three = [0; 3];
        spi.transfer(&mut three, &[5_u8, 6, 7]).unwrap();
        assert_eq!(three, [!5, !6, !7], "after {polls} polls");
        assert!(!rig.chip.is_enabled(), "left armed");
    }
}
