//! `can::Can`, over three mailboxes, and over the driver for the SJA1000 in `qemu/drivers`.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use embedded_can::{ErrorKind, Frame as _, blocking, nb as nonblocking};
use fakes::leak;
use wouldblock::{
    block::Idle,
    can::{Can, Receive, Receiver, Transmit, Transmitter},
    event::Event,
    nb,
    testing::{
        boundary,
        conformance::{CanBus, Promises},
    },
};

use crate::{
    breaks, clean,
    fake::{Fake, Port},
    frame::Frame,
    mailboxes::{Flaw, Mailboxes},
    sja1000::{self, Sja1000},
};

/// A frame's time: what was sent since the last one is passed on, and what arrives is received.
trait Device: Clone + 'static {
    type Half: Transmit<Frame = Frame, Error = Self::Error>
        + Receive<Frame = Frame, Error = Self::Error>;
    type Error: embedded_can::Error;

    fn half(&self) -> Self::Half;
    fn tick(&self);
    fn sent(&self) -> Vec<Frame>;
    fn receive(&self, frame: Frame);
}

impl Device for Mailboxes {
    type Half = Self;
    type Error = ErrorKind;

    fn half(&self) -> Self {
        self.clone()
    }

    fn tick(&self) {
        self.tick();
    }

    fn sent(&self) -> Vec<Frame> {
        self.sent()
    }

    fn receive(&self, frame: Frame) {
        self.receive(frame);
    }
}

#[derive(Clone, Copy)]
struct Chip {
    fake: &'static Fake,
    driver: &'static Sja1000<Port>,
}

impl Chip {
    fn new() -> Self {
        let fake = Fake::new(false);
        let driver = leak(Sja1000::new(Port(fake)));
        driver.initialize([0x00, 0x14]);
        Self { fake, driver }
    }

    fn handle(&self) {
        while self.fake.deliver(|| drop(self.driver.on_interrupt())) {}
    }
}

impl Device for Chip {
    type Half = &'static Sja1000<Port>;
    type Error = sja1000::Error;

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

    fn receive(&self, frame: Frame) {
        self.fake.receive(&frame);
        self.handle();
    }
}

/// What is wrong between the device and the bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wiring {
    Right,
    /// The last byte of a frame is not sent.
    CutsData,
}

/// The device on the bus.
#[derive(Clone)]
struct Node<D> {
    device: D,
    bus: CanBus,
    passed_on: Rc<Cell<usize>>,
    wiring: Wiring,
}

impl<D: Device> Node<D> {
    fn new(device: D, bus: CanBus, wiring: Wiring) -> Self {
        Self { device, bus, passed_on: Rc::default(), wiring }
    }

    fn step(&self) {
        self.device.tick();
        let sent = self.device.sent();
        for frame in &sent[self.passed_on.replace(sent.len())..] {
            match (self.wiring, frame.data()) {
                (Wiring::CutsData, [data @ .., _]) => {
                    self.bus.send(&Frame::new(frame.id(), data).unwrap());
                }
                _ => self.bus.send(frame),
            }
        }
        if let Some(frame) = self.bus.receive() {
            self.device.receive(frame);
        }
    }
}

/// Passes the time of a blocking call.
impl<D: Device> Idle for Node<D> {
    fn idle(&mut self, _: impl Fn() -> bool) {
        boundary();
        self.step();
    }
}

type Ours<D> = Can<'static, <D as Device>::Half, <D as Device>::Half, Node<D>>;

fn ours<D: Device>(node: &Node<D>) -> Ours<D> {
    let waiter = || leak(Event::new()).waiter().unwrap();
    let transmitter = Transmitter::new(node.device.half(), waiter());
    let receiver = Receiver::new(node.device.half(), waiter());
    Can { transmitter, receiver, idle: node.clone() }
}

fn mailboxes(flaw: Flaw, wiring: Wiring) -> impl Fn(CanBus) -> (Ours<Mailboxes>, Box<dyn FnMut()>) {
    move |bus| {
        let node = Node::new(Mailboxes::new(flaw), bus, wiring);
        (ours(&node), Box::new(move || node.step()))
    }
}

fn tried(flaw: Flaw, wiring: Wiring) -> Promises {
    let name = format!("can::Can, nb, {flaw:?}, {wiring:?}");
    Promises::of_can(&name, mailboxes(flaw, wiring))
}

fn blocked(flaw: Flaw, wiring: Wiring) -> Promises {
    let name = format!("can::Can, blocking, {flaw:?}, {wiring:?}");
    Promises::of_can_blocking(&name, mailboxes(flaw, wiring))
}

/// Every try is a poll of a new future, which is then dropped.
struct Awaited<D: Device>(Rc<RefCell<Ours<D>>>);

fn once<F: Future<Output = Result<T, E>>, T, E>(future: F) -> nb::Result<T, E> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(end) => end.map_err(nb::Error::Other),
        Poll::Pending => Err(nb::Error::WouldBlock),
    }
}

impl<D: Device> nonblocking::Can for Awaited<D> {
    type Frame = Frame;
    type Error = D::Error;

    fn transmit(&mut self, frame: &Frame) -> nb::Result<Option<Frame>, Self::Error> {
        once(self.0.borrow_mut().transmitter.transmit(frame)).map(|()| None)
    }

    fn receive(&mut self) -> nb::Result<Frame, Self::Error> {
        once(self.0.borrow_mut().receiver.receive())
    }
}

fn awaited<D: Device>(name: &str, device: impl Fn() -> D + Send + Sync + 'static) -> Promises {
    Promises::of_can(name, move |bus| {
        let node = Node::new(device(), bus, Wiring::Right);
        let can = Rc::new(RefCell::new(ours(&node)));
        let step = {
            let can = can.clone();
            move || {
                node.step();
                // A caller that has no more frames sends what was displaced.
                _ = can.borrow_mut().transmitter.flush().attempt();
            }
        };
        (Awaited(can), step)
    })
}

const AS_GIVEN: &str = "a frame is sent and received as it was given";
const IN_ORDER: &str = "frames of one identifier are sent once each, in their order";
const NOTHING: &str = "a try that would block queues nothing";
const LOWER: &str = "only a frame of lower priority is displaced";
const RETURNED: &str = "a displaced frame is returned, and is not sent";
const PRIORITIES: &str =
    "frames of several priorities are sent once each, in order within their identifier";
const RECEIVED: &str = "every frame is received once, in order";

#[test]
fn can_keeps_its_promises() {
    clean(&tried(Flaw::None, Wiring::Right));
    clean(&blocked(Flaw::None, Wiring::Right));
    let chip = |bus| {
        let node = Node::new(Chip::new(), bus, Wiring::Right);
        (ours(&node), move || node.step())
    };
    clean(&Promises::of_can("can::Can on the SJA1000, nb", chip));
    clean(&Promises::of_can_blocking("can::Can on the SJA1000, blocking", chip));
}

/// What is displaced is kept, and sent later, so the caller does not see it.
#[test]
fn awaited_calls_that_are_given_up_keep_the_promises() {
    for promises in [
        awaited("can, awaited", || Mailboxes::new(Flaw::None)),
        awaited("can on the SJA1000, awaited", Chip::new),
    ] {
        breaks(&promises, &[]);
        assert_eq!(promises.unchecked(), [RETURNED]);
    }
}

/// A blocking CAN that ignores what is displaced.
struct Ignores(Ours<Mailboxes>);

impl blocking::Can for Ignores {
    type Frame = Frame;
    type Error = ErrorKind;

    fn transmit(&mut self, frame: &Frame) -> Result<(), ErrorKind> {
        loop {
            match nonblocking::Can::transmit(&mut self.0, frame) {
                Ok(_) => return Ok(()),
                Err(nb::Error::Other(error)) => return Err(error),
                Err(nb::Error::WouldBlock) => self.0.idle.step(),
            }
        }
    }

    fn receive(&mut self) -> Result<Frame, ErrorKind> {
        blocking::Can::receive(&mut self.0)
    }
}

#[test]
fn each_promise_catches_its_twin() {
    let caught = |promises: Promises, broken: &str| {
        println!("{promises}");
        assert!(promises.broken().contains(&broken), "{promises}");
    };
    for (flaw, wiring, broken) in [
        (Flaw::None, Wiring::CutsData, AS_GIVEN),
        (Flaw::SendsTheLastFirst, Wiring::Right, IN_ORDER),
        (Flaw::QueuesAndBlocks, Wiring::Right, NOTHING),
        (Flaw::DisplacesTheSame, Wiring::Right, LOWER),
        (Flaw::DisplacesOnTheWire, Wiring::Right, RETURNED),
        (Flaw::LosesTheDisplaced, Wiring::Right, RETURNED),
        (Flaw::DisplacesTheFirst, Wiring::Right, PRIORITIES),
        (Flaw::TakesAndBlocks, Wiring::Right, RECEIVED),
        (Flaw::LeavesTheReceived, Wiring::Right, RECEIVED),
    ] {
        caught(tried(flaw, wiring), broken);
    }
    breaks(&tried(Flaw::DisplacesTheFirst, Wiring::Right), &[PRIORITIES]);
    for (flaw, wiring, broken) in [
        (Flaw::None, Wiring::CutsData, AS_GIVEN),
        (Flaw::SendsTheLastFirst, Wiring::Right, IN_ORDER),
        (Flaw::DisplacesTheFirst, Wiring::Right, PRIORITIES),
        (Flaw::LeavesTheReceived, Wiring::Right, RECEIVED),
    ] {
        caught(blocked(flaw, wiring), broken);
    }
    let ignores = Promises::of_can_blocking("what is displaced is ignored", |bus| {
        let (can, step) = mailboxes(Flaw::None, Wiring::Right)(bus);
        (Ignores(can), step)
    });
    breaks(&ignores, &[PRIORITIES]);
}
