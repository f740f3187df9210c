//! The traits of `embedded-can`, over a controller with three transmit buffers.

use embedded_can::{ErrorKind, blocking, nb as nonblocking};
use wouldblock::{
    block::{Idle, Spin},
    can::{Can, Receiver, Transmitter},
    event::Event,
    nb,
};

use crate::{
    frame::Frame,
    mailboxes::{Flaw, Mailboxes},
    numbered,
};

/// Time passes while nothing else is done.
struct Ticks(Mailboxes);

impl Idle for Ticks {
    fn idle(&mut self, _: impl Fn() -> bool) {
        self.0.tick();
    }
}

fn can<I>(idle: impl FnOnce(Mailboxes) -> I) -> (Mailboxes, Can<'static, Mailboxes, Mailboxes, I>) {
    let mailboxes = Mailboxes::new(Flaw::None);
    let waiter = || fakes::leak(Event::new()).waiter().unwrap();
    let transmitter = Transmitter::new(mailboxes.clone(), waiter());
    let receiver = Receiver::new(mailboxes.clone(), waiter());
    (mailboxes.clone(), Can { transmitter, receiver, idle: idle(mailboxes) })
}

/// Fills the three buffers, one of them with the frame on the wire.
fn fill(can: &mut impl nonblocking::Can<Frame = Frame>, mailboxes: &Mailboxes) {
    for number in 0..3 {
        assert!(matches!(can.transmit(&numbered(5, number)), Ok(None)));
        if number == 0 {
            mailboxes.tick();
        }
    }
}

#[test]
fn nonblocking_the_caller_gets_what_was_displaced() {
    let (mailboxes, mut can) = can(|_| Spin);
    fill(&mut can, &mailboxes);
    let transmit = |can: &mut _, frame| nonblocking::Can::transmit(can, &frame);
    assert_eq!(transmit(&mut can, numbered(5, 3)), Err(nb::Error::WouldBlock));
    assert_eq!(transmit(&mut can, numbered(4, 0)), Ok(Some(numbered(5, 2))));
    assert_eq!(can.transmitter.take_displaced(), None);
    assert_eq!(nonblocking::Can::receive(&mut can), Err(nb::Error::WouldBlock));
    mailboxes.receive(numbered(1, 1));
    assert_eq!(nonblocking::Can::receive(&mut can), Ok(numbered(1, 1)));
}

#[test]
fn nonblocking_what_another_form_has_displaced_goes_first() {
    let (mailboxes, mut can) = can(|_| Spin);
    fill(&mut can, &mailboxes);
    assert_eq!(can.transmitter.transmit(&numbered(4, 0)).attempt(), Ok(()));
    let last = numbered(5, 9);
    assert_eq!(nonblocking::Can::transmit(&mut can, &last), Err(nb::Error::WouldBlock));
    mailboxes.tick();
    assert_eq!(nonblocking::Can::transmit(&mut can, &last), Err(nb::Error::WouldBlock));
    (0..2).for_each(|_| mailboxes.tick());
    assert_eq!(nonblocking::Can::transmit(&mut can, &last), Ok(None));
    (0..6).for_each(|_| mailboxes.tick());
    let order = [(5, 0), (4, 0), (5, 1), (5, 2), (5, 9)];
    assert_eq!(mailboxes.sent(), order.map(|(id, number)| numbered(id, number)));
}

#[test]
fn blocking_nothing_is_kept_when_the_call_returns() {
    let (mailboxes, mut can) = can(Ticks);
    fill(&mut can, &mailboxes);
    assert_eq!(blocking::Can::transmit(&mut can, &numbered(4, 0)), Ok(()));
    // The twin is a call that returns when its own frame is queued.
    assert_eq!(can.transmitter.take_displaced(), None);
    (0..6).for_each(|_| mailboxes.tick());
    let order = [(5, 0), (4, 0), (5, 1), (5, 2)];
    assert_eq!(mailboxes.sent(), order.map(|(id, number)| numbered(id, number)));
    mailboxes.receive(numbered(1, 1));
    assert_eq!(blocking::Can::receive(&mut can), Ok(numbered(1, 1)));

    let (mailboxes, mut can) = self::can(|_| Spin);
    fill(&mut can, &mailboxes);
    assert_eq!(can.transmitter.transmit(&numbered(4, 0)).block(Spin), Ok(()));
    assert_eq!(can.transmitter.take_displaced(), Some(numbered(5, 2)), "the twin");
}

#[test]
fn an_error_loses_nothing() {
    /// Breaks the controller down instead of passing the time.
    struct BreaksDown(Mailboxes);
    impl Idle for BreaksDown {
        fn idle(&mut self, _: impl Fn() -> bool) {
            self.0.break_down(true);
        }
    }
    let (mailboxes, mut can) = can(BreaksDown);
    fill(&mut can, &mailboxes);
    // The own frame is queued, so the call succeeds. What it has displaced is kept.
    assert_eq!(blocking::Can::transmit(&mut can, &numbered(4, 0)), Ok(()));
    assert_eq!(blocking::Can::transmit(&mut can, &numbered(4, 1)), Err(ErrorKind::Bit));
    let end = nonblocking::Can::transmit(&mut can, &numbered(4, 1));
    assert_eq!(end, Err(nb::Error::Other(ErrorKind::Bit)));
    mailboxes.break_down(false);
    mailboxes.tick();
    assert_eq!(can.transmitter.flush().attempt(), Ok(()));
    (0..6).for_each(|_| mailboxes.tick());
    let order = [(5, 0), (4, 0), (5, 1), (5, 2)];
    assert_eq!(mailboxes.sent(), order.map(|(id, number)| numbered(id, number)));
}
