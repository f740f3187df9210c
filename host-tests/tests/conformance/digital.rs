//! `InputPin` and `digital::Wait` of `digital::Pin`.

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll, Waker},
};

use embedded_hal::digital::{ErrorType, InputPin};
use embedded_hal_async::digital::Wait;
use fakes::{
    gpio::{Flaw, Gpio, Input},
    leak,
};
use wouldblock::{
    digital::{Pin, PinInput as _, Port, Trigger},
    testing::conformance::Promises,
};

use crate::{breaks, clean};

/// A port, and its handler.
struct World {
    gpio: Gpio,
    port: Port<2>,
    handler: Handler,
    /// The levels when the handler ran last.
    levels: Cell<u32>,
}

/// What the port's handler does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Handler {
    Right,
    /// It does not tell the port.
    Silent,
    /// It tells the port of a pin whose level is another one than before.
    ComparesLevels,
    /// It tells the port of one pin.
    OnePin,
    /// It tells the port of all pins.
    AllPins,
}

impl World {
    fn new(handler: Handler) -> &'static Self {
        let (gpio, port) = (Gpio::default(), Port::new());
        leak(Self { gpio, port, handler, levels: Cell::new(0) })
    }

    fn pin(&'static self, number: u32, flaw: Option<Flaw>) -> Pin<'static, Input> {
        let input = match flaw {
            Some(flaw) => self.gpio.broken_input(number, flaw),
            None => self.gpio.input(number),
        };
        self.port.pin(number as usize, input).unwrap()
    }

    fn handle(&'static self) {
        let level = |pin: u32| u32::from(self.gpio.input(pin).is_high()) << pin;
        let levels = level(0) | level(1);
        let changed = self.levels.replace(levels) ^ levels;
        let edges = self.gpio.take_edges(!0);
        self.port.raise(match self.handler {
            Handler::Right => edges,
            Handler::Silent => 0,
            Handler::ComparesLevels => edges & changed,
            Handler::OnePin => edges & edges.wrapping_neg(),
            Handler::AllPins => !0,
        });
    }
}

/// What is wrong with a [`Broken`] pin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mistake {
    None,
    /// A level is waited for by its edge.
    LevelIsEdge,
    /// An edge is waited for by its level.
    EdgeIsLevel,
    /// A level is looked at when the task is polled, and is not latched.
    OnlyLooks,
    /// Every edge counts.
    AnyDirection,
    /// The call is made at the first poll.
    AtFirstPoll,
    /// The first edge after the call is taken for an old one.
    IgnoresTheFirst,
    /// It keeps the waker of its first poll.
    KeepsTheFirstWaker,
}

/// A pin with a mistake.
struct Broken(Pin<'static, Input>, Mistake);

impl ErrorType for Broken {
    type Error = Infallible;
}

type Waiting<'p> = std::pin::Pin<Box<dyn Future<Output = Result<(), Infallible>> + 'p>>;

impl Broken {
    fn level(&mut self, high: bool) -> Waiting<'_> {
        let Self(pin, mistake) = self;
        match (mistake, high) {
            (Mistake::LevelIsEdge, true) => Box::pin(pin.wait_for_rising_edge()),
            (Mistake::LevelIsEdge, false) => Box::pin(pin.wait_for_falling_edge()),
            (Mistake::OnlyLooks, _) => Box::pin(async move {
                while pin.is_high() != high {
                    let mut edge = pin!(pin.edge(Trigger::Any));
                    let mut listens = false;
                    poll_fn(|context| {
                        let ready = edge.as_mut().poll(context).is_ready();
                        if std::mem::replace(&mut listens, true) || ready {
                            return Poll::Ready(());
                        }
                        Poll::Pending
                    })
                    .await;
                }
                Ok(())
            }),
            (_, true) => Box::pin(pin.wait_for_high()),
            (_, false) => Box::pin(pin.wait_for_low()),
        }
    }

    fn edge(&mut self, trigger: Trigger) -> Waiting<'_> {
        let Self(pin, mistake) = self;
        match (mistake, trigger) {
            (Mistake::EdgeIsLevel, Trigger::Rising) => Box::pin(pin.wait_for_high()),
            (Mistake::EdgeIsLevel, Trigger::Falling) => Box::pin(pin.wait_for_low()),
            (Mistake::AnyDirection, _) => Box::pin(pin.edge(Trigger::Any)),
            (Mistake::AtFirstPoll, _) => Box::pin(async move { pin.edge(trigger).await }),
            (Mistake::IgnoresTheFirst, _) => {
                let mut edge = pin.edge(trigger);
                Box::pin(async move {
                    (&mut edge).await?;
                    edge.await
                })
            }
            (Mistake::KeepsTheFirstWaker, _) => {
                let mut edge = Box::pin(pin.edge(trigger));
                let mut first: Option<Waker> = None;
                Box::pin(poll_fn(move |context| {
                    let waker = first.get_or_insert_with(|| context.waker().clone());
                    edge.as_mut().poll(&mut Context::from_waker(waker))
                }))
            }
            _ => Box::pin(pin.edge(trigger)),
        }
    }
}

impl Wait for Broken {
    fn wait_for_high(&mut self) -> impl Future<Output = Result<(), Infallible>> {
        self.level(true)
    }

    fn wait_for_low(&mut self) -> impl Future<Output = Result<(), Infallible>> {
        self.level(false)
    }

    fn wait_for_rising_edge(&mut self) -> impl Future<Output = Result<(), Infallible>> {
        self.edge(Trigger::Rising)
    }

    fn wait_for_falling_edge(&mut self) -> impl Future<Output = Result<(), Infallible>> {
        self.edge(Trigger::Falling)
    }

    fn wait_for_any_edge(&mut self) -> impl Future<Output = Result<(), Infallible>> {
        self.edge(Trigger::Any)
    }
}

fn twin(mistake: Mistake, flaw: Option<Flaw>, handler: Handler) -> Promises {
    let name = format!("digital::Pin, {mistake:?}, {flaw:?}, {handler:?}");
    Promises::of_wait(&name, move || {
        let world = World::new(handler);
        let pin = Broken(world.pin(0, flaw), mistake);
        (pin, |high| world.gpio.set(0, high), || world.handle())
    })
}

#[test]
fn a_pin_reads_its_level() {
    let world = World::new(Handler::Right);
    let mut pin = world.pin(0, None);
    for high in [false, true, false] {
        world.gpio.set(0, high);
        assert_eq!(InputPin::is_high(&mut pin), Ok(high));
        assert_eq!(pin.is_low(), Ok(!high));
    }
}

#[test]
fn a_pin_keeps_its_promises() {
    clean(&Promises::of_wait("digital::Pin", || {
        let world = World::new(Handler::Right);
        (world.pin(0, None), |high| world.gpio.set(0, high), || world.handle())
    }));
    clean(&twin(Mistake::None, None, Handler::Right));
    // By reference, the trait's own `impl` makes the call at the first poll.
    let by_reference = Promises::of_wait("&mut digital::Pin", || {
        let world = World::new(Handler::Right);
        let pin: &'static mut _ = Box::leak(Box::new(world.pin(0, None)));
        (pin, |high| world.gpio.set(0, high), || world.handle())
    });
    breaks(&by_reference, &[FROM_THE_CALL_ON]);
}

const THERE: &str = "a level that is there ends it at once";
const COMES: &str = "a level that comes wakes it";
const GONE: &str = "a level that is gone when the task is polled has ended it";
const NEW: &str = "an edge is a new one";
const DIRECTION: &str = "an edge is of its direction";
const WAKES: &str = "an edge wakes it";
const OVER: &str = "an edge that is over when the handler runs counts";
const LAST_WAKER: &str = "it wakes the task that has polled it last";
const AFTER_DROP: &str = "after a drop only a new edge counts";
pub const FROM_THE_CALL_ON: &str = "an edge counts from the call on, before the first poll";

#[test]
fn each_promise_catches_its_twin() {
    for (mistake, flaw, handler, broken) in [
        (Mistake::LevelIsEdge, None, Handler::Right, THERE),
        (Mistake::None, None, Handler::Silent, COMES),
        (Mistake::OnlyLooks, None, Handler::Right, GONE),
        (Mistake::EdgeIsLevel, None, Handler::Right, NEW),
        (Mistake::AnyDirection, None, Handler::Right, DIRECTION),
        (Mistake::IgnoresTheFirst, None, Handler::Right, WAKES),
        (Mistake::None, None, Handler::ComparesLevels, OVER),
        (Mistake::KeepsTheFirstWaker, None, Handler::Right, LAST_WAKER),
        (Mistake::None, Some(Flaw::KeepsOldEdges), Handler::Right, AFTER_DROP),
        (Mistake::AtFirstPoll, None, Handler::Right, FROM_THE_CALL_ON),
    ] {
        let promises = twin(mistake, flaw, handler);
        println!("{promises}");
        assert!(promises.broken().contains(&broken), "{promises}");
        let alone = [GONE, OVER, LAST_WAKER, FROM_THE_CALL_ON];
        if alone.contains(&broken) {
            assert_eq!(promises.broken(), [broken]);
        }
    }
}

fn two_pins(flaw: Option<Flaw>, handler: Handler) -> Promises {
    let name = format!("digital::Port, {flaw:?}, {handler:?}");
    Promises::of_wait_on_two_pins(&name, move || {
        let world = World::new(handler);
        let pins = [0, 1].map(|number| world.pin(number, flaw));
        (pins, |pin, high| world.gpio.set(pin as u32, high), || world.handle())
    })
}

#[test]
fn two_pins_of_a_port_do_not_disturb_each_other() {
    clean(&two_pins(None, Handler::Right));
    let own = "an edge wakes its own pin only";
    breaks(&two_pins(None, Handler::AllPins), &[own]);
    let both = "edges of both before the handler runs wake both";
    breaks(&two_pins(None, Handler::OnePin), &[both]);
    let leaves = "a wait that begins on one pin leaves the other's edge";
    breaks(&two_pins(Some(Flaw::ForgetsAllEdges), Handler::Right), &[leaves]);
    let listens = "a wait that is dropped on one pin leaves the other listening";
    let promises = two_pins(Some(Flaw::UnlistensAll), Handler::Right);
    println!("{promises}");
    assert!(promises.broken().contains(&listens), "{promises}");
}
