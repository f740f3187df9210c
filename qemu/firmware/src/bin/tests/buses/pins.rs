//! Pins: levels and edges from the host, in every form.

use core::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use board::{
    Board, alarm,
    counter::clock,
    idle::Park,
    interrupts::without_interrupts,
    pins::{LEVELS, LINE, OBJECT, Register},
};
use drivers::pins::{Input, input, install, output};
use embedded_hal::digital::{InputPin, OutputPin, PinState, StatefulOutputPin};
use embedded_hal_async::digital::Wait;
use firmware::{
    report::{self, Property, Report},
    task::block_on,
};
use wouldblock::{
    attempt::Either,
    block::Spin,
    digital::{Pin, Trigger},
    time,
};

/// The pins that the host drives. The third says that it has driven the other two.
const FIRST: usize = 0;
const SECOND: usize = 1;
const DRIVEN: usize = 2;
/// A pin that the guest drives.
const DRIVES: usize = 3;

/// Longer than the host takes. The clock of a guest that sleeps leaps from alarm to alarm.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

const fn property(number: usize, value: bool) -> Property<&'static str> {
    Property { object: OBJECT, property: LEVELS[number], value }
}

/// Asks the host to set the pin, some time from now.
fn set(number: usize, high: bool) {
    report::send(&Report::Set(property(number, high)));
}

fn pulse(number: usize) {
    set(number, true);
    set(number, false);
}

/// Busy-waits until the host has done what it was asked for until now.
fn driven() {
    let level = || Register::Level.read() >> DRIVEN & 1 != 0;
    let before = level();
    set(DRIVEN, !before);
    while level() == before {}
}

/// Two pins, both low.
fn pins() -> (Pin<'static, Input>, Pin<'static, Input>) {
    install();
    (input(FIRST).expect("free"), input(SECOND).expect("free"))
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    let mut future = pin!(future);
    block_on(poll_fn(|context| Poll::Ready(future.as_mut().poll(context))))
}

fn a_level_that_is_there_ends_every_form(_: &'static Board) {
    let (mut pin, _) = pins();
    for high in [false, true, false] {
        set(FIRST, high);
        driven();
        assert_eq!(InputPin::is_high(&mut pin), Ok(high));
        assert_eq!(InputPin::is_low(&mut pin), Ok(!high));
    }
    let Ok(()) = pin.low().block(Park);
    let Ok(()) = pin.low().block(Spin);
    assert_eq!(pin.low().block_for(alarm::park_until(), clock(), Duration::ZERO), Ok(()));
    assert!(pin.low().attempt().is_ok());
    assert!(poll_once(pin.wait_for_low()).is_ready());
    assert!(poll_once(pin.wait_for_high()).is_pending());
    assert_eq!(LINE.taken(), 0, "nothing has interrupted");
}
crate::registry::test!(a_level_that_is_there_ends_every_form);

fn a_level_from_the_host_ends_every_form(_: &'static Board) {
    let (mut pin, _) = pins();
    set(FIRST, true);
    let Ok(()) = pin.high().block(Park);
    set(FIRST, false);
    let Ok(()) = pin.low().block(Spin);
    set(FIRST, true);
    assert_eq!(pin.high().block_for(alarm::park_until(), clock(), LONG), Ok(()));
    set(FIRST, false);
    let Ok(()) = block_on(pin.wait_for_low());
    set(FIRST, true);
    let Ok(()) = block_on(pin.wait_for_high());
}
crate::registry::test!(a_level_from_the_host_ends_every_form);

/// Each edge interrupts once, and ends one wait.
fn an_edge_from_the_host_ends_every_form(_: &'static Board) {
    let (mut pin, _) = pins();
    let mut rises = pin.edge(Trigger::Rising);
    pulse(FIRST);
    let Ok(()) = rises.block(Park);
    driven();
    pulse(FIRST);
    let Ok(()) = rises.block(Spin);
    driven();
    pulse(FIRST);
    assert_eq!(rises.block_for(alarm::park_until(), clock(), LONG), Ok(()));
    driven();
    pulse(FIRST);
    let Ok(()) = block_on(&mut rises);
    driven();
    assert!(rises.attempt().is_err(), "each counts once");
    drop(rises);
    assert_eq!(LINE.taken(), 4);

    set(FIRST, true);
    let Ok(()) = block_on(pin.wait_for_high());
    let falls = pin.wait_for_falling_edge();
    set(FIRST, false);
    let Ok(()) = block_on(falls);
    let rises = pin.wait_for_rising_edge();
    set(FIRST, true);
    let Ok(()) = block_on(rises);
    for high in [false, true] {
        let any = pin.wait_for_any_edge();
        set(FIRST, high);
        let Ok(()) = block_on(any);
    }
}
crate::registry::test!(an_edge_from_the_host_ends_every_form);

/// The twin makes the call at the first poll, as an `async fn` does, and misses the edge.
fn an_edge_before_the_first_poll_counts(_: &'static Board) {
    let (mut pin, _) = pins();
    let edge = pin.wait_for_rising_edge();
    pulse(FIRST);
    driven();
    assert_eq!(poll_once(edge), Poll::Ready(Ok(())));

    let twin = async { pin.wait_for_rising_edge().await };
    pulse(FIRST);
    driven();
    assert_eq!(poll_once(twin), Poll::Pending, "the twin was not caught");
}
crate::registry::test!(an_edge_before_the_first_poll_counts);

/// The twin only looks at the level.
fn a_level_that_has_passed_ends_it(_: &'static Board) {
    let (mut pin, _) = pins();
    let mut high = pin.high();
    assert!(high.attempt().is_err());
    pulse(FIRST);
    driven();
    let Ok(()) = high.block(Park);
    assert!(high.attempt().is_err(), "it counts once");
    drop(high);
    assert!(!pin.is_high(), "the twin would not wait");
}
crate::registry::test!(a_level_that_has_passed_ends_it);

/// An operation that is dropped stops listening, and its edges do not count for the next one; nor do
/// those of an operation that is forgotten, which listens on.
fn after_a_drop_only_new_edges_count(_: &'static Board) {
    let (mut pin, _) = pins();
    for _ in 0..100 {
        assert!(poll_once(pin.wait_for_rising_edge()).is_pending());
        assert_eq!(Register::Interrupt.read(), 0);
    }
    pulse(FIRST);
    driven();
    assert_eq!(LINE.taken(), 0, "nothing listened");
    let mut edge = pin.edge(Trigger::Rising);
    assert!(edge.attempt().is_err());
    pulse(FIRST);
    let Ok(()) = block_on(&mut edge);
    driven();
    core::mem::forget(edge);
    pulse(FIRST);
    driven();
    assert_eq!(LINE.taken(), 2);
    let mut edge = pin.edge(Trigger::Falling);
    assert!(edge.attempt().is_err(), "it was for the other");
    set(FIRST, true);
    driven();
    assert!(edge.attempt().is_err(), "it rose");
    set(FIRST, false);
    let Ok(()) = edge.block(Park);
}
crate::registry::test!(after_a_drop_only_new_edges_count);

fn a_time_out_leaves_nothing_armed(_: &'static Board) {
    let (mut pin, _) = pins();
    let short = Duration::from_micros(100);
    let mut edge = pin.edge(Trigger::Any);
    for _ in 0..10 {
        let end = edge.block_for(alarm::park_until(), clock(), short);
        assert_eq!(end, Err(time::Error::TimedOut));
    }
    set(FIRST, true); // Between two efforts.
    driven();
    assert_eq!(edge.block_for(Spin, clock(), Duration::ZERO), Ok(()));
    drop(edge);
    assert_eq!(pin.low().block_for(Spin, clock(), short), Err(time::Error::TimedOut));
    assert_eq!(Register::Interrupt.read(), 0);
}
crate::registry::test!(a_time_out_leaves_nothing_armed);

fn two_pins_share_one_interrupt(_: &'static Board) {
    let (mut first, mut second) = pins();
    let mut race = first.edge(Trigger::Rising).race(second.edge(Trigger::Rising));
    for number in [FIRST, SECOND, SECOND, FIRST] {
        pulse(number);
        let Ok(end) = block_on(&mut race);
        assert_eq!(matches!(end, Either::First(())), number == FIRST);
        driven();
        assert!(race.attempt().is_err(), "the other pin had no edge");
    }
    drop(race);
    // Both before the handler runs.
    let (mut one, mut other) = (first.edge(Trigger::Rising), second.edge(Trigger::Rising));
    let taken = LINE.taken();
    without_interrupts(|| {
        pulse(FIRST);
        pulse(SECOND);
        driven();
    });
    let (Ok(()), Ok(())) = (one.block(Park), other.block(Park));
    assert_eq!(LINE.taken() - taken, 1);
    drop((one, other));
    assert_eq!(Register::Interrupt.read(), 0);
}
crate::registry::test!(two_pins_share_one_interrupt);

/// A driver that knows the traits only. The host presses and releases what it waits for.
async fn presses<P: InputPin<Error = Infallible> + Wait>(button: &mut P, count: u32) -> u32 {
    let mut pressed = 0;
    for _ in 0..count {
        set(FIRST, true);
        let Ok(()) = button.wait_for_high().await;
        pressed += u32::from(button.is_high() == Ok(true));
        set(FIRST, false);
        let Ok(()) = button.wait_for_low().await;
    }
    pressed
}

fn a_driver_of_the_traits_runs(_: &'static Board) {
    let (mut pin, _) = pins();
    assert_eq!(block_on(presses(&mut pin, 50)), 50);
}
crate::registry::test!(a_driver_of_the_traits_runs);

/// The host looks at the output, and finds this level.
fn the_host_sees(high: bool) {
    report::send(&Report::Holds(property(DRIVES, high)));
    driven(); // It has looked.
}

fn an_output_is_set(_: &'static Board) {
    let mut out = output(DRIVES).expect("free");
    for state in [PinState::High, PinState::Low, PinState::High] {
        let Ok(()) = out.set_state(state);
        assert_eq!(out.is_set_high(), Ok(state == PinState::High));
        assert_eq!(out.is_set_low(), Ok(state == PinState::Low));
        the_host_sees(state == PinState::High);
    }
    let Ok(()) = out.toggle();
    the_host_sees(false);
    // Another output and a pin that the host drives change neither this one nor each other.
    let mut other = output(DRIVES + 1).expect("free");
    set(FIRST, true);
    driven();
    let Ok(()) = out.toggle();
    let Ok(()) = other.set_high();
    let Ok(()) = other.set_low();
    the_host_sees(true);
    assert!(input(FIRST).expect("free").is_high());
    assert_eq!(other.is_set_low(), Ok(true));
}
crate::registry::test!(an_output_is_set);

fn a_pin_that_is_not_there_or_not_free_is_none(_: &'static Board) {
    for number in [LEVELS.len(), LEVELS.len() + 1, 32, usize::MAX] {
        assert!(input(number).is_none() && output(number).is_none());
    }
    let pin = input(FIRST).expect("free");
    assert!(input(FIRST).is_none() && output(FIRST).is_none());
    drop(pin);
    let out = output(FIRST).expect("given back");
    assert!(input(FIRST).is_none() && output(FIRST).is_none());
    drop(out);
    assert!(input(FIRST).is_some());
    assert_eq!(Register::Output.read(), 0);
}
crate::registry::test!(a_pin_that_is_not_there_or_not_free_is_none);
