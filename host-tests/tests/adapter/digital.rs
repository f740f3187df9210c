//! A `digital::Pin` keeps the contracts of `InputPin` and `Wait`, and each check of a contract catches
//! a pin that breaks the contract.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
};

use embedded_hal::digital::{ErrorType, InputPin};
use embedded_hal_async::digital::Wait;
use fakes::{
    gpio::{Flaw, Gpio, Input},
    leak,
};
use wouldblock::digital::{Pin, Port, Trigger};

use crate::support::conformance::{
    digital::{Wire, reading, waiting},
    failures,
};

/// A port, whose handler runs at once.
struct World {
    gpio: Gpio,
    port: Port<1>,
}

impl Wire for &'static World {
    fn set(&self, high: bool) {
        self.gpio.set(0, high);
        self.port.raise(self.gpio.take_edges(!0));
    }
}

fn world() -> &'static World {
    leak(World { gpio: Gpio::default(), port: Port::new() })
}

fn pin() -> (Pin<'static, Input>, &'static World) {
    let world = world();
    (world.port.pin(0, world.gpio.input(0)).unwrap(), world)
}

#[test]
fn a_pin_keeps_the_contracts() {
    assert_eq!(failures(&reading(), pin), [""; 0]);
    assert_eq!(failures(&waiting(), pin), [""; 0]);
    // And by reference, where the trait's own `impl` makes the call at the first poll.
    let by_reference = || {
        let (pin, world) = pin();
        (leak_mut(pin), world)
    };
    assert_eq!(failures(&waiting(), by_reference), ["it listens from the call on"]);
}

fn leak_mut<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// What is wrong with a [`Broken`] pin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// It reads the level the wrong way round.
    Inverted,
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
}

/// A pin with a mistake.
struct Broken(Pin<'static, Input>, Mistake);

impl ErrorType for Broken {
    type Error = Infallible;
}

impl InputPin for Broken {
    fn is_high(&mut self) -> Result<bool, Infallible> {
        Ok(self.0.is_high() != (self.1 == Mistake::Inverted))
    }

    fn is_low(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0.is_high())
    }
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

/// The checks that a pin with this mistake does not pass.
fn failed(mistake: Mistake) -> Vec<&'static str> {
    let make = || {
        let (pin, world) = pin();
        (Broken(pin, mistake), world)
    };
    [failures(&reading(), make), failures(&waiting(), make)].concat()
}

#[test]
fn each_check_catches_a_pin_that_breaks_the_contract() {
    for (mistake, check) in [
        (Mistake::Inverted, "it reads its level"),
        (Mistake::LevelIsEdge, "a level that is there ends it at once"),
        (Mistake::OnlyLooks, "a level for a moment ends it"),
        (Mistake::EdgeIsLevel, "an edge is a new one"),
        (Mistake::AnyDirection, "an edge is of its direction"),
        (Mistake::AtFirstPoll, "it listens from the call on"),
        (Mistake::IgnoresTheFirst, "an edge wakes it"),
    ] {
        let failed = failed(mistake);
        assert!(failed.contains(&check), "{check}: {failed:?}");
    }
}

#[test]
fn the_checks_catch_a_driver_that_is_careless() {
    let of = |flaw: Option<Flaw>, taken: bool| {
        failures(&waiting(), || {
            let world = world();
            let input = match flaw {
                Some(flaw) => world.gpio.broken_input(0, flaw),
                None => world.gpio.input(0),
            };
            let pin = world.port.pin(0, input).unwrap();
            (pin, Silent(world, taken))
        })
    };
    assert_eq!(of(None, true), [""; 0]);
    // A handler that does not tell the port: what is awaited is never woken.
    let deaf = of(None, false);
    assert!(deaf.contains(&"a level that comes wakes it"), "{deaf:?}");
    assert!(deaf.contains(&"after a drop only the next edge counts"), "{deaf:?}");
    // Old edges.
    let old = of(Some(Flaw::KeepsOldEdges), true);
    assert!(old.contains(&"after a drop only the next edge counts"), "{old:?}");
}

/// A wire with a handler that may not tell the port.
struct Silent(&'static World, bool);

impl Wire for Silent {
    fn set(&self, high: bool) {
        match self.1 {
            true => self.0.set(high),
            false => self.0.gpio.set(0, high),
        }
    }
}
