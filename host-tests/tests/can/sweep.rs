//! The driver for the SJA1000 with an interrupt at every boundary, then at every pair of them: before each
//! access to a register, to what the library shares with handlers, and at both ends of critical sections.

use std::{
    cell::Cell,
    future::Future,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use fakes::sweep::{caught, clean};
use wouldblock::{
    can::{Receive, Receiver},
    event::Event,
    nb,
    testing::{Report, Sweep, World},
    time,
};

use crate::{
    compare,
    driver::{Driver, Rig},
    fake::Port,
    frame::Frame,
    numbered,
    registers::{ENABLE, Registers},
    sja1000::Error,
};

/// The far end sends frames, one an event.
struct Received {
    rig: Rig,
    number: Cell<u8>,
}

impl Received {
    fn new(as_qemu: bool) -> Self {
        Self { rig: Rig::new(as_qemu), number: Cell::new(0) }
    }
}

impl World for Received {
    fn event(&self) {
        self.rig.fake.receive(&numbered(3, self.number.get()));
        self.number.set(self.number.get() + 1);
    }

    fn deliver(&self) -> bool {
        self.rig.deliver()
    }
}

/// Half a frame's time passes, an event.
struct Sent(Rig);

impl World for Sent {
    fn event(&self) {
        self.0.fake.tick();
    }

    fn deliver(&self) -> bool {
        self.0.deliver()
    }
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Block,
    Bounded,
    Await,
}

const FORMS: [Form; 3] = [Form::Block, Form::Bounded, Form::Await];

macro_rules! wait {
    ($form:expr, $cpu:expr, $operation:expr) => {{
        let mut operation = $operation;
        match $form {
            Form::Block => operation.block($cpu),
            Form::Await => $cpu.block_on(operation),
            Form::Bounded => {
                let far = Duration::from_secs(1000);
                operation.block_for($cpu, $cpu.clock(), far).map_err(|error| match error {
                    time::Error::Other(error) => error,
                    time::Error::TimedOut => panic!("timed out"),
                })
            }
        }
    }};
}

#[test]
fn each_frame_is_received_once_and_in_order() {
    for as_qemu in [false, true] {
        for form in FORMS {
            let name = format!("can, receive, {form:?}{}", if as_qemu { ", as QEMU" } else { "" });
            let report = Sweep::new(&name).needs(2).run(
                move || Received::new(as_qemu),
                move |world, cpu| {
                    let mut receiver = world.rig.driver.receiver().unwrap();
                    for number in 0..2 {
                        let frame = wait!(form, cpu, receiver.receive());
                        assert_eq!(frame, Ok(numbered(3, number)));
                    }
                    assert_eq!(world.rig.fake.enabled(), 0, "left armed");
                },
            );
            clean(&report, 20);
        }
    }
}

/// How a twin of the receiving half arms.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Arms {
    /// Not at all.
    Never,
    /// It enables the interrupt, and does not look whether a frame has come before.
    Blindly,
}

struct Twin(&'static Driver, Port, Arms);

impl Receive for Twin {
    type Frame = Frame;
    type Error = Error;

    fn receive(&mut self) -> nb::Result<Frame, Error> {
        self.0.receive()
    }

    fn arm(&mut self) {
        if self.2 == Arms::Blindly {
            self.1.write(ENABLE, 1);
        }
    }

    fn disarm(&mut self) {
        Receive::disarm(&mut self.0);
    }
}

/// A twin's own event, which the handler signals after each interrupt.
struct TwinsWorld(Received, Event);

impl World for TwinsWorld {
    fn event(&self) {
        self.0.event();
    }

    fn deliver(&self) -> bool {
        self.0.deliver() && {
            self.1.signal();
            true
        }
    }
}

#[test]
fn twins_that_do_not_arm_or_do_not_look_lose_a_frame() {
    for (arms, as_qemu) in [(Arms::Never, false), (Arms::Blindly, true)] {
        let report = Sweep::new(&format!("can, arms {arms:?}")).run(
            move || TwinsWorld(Received::new(as_qemu), Event::new()),
            move |TwinsWorld(world, event), cpu| {
                let twin = Twin(world.rig.driver, Port(world.rig.fake), arms);
                let mut receiver = Receiver::new(twin, event.waiter().unwrap());
                assert_eq!(receiver.receive().block(cpu), Ok(numbered(3, 0)));
            },
        );
        caught(&report, Report::lost);
    }
}

const LOW: u16 = 5;
const HIGH: u16 = 1;

/// A pending frame, and a more urgent one that takes its place, also where it begins to be sent just then
/// and loses the bus.
#[test]
fn a_displaced_frame_is_sent_later_and_once() {
    for losses in [0, 1] {
        for form in FORMS {
            let name = format!("can, displace, {form:?}, {losses} lost");
            let world = move || {
                let world = Sent(Rig::new(false));
                world.0.fake.lose(losses);
                world
            };
            let report = Sweep::new(&name).needs(8).run(world, move |Sent(rig), cpu| {
                let mut transmitter = rig.driver.transmitter().unwrap();
                let queued = [numbered(LOW, 0), numbered(HIGH, 1), numbered(LOW, 2)];
                for frame in &queued {
                    assert_eq!(wait!(form, cpu, transmitter.transmit(frame)), Ok(()));
                }
                assert_eq!(wait!(form, cpu, transmitter.flush()), Ok(()));
                rig.send_all();
                assert_eq!(compare(&queued, &rig.fake.sent()), Ok(()));
                assert_eq!(rig.fake.enabled(), 0, "left armed");
            });
            clean(&report, 50);
        }
    }
}

/// How an operation is given up.
#[derive(Clone, Copy, Debug)]
enum GivenUp {
    Tried,
    Polled,
    TimedOut,
}

/// The same, with a handler that does not put back what the chip has given up.
struct PutsNothingBack(Rig);

impl World for PutsNothingBack {
    fn event(&self) {
        self.0.fake.tick();
    }

    fn deliver(&self) -> bool {
        self.0.deliver_nothing()
    }
}

/// A more urgent frame is given up; what was pending is sent all the same, though nothing is called any
/// more.
fn given_up<W: World>(
    name: &str,
    how: GivenUp,
    world: fn(Rig) -> W,
    rig: fn(&W) -> &Rig,
    handle: fn(&Rig) -> bool,
) -> Report {
    let world = move || {
        let rig = Rig::new(false);
        rig.fake.lose(1);
        world(rig)
    };
    Sweep::new(name).needs(0).run(world, move |world, cpu| {
        let rig = rig(world);
        let mut transmitter = rig.driver.transmitter().unwrap();
        let mut queued = vec![];
        for id in [LOW, HIGH] {
            let frame = numbered(id, 0);
            let ended = {
                let mut transmission = pin!(transmitter.transmit(&frame));
                match how {
                    GivenUp::Tried => transmission.attempt().is_ok(),
                    GivenUp::TimedOut => {
                        let short = Duration::from_millis(5);
                        transmission.block_for(cpu, cpu.clock(), short).is_ok()
                    }
                    GivenUp::Polled => {
                        let mut context = Context::from_waker(Waker::noop());
                        transmission.as_mut().poll(&mut context).is_ready()
                    }
                }
            };
            if ended {
                queued.push(frame);
            }
        }
        // What was displaced is the transmitter's, and what was not is the driver's.
        let displaced = transmitter.take_displaced();
        queued.retain(|frame| Some(*frame) != displaced);
        drop(transmitter);
        for _ in 0..20 {
            rig.fake.tick();
            handle(rig);
        }
        assert_eq!(compare(&queued, &rig.fake.sent()), Ok(()));
    })
}

#[test]
fn what_is_given_up_leaves_the_pending_frame_to_be_sent() {
    for how in [GivenUp::Tried, GivenUp::Polled, GivenUp::TimedOut] {
        let name = format!("can, given up, {how:?}");
        let report = given_up(&name, how, Sent, |Sent(rig)| rig, Rig::deliver);
        clean(&report, 20);
    }
}

#[test]
fn twins_that_put_nothing_back_lose_the_pending_frame() {
    for how in [GivenUp::Tried, GivenUp::Polled, GivenUp::TimedOut] {
        let name = format!("can, puts nothing back, {how:?}");
        let report =
            given_up(&name, how, PutsNothingBack, |PutsNothingBack(rig)| rig, Rig::deliver_nothing);
        caught(&report, |report| report.failures().len() as u64);
    }
}
