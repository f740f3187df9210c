//! `digital`: input pins in every form, and the port that they share.

use std::{mem, time::Duration};

use fakes::{
    gpio::{Flaw, Gpio, Input},
    idle::AtMost,
    leak,
    waker::{counting, poll},
};
use wouldblock::{
    block::Spin,
    digital::{Pin, Port, Trigger},
    nb,
    time::{self, StdClock},
};

/// A port whose handler runs as soon as a pin has an edge that interrupts.
struct World {
    gpio: &'static Gpio,
    port: Port<2>,
}

impl World {
    fn new() -> &'static Self {
        leak(Self { gpio: leak(Gpio::default()), port: Port::new() })
    }

    fn pin(&'static self, number: u32) -> Pin<'static, Input> {
        self.port.pin(number as usize, self.gpio.input(number)).expect("it is free")
    }

    fn broken_pin(&'static self, flaw: Flaw) -> Pin<'static, Input> {
        self.port.pin(0, self.gpio.broken_input(0, flaw)).expect("it is free")
    }

    fn set(&self, number: u32, high: bool) {
        self.gpio.set(number, high);
        self.port.raise(self.gpio.take_edges(!0));
    }

    fn pulse(&self, number: u32) {
        self.set(number, true);
        self.set(number, false);
    }
}

const WOULD_BLOCK: nb::Result<(), core::convert::Infallible> = Err(nb::Error::WouldBlock);

#[test]
fn a_level_that_is_there_ends_every_form_at_once() {
    let world = World::new();
    let mut pin = world.pin(0);
    assert!(!pin.is_high());
    assert_eq!(pin.low().attempt(), Ok(()));
    assert_eq!(pin.low().block(AtMost(100)), Ok(()));
    assert_eq!(pin.low().block_for(Spin, StdClock::new(), Duration::ZERO), Ok(()));
    assert!(poll(&mut pin.low(), &counting().0).is_ready());
    assert_eq!(pin.high().attempt(), WOULD_BLOCK);
    world.set(0, true);
    assert!(pin.is_high());
    assert_eq!(pin.high().attempt(), Ok(()));
    assert_eq!(pin.low().attempt(), WOULD_BLOCK);
}

#[test]
fn a_level_that_was_there_for_a_moment_ends_it() {
    let world = World::new();
    let mut pin = world.pin(0);
    let mut high = pin.high();
    assert_eq!(high.attempt(), WOULD_BLOCK);
    world.pulse(0);
    assert_eq!(high.attempt(), Ok(()));
    assert_eq!(high.attempt(), WOULD_BLOCK, "once");
    drop(high);
    world.pulse(0);
    assert_eq!(pin.high().attempt(), WOULD_BLOCK, "it was before the call");
}

#[test]
fn an_edge_counts_from_the_call_on_and_once() {
    let world = World::new();
    let mut pin = world.pin(0);
    for (trigger, edges) in [
        (Trigger::Rising, [true, false]),
        (Trigger::Falling, [false, true]),
        (Trigger::Any, [true; 2]),
    ] {
        world.pulse(0);
        let mut edge = pin.edge(trigger);
        assert_eq!(edge.attempt(), WOULD_BLOCK, "{trigger:?}: it was before the call");
        for (high, counts) in [(true, edges[0]), (false, edges[1])] {
            world.set(0, high);
            let end = if counts { Ok(()) } else { WOULD_BLOCK };
            assert_eq!(edge.attempt(), end, "{trigger:?}: to {high}");
            assert_eq!(edge.attempt(), WOULD_BLOCK, "{trigger:?}: once");
        }
    }
}

/// What happens to one operation between two efforts, and what is dropped in between.
#[test]
fn an_edge_between_two_efforts_counts() {
    let world = World::new();
    let mut pin = world.pin(0);
    let mut edge = pin.edge(Trigger::Rising);
    let nothing = edge.block_for(Spin, StdClock::new(), Duration::from_micros(10));
    assert_eq!(nothing, Err(time::Error::TimedOut));
    world.pulse(0);
    assert_eq!(edge.block(AtMost(100)), Ok(()));

    let (waker, wakes) = counting();
    assert!(poll(&mut edge.by_ref(), &waker).is_pending());
    world.pulse(0);
    assert!(wakes.load(std::sync::atomic::Ordering::SeqCst) > 0, "it is woken");
    assert_eq!(edge.block(AtMost(100)), Ok(()));
    assert!(poll(&mut edge, &waker).is_pending());
    world.pulse(0);
    assert!(poll(&mut edge, &waker).is_ready());
}

/// A handler that does nothing: the wait of the test above ends, with a message.
#[test]
#[should_panic(expected = "what is waited for does not come")]
fn an_edge_that_no_handler_passes_on_is_waited_for_in_vain() {
    let world = World::new();
    let mut pin = world.pin(0);
    let mut edge = pin.edge(Trigger::Rising);
    world.gpio.pulse(0);
    let Ok(()) = edge.block(AtMost(100));
}

#[test]
fn a_pin_listens_while_it_has_an_operation_only() {
    let world = World::new();
    let mut pin = world.pin(1);
    assert_eq!(world.gpio.enabled(), 0);
    let mut edge = pin.edge(Trigger::Any);
    assert_eq!(world.gpio.enabled(), 0b10, "before the first try");
    _ = edge.attempt();
    drop(edge);
    assert_eq!(world.gpio.enabled(), 0);
    _ = pin.low().block(AtMost(100));
    assert_eq!(world.gpio.enabled(), 0);
    // The twin.
    let mut pin = world.broken_pin(Flaw::ListensForEver);
    drop(pin.edge(Trigger::Any));
    assert_ne!(world.gpio.enabled(), 0, "the twin was not caught");
}

/// An operation that is forgotten leaves its pin listening, for a rising edge.
fn after_one_that_was_forgotten(mut pin: Pin<'_, Input>, world: &World) -> bool {
    mem::forget(pin.edge(Trigger::Rising));
    world.pulse(0);
    let mut edge = pin.edge(Trigger::Falling);
    let old = edge.attempt().is_ok();
    world.set(0, true);
    let other = edge.attempt().is_ok();
    world.set(0, false);
    !old && !other && edge.attempt().is_ok()
}

#[test]
fn an_edge_for_an_operation_that_was_forgotten_does_not_count() {
    let world = World::new();
    assert!(after_one_that_was_forgotten(world.pin(0), world));
    // The twin: the edge that no handler has taken yet is still in the device.
    let world = World::new();
    let mut pin = world.broken_pin(Flaw::KeepsOldEdges);
    mem::forget(pin.edge(Trigger::Rising));
    world.gpio.pulse(0); // its handler is late
    let mut edge = pin.edge(Trigger::Falling);
    world.port.raise(world.gpio.take_edges(!0));
    assert_eq!(edge.attempt(), Ok(()), "the twin was not caught");
}

#[test]
fn an_edge_that_is_still_in_the_device_is_forgotten() {
    let world = World::new();
    let mut pin = world.pin(0);
    mem::forget(pin.edge(Trigger::Rising));
    world.gpio.pulse(0); // its handler is late
    let mut edge = pin.edge(Trigger::Rising);
    world.port.raise(world.gpio.take_edges(!0));
    assert_eq!(edge.attempt(), WOULD_BLOCK);
}

#[test]
fn each_pin_has_its_own_edges() {
    let world = World::new();
    let (mut first, mut second) = (world.pin(0), world.pin(1));
    let (mut first, mut second) = (first.edge(Trigger::Rising), second.edge(Trigger::Rising));
    world.pulse(1);
    assert_eq!(first.attempt(), WOULD_BLOCK);
    assert_eq!(second.attempt(), Ok(()));
    // Both with one interrupt.
    world.gpio.pulse(0);
    world.gpio.pulse(1);
    world.port.raise(world.gpio.take_edges(!0));
    assert_eq!(first.attempt(), Ok(()));
    assert_eq!(second.attempt(), Ok(()));
}

#[test]
fn two_pins_are_raced() {
    let world = World::new();
    let (mut first, mut second) = (world.pin(0), world.pin(1));
    let mut race = first.edge(Trigger::Rising).race(second.high());
    let (waker, wakes) = counting();
    assert!(poll(&mut race, &waker).is_pending());
    world.pulse(1);
    assert_eq!(wakes.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert!(poll(&mut race, &waker).is_ready());
}

#[test]
fn a_pin_that_is_not_there_or_not_free_is_none() {
    let world = World::new();
    let input = || world.gpio.input(0);
    for number in [2, 3, 31, 32, usize::MAX] {
        assert!(world.port.pin(number, input()).is_none(), "{number}");
    }
    let pin = world.port.pin(1, input()).expect("the last of the port");
    assert!(world.port.pin(1, input()).is_none(), "handed out");
    drop(pin);
    assert!(world.port.pin(1, input()).is_some(), "given back");
    assert!(Port::<0>::new().pin(0, input()).is_none());
}

#[test]
fn bits_of_pins_that_are_not_there_do_nothing() {
    let world = World::new();
    let mut pin = world.pin(1);
    let mut edge = pin.edge(Trigger::Any);
    world.port.raise(!0b10);
    assert_eq!(edge.attempt(), WOULD_BLOCK);
    world.port.raise(!0);
    assert_eq!(edge.attempt(), Ok(()));
    static ALL: Port<32> = Port::new();
    let mut pin = ALL.pin(31, world.gpio.input(0)).expect("the last");
    let mut edge = pin.edge(Trigger::Any);
    ALL.raise(1 << 31);
    assert_eq!(edge.attempt(), Ok(()));
    Port::<0>::new().raise(!0);
}
