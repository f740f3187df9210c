//! The promises, with frames, forms and moments at random, for any controller; and a twin of each part that
//! breaks one of them.

use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use fakes::xorshift::Xorshift;
use wouldblock::{
    can::{Receive, Receiver, Transmit, Transmitter},
    event::Event,
};

use crate::{
    compare,
    driver::{Driver, Rig as Chip},
    frame::Frame,
    mailboxes::{Flaw, Mailboxes},
    numbered,
};

const RUNS: u64 = 600;

/// A controller and what is around it.
trait Controller {
    type Half: Transmit<Frame = Frame> + Clone;
    fn half(&self) -> Self::Half;
    /// Some time passes, in which handlers may run.
    fn tick(&self);
    fn sent(&self) -> Vec<Frame>;
}

impl Controller for Mailboxes {
    type Half = Self;
    fn half(&self) -> Self {
        self.clone()
    }
    fn tick(&self) {
        self.tick();
    }
    fn sent(&self) -> Vec<Frame> {
        self.sent()
    }
}

impl Controller for Chip {
    type Half = &'static Driver;
    fn half(&self) -> Self::Half {
        self.driver
    }
    fn tick(&self) {
        self.fake.tick();
        self.handle();
    }
    fn sent(&self) -> Vec<Frame> {
        self.fake.sent()
    }
}

/// What queues frames: the library's transmitter, or a twin of it.
trait Queue<T> {
    fn new(half: T, event: &'static Event) -> Self;
    /// An operation that is given up after this many tries. Returns whether it has ended.
    fn transmit(&mut self, frame: &Frame, tries: u64, between: &mut dyn FnMut()) -> bool;
    fn flush(&mut self);
}

impl<T: Transmit<Frame = Frame>> Queue<T> for Transmitter<'static, T> {
    fn new(half: T, event: &'static Event) -> Self {
        Self::new(half, event.waiter().unwrap())
    }

    fn transmit(&mut self, frame: &Frame, tries: u64, between: &mut dyn FnMut()) -> bool {
        let mut operation = pin!(self.transmit(frame));
        for n in 1..=tries {
            // Every other one is polled, so that it is also armed and registered.
            let ended = if tries.is_multiple_of(2) {
                let end = operation.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                end.is_ready()
            } else {
                operation.attempt().is_ok()
            };
            if ended {
                assert!(operation.attempt().is_ok(), "a further try queues nothing more");
                return true;
            }
            if n < tries {
                between();
            }
        }
        false
    }

    fn flush(&mut self) {
        _ = self.flush().attempt();
    }
}

/// The twin that drops what was displaced, as a caller does that does not look at it.
struct Drops<T>(T);

impl<T: Transmit<Frame = Frame>> Queue<T> for Drops<T> {
    fn new(half: T, _: &'static Event) -> Self {
        Self(half)
    }
    fn transmit(&mut self, frame: &Frame, _: u64, _: &mut dyn FnMut()) -> bool {
        self.0.transmit(frame).is_ok()
    }
    fn flush(&mut self) {}
}

/// The twin that queues a new frame before the displaced ones.
struct NewOnesFirst<T>(T, VecDeque<Frame>);

impl<T: Transmit<Frame = Frame>> Queue<T> for NewOnesFirst<T> {
    fn new(half: T, _: &'static Event) -> Self {
        Self(half, VecDeque::new())
    }
    fn transmit(&mut self, frame: &Frame, _: u64, _: &mut dyn FnMut()) -> bool {
        let end = self.0.transmit(frame);
        let ended = end.is_ok();
        self.1.extend(end.ok().flatten());
        ended
    }
    fn flush(&mut self) {
        if let Some(frame) = self.1.pop_front() {
            match self.0.transmit(&frame) {
                Ok(displaced) => self.1.extend(displaced),
                Err(_) => self.1.push_front(frame),
            }
        }
    }
}

/// The twin that ends only when the displaced frame is queued again: a caller that gives it up does not know
/// that the own frame is queued.
struct EndsLate<T>(NewOnesFirst<T>);

impl<T: Transmit<Frame = Frame>> Queue<T> for EndsLate<T> {
    fn new(half: T, event: &'static Event) -> Self {
        Self(NewOnesFirst::new(half, event))
    }
    fn transmit(&mut self, frame: &Frame, tries: u64, between: &mut dyn FnMut()) -> bool {
        while !self.0.1.is_empty() {
            self.0.flush();
            between();
        }
        self.0.transmit(frame, tries, between) && {
            self.0.flush();
            self.0.1.is_empty()
        }
    }
    fn flush(&mut self) {
        self.0.flush();
    }
}

/// The twin whose operation, tried again after its end, queues once more.
struct QueuesAgain<T>(T);

impl<T: Transmit<Frame = Frame>> Queue<T> for QueuesAgain<T> {
    fn new(half: T, _: &'static Event) -> Self {
        Self(half)
    }
    fn transmit(&mut self, frame: &Frame, _: u64, _: &mut dyn FnMut()) -> bool {
        self.0.transmit(frame).is_ok() && {
            _ = self.0.transmit(frame);
            true
        }
    }
    fn flush(&mut self) {}
}

/// Frames of four identifiers, each given up after a number of tries if it is not queued by then.
fn transmits<C: Controller, Q: Queue<C::Half>>(make: impl Fn() -> C) -> Result<[u64; 2], String> {
    let mut random = Xorshift(1);
    let mut counts = [0, 0];
    for _ in 0..RUNS {
        let controller = make();
        let mut queue = Q::new(controller.half(), fakes::leak(Event::new()));
        let mut queued = vec![];
        for number in 0..12 {
            let frame = numbered(random.below(4) as u16, number);
            let tries = 1 + random.below(4);
            let mut between = || (0..random.below(2)).for_each(|_| controller.tick());
            let ended = queue.transmit(&frame, tries, &mut between);
            if ended {
                queued.push(frame);
            }
            counts[usize::from(ended)] += 1;
            (0..random.below(2)).for_each(|_| controller.tick());
        }
        for _ in 0..60 {
            queue.flush();
            controller.tick();
        }
        compare(&queued, &controller.sent())?;
    }
    Ok(counts)
}

type Real<C> = Transmitter<'static, <C as Controller>::Half>;

#[test]
fn no_frame_is_lost_doubled_or_overtaken_also_when_it_is_given_up() {
    let end = transmits::<_, Real<Mailboxes>>(|| Mailboxes::new(Flaw::None));
    println!("mailboxes: {:?} given up and queued", end.as_ref().unwrap());
    assert!(end.unwrap().iter().all(|&count| count > 1000));
    for as_qemu in [false, true] {
        let end = transmits::<_, Real<Chip>>(|| Chip::new(as_qemu));
        println!("SJA1000: {:?} given up and queued", end.as_ref().unwrap());
        assert!(end.unwrap().iter().all(|&count| count > 1000));
    }
    // With a bus on which others often win.
    let end = transmits::<_, Real<Chip>>(|| {
        let chip = Chip::new(false);
        chip.fake.lose(6);
        chip
    });
    assert!(end.unwrap().iter().all(|&count| count > 1000));
}

#[test]
fn twins_of_the_transmitter_are_caught() {
    let make = || Mailboxes::new(Flaw::None);
    let twins = [
        transmits::<_, Drops<_>>(make),
        transmits::<_, NewOnesFirst<_>>(make),
        transmits::<_, EndsLate<_>>(make),
        transmits::<_, QueuesAgain<_>>(make),
    ];
    twins.iter().for_each(|twin| println!("twin caught: {}", twin.as_ref().unwrap_err()));
}

#[test]
fn twins_of_a_controller_are_caught() {
    for flaw in [
        Flaw::DisplacesTheFirst,
        Flaw::DisplacesOnTheWire,
        Flaw::LosesTheDisplaced,
        Flaw::QueuesAndBlocks,
    ] {
        let end = transmits::<_, Real<Mailboxes>>(|| Mailboxes::new(flaw));
        println!("twin caught, {flaw:?}: {}", end.unwrap_err());
    }
}

/// Receptions that are given up before or after frames come.
fn receives<R: Receive<Frame = Frame>>(
    make: impl Fn() -> (R, Box<dyn Fn(&Frame)>),
) -> Result<[u64; 2], String> {
    let mut random = Xorshift(1);
    let mut counts = [0, 0];
    for _ in 0..RUNS {
        let (half, send) = make();
        let event = Event::new();
        let mut receiver = Receiver::new(half, event.waiter().unwrap());
        let (mut sent, mut received) = (vec![], vec![]);
        for number in 0..12 {
            {
                let mut operation = pin!(receiver.receive());
                let mut context = Context::from_waker(Waker::noop());
                let first = operation.as_mut().poll(&mut context);
                if let Poll::Ready(end) = first {
                    received.push(end.map_err(|_| "an error")?);
                    counts[1] += 1;
                } else {
                    counts[0] += 1;
                }
            }
            for more in 0..random.below(3) as u8 {
                let frame = numbered(random.below(4) as u16, 2 * number + more);
                send(&frame);
                sent.push(frame);
            }
            if random.below(4) == 0 {
                received.extend(receiver.receive().attempt().ok());
            }
        }
        for _ in 0..24 {
            received.extend(receiver.receive().attempt().ok());
        }
        compare(&sent, &received)?;
    }
    Ok(counts)
}

#[test]
fn no_received_frame_is_lost_or_doubled() {
    let mailboxes = |flaw| {
        move || {
            let mailboxes = Mailboxes::new(flaw);
            let far_end = mailboxes.clone();
            let send: Box<dyn Fn(&Frame)> = Box::new(move |frame| far_end.receive(*frame));
            (mailboxes, send)
        }
    };
    println!("{:?} given up and received", receives(mailboxes(Flaw::None)).unwrap());
    for as_qemu in [false, true] {
        let end = receives(|| {
            let chip = Chip::new(as_qemu);
            let (driver, fake) = (chip.driver, chip.fake);
            let send: Box<dyn Fn(&Frame)> = Box::new(move |frame| {
                fake.receive(frame);
                chip.handle();
            });
            (driver, send)
        });
        println!("SJA1000: {:?} given up and received", end.unwrap());
    }
    for flaw in [Flaw::TakesAndBlocks, Flaw::LeavesTheReceived] {
        println!("twin caught, {flaw:?}: {}", receives(mailboxes(flaw)).unwrap_err());
    }
}
