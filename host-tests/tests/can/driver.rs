//! The driver for the SJA1000, on the strict fake: what is in the registers, and what fails.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_can::{Error as _, ErrorKind, ExtendedId, Frame as _, Id};
use wouldblock::{
    attempt::Attempt,
    block::Spin,
    can::{Receive, Transmit},
    nb,
    testing::check,
};

use crate::{
    fake::{Fake, Port},
    frame::Frame,
    numbered,
    registers::{ENABLE, INTERRUPT, Registers},
    sja1000::{Error, Sja1000},
    standard,
};

pub type Driver = Sja1000<Port>;

/// The chip and its driver.
#[derive(Clone, Copy)]
pub struct Rig {
    pub fake: &'static Fake,
    pub driver: &'static Driver,
}

impl Rig {
    pub fn new(as_qemu: bool) -> Self {
        let fake = Fake::new(as_qemu);
        let driver = fakes::leak(Sja1000::new(Port(fake)));
        driver.initialize([0x00, 0x14]);
        Self { fake, driver }
    }

    /// Calls the handler as often as the line is high.
    pub fn handle(&self) {
        let calls = (0..10).take_while(|_| self.deliver()).count();
        assert!(calls < 10, "the line stays high");
    }

    /// Calls the handler if the line is high.
    pub fn deliver(&self) -> bool {
        self.fake.deliver(|| drop(self.driver.on_interrupt()))
    }

    /// The twin of that: its handler only quiets the chip.
    pub fn deliver_nothing(&self) -> bool {
        let port = Port(self.fake);
        self.fake.deliver(|| {
            port.write(ENABLE, 0);
            _ = port.read(INTERRUPT);
        })
    }

    /// Everything that is queued goes out.
    pub fn send_all(&self) {
        for _ in 0..20 {
            self.fake.tick();
            self.handle();
        }
    }
}

#[test]
fn frames_of_every_kind_and_length_go_through_the_registers_both_ways() {
    let rig = Rig::new(false);
    let mut transmitter = rig.driver.transmitter().unwrap();
    let mut receiver = rig.driver.receiver().unwrap();
    assert!(rig.driver.transmitter().is_none() && rig.driver.receiver().is_none(), "there is one");
    let extended = |id| Id::from(ExtendedId::new(id).unwrap());
    let ids = [0, 0x2aa, 0x7ff].map(standard).into_iter();
    let mut sent = vec![];
    for id in ids.chain([0, 0x0a5a_5a5a, 0x1fff_ffff].map(extended)) {
        for length in 0..=8 {
            let data = &[0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88][..length];
            for frame in [Frame::new(id, data).unwrap(), Frame::new_remote(id, length).unwrap()] {
                assert_eq!(transmitter.transmit(&frame).attempt(), Ok(()));
                rig.send_all();
                sent.push(frame);
                rig.fake.receive(&frame);
                assert_eq!(receiver.receive().attempt(), Ok(frame));
            }
        }
    }
    assert_eq!(rig.fake.sent(), sent);
    assert_eq!(rig.driver.errors(), (3, 5));
}

#[test]
fn bad_lengths_make_no_frame_and_a_length_of_15_from_the_bus_is_8() {
    assert!(Frame::new(standard(1), &[0; 9]).is_none());
    assert!(Frame::new_remote(standard(1), 9).is_none());
    assert!(Frame::new_remote(standard(1), usize::MAX).is_none());
    let rig = Rig::new(false);
    let mut receiver = rig.driver.receiver().unwrap();
    rig.fake.receive_raw(&[0x0f, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8]);
    let frame = Frame::new(standard(0x7ff), &[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(receiver.receive().attempt().ok(), frame);
    rig.fake.receive_raw(&[0x4f, 0xff, 0xff]);
    assert_eq!(receiver.receive().attempt().ok(), Frame::new_remote(standard(0x7ff), 8));
}

#[test]
fn a_pending_frame_gives_way_and_one_that_is_being_sent_does_not() {
    let rig = Rig::new(false);
    let mut half = rig.driver;
    let [low, lower, high] = [numbered(5, 1), numbered(6, 2), numbered(4, 3)];
    assert_eq!(half.transmit(&low), Ok(None));
    assert_eq!(half.transmit(&lower), Err(nb::Error::WouldBlock), "it is less urgent");
    assert_eq!(half.transmit(&numbered(5, 4)), Err(nb::Error::WouldBlock), "it came later");
    assert_eq!(half.transmit(&high), Ok(Some(low)));
    rig.fake.tick();
    assert_eq!(half.transmit(&numbered(0, 5)), Err(nb::Error::WouldBlock), "it is being sent");
    rig.fake.tick();
    assert_eq!(half.transmit(&low), Ok(None));
    rig.send_all();
    assert_eq!(rig.fake.sent(), [high, low]);
    assert_eq!(rig.fake.enabled(), 0);
}

#[test]
fn an_overrun_is_an_error_once() {
    let rig = Rig::new(false);
    let mut receiver = rig.driver.receiver().unwrap();
    let long = |n| Frame::new(standard(3), &[n; 8]).unwrap();
    (0..7).for_each(|n| rig.fake.receive(&long(n)));
    assert_eq!(receiver.receive().block(Spin), Err(Error::Overrun));
    for n in 0..5 {
        assert_eq!(receiver.receive().block(Spin), Ok(long(n)));
    }
    assert_eq!(receiver.receive().attempt(), Err(nb::Error::WouldBlock));
    rig.fake.receive(&long(9));
    assert_eq!(receiver.receive().attempt(), Ok(long(9)));
    assert_eq!(Error::Overrun.kind(), ErrorKind::Overrun);
}

#[test]
fn off_the_bus_both_halves_fail_and_after_a_restart_the_pending_frame_is_sent() {
    for as_qemu in [false, true] {
        let rig = Rig::new(as_qemu);
        let mut transmitter = rig.driver.transmitter().unwrap();
        let mut receiver = rig.driver.receiver().unwrap();
        let (first, second) = (numbered(5, 1), numbered(5, 2));
        assert_eq!(transmitter.transmit(&first).attempt(), Ok(()));
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut transmission = pin!(transmitter.transmit(&second));
            let mut reception = pin!(receiver.receive());
            assert!(transmission.as_mut().poll(&mut context).is_pending());
            assert!(reception.as_mut().poll(&mut context).is_pending());
            rig.fake.go_off();
            assert!(rig.deliver(), "it interrupts");
            rig.handle();
            assert_eq!(transmission.as_mut().poll(&mut context), Poll::Ready(Err(Error::BusOff)));
            assert_eq!(reception.as_mut().poll(&mut context), Poll::Ready(Err(Error::BusOff)));
        }
        assert_eq!(transmitter.transmit(&second).block(Spin), Err(Error::BusOff), "it lasts");
        assert_eq!(Error::BusOff.kind(), ErrorKind::Other);
        rig.driver.restart();
        assert_eq!(receiver.receive().attempt(), Err(nb::Error::WouldBlock), "not yet");
        rig.fake.recover();
        rig.send_all();
        assert_eq!(rig.fake.sent(), [first]);
        assert_eq!(transmitter.transmit(&second).attempt(), Ok(()));
        rig.send_all();
        assert_eq!(rig.fake.sent(), [first, second]);
        assert_eq!(rig.fake.enabled(), 0);
    }
}

/// A half as an attempt, for the checks of the library.
struct Take(&'static Driver);

impl Attempt for Take {
    type Output = Frame;
    type Error = Error;

    fn attempt(&mut self) -> nb::Result<Frame, Error> {
        self.0.receive()
    }

    fn arm(&mut self) {
        Receive::arm(&mut self.0);
    }

    fn disarm(&mut self) {
        Receive::disarm(&mut self.0);
    }
}

struct Put(&'static Driver, Frame);

impl Attempt for Put {
    type Output = Option<Frame>;
    type Error = Error;

    fn attempt(&mut self) -> nb::Result<Option<Frame>, Error> {
        self.0.transmit(&self.1)
    }

    fn arm(&mut self) {
        Transmit::arm(&mut self.0);
    }

    fn disarm(&mut self) {
        Transmit::disarm(&mut self.0);
    }
}

#[test]
fn both_halves_keep_the_promises_of_an_attempt() {
    let rig = Rig::new(false);
    let enabled = || rig.fake.enabled() != 0;
    check::tries_lose_nothing(&mut Take(rig.driver), 9, || rig.fake.sent()).unwrap();
    check::arm_enables_the_source(&mut Take(rig.driver), enabled).unwrap();
    let mut half = rig.driver;
    assert_eq!(half.transmit(&numbered(1, 1)), Ok(None));
    let mut put = Put(rig.driver, numbered(1, 2));
    check::tries_lose_nothing(&mut put, 9, || rig.fake.is_free()).unwrap();
    check::arm_enables_the_source(&mut put, enabled).unwrap();
    // One of the status, 11 of the buffer, and the command, between the ends of a critical section.
    let put = || Put(Rig::new(false).driver, Frame::new(standard(1), &[0; 8]).unwrap());
    assert_eq!(check::a_try_is_bounded(put, 15), Ok(15));
}
