//! `InputPin` and `Wait`: a level that is there ends the wait at once, and one that was there for a
//! moment ends it, too; an edge is a new one, and the pin listens from the call on.

use std::{pin::pin, sync::atomic::Ordering::SeqCst, task::Context};

use embedded_hal::digital::InputPin;
use embedded_hal_async::digital::Wait;
use fakes::waker::counting;

use super::Check;

/// What drives the pin, which is low at first. Its interrupt comes at once.
pub trait Wire {
    /// Sets the level.
    fn set(&self, high: bool);
}

/// The checks of `InputPin`.
pub fn reading<S: InputPin, P: Wire>() -> Vec<Check<S, P>> {
    vec![("it reads its level", it_reads_its_level)]
}

/// The checks of `Wait`.
pub fn waiting<S: Wait, P: Wire>() -> Vec<Check<S, P>> {
    vec![
        ("a level that is there ends it at once", a_level_that_is_there_ends_it),
        ("a level that comes wakes it", a_level_that_comes_wakes_it),
        ("a level for a moment ends it", a_level_for_a_moment_ends_it),
        ("an edge is a new one", an_edge_is_a_new_one),
        ("an edge is of its direction", an_edge_is_of_its_direction),
        ("an edge wakes it", an_edge_wakes_it),
        ("it listens from the call on", it_listens_from_the_call_on),
        ("after a drop only the next edge counts", after_a_drop_only_the_next_edge_counts),
    ]
}

fn it_reads_its_level<S: InputPin, P: Wire>(mut pin: S, wire: &P) {
    for high in [false, true, false] {
        wire.set(high);
        assert_eq!(pin.is_high().unwrap(), high);
        assert_eq!(pin.is_low().unwrap(), !high);
    }
}

/// Polls `future`, lets `happen` happen, and polls it again if it was woken. Returns whether it was
/// ready before, and after that.
fn around<E: std::fmt::Debug>(
    future: impl Future<Output = Result<(), E>>,
    happen: impl FnOnce(),
) -> (bool, bool) {
    let mut future = pin!(future);
    let (waker, wakes) = counting();
    let mut ready = || match future.as_mut().poll(&mut Context::from_waker(&waker)) {
        std::task::Poll::Ready(end) => end.is_ok(),
        std::task::Poll::Pending => false,
    };
    if ready() {
        return (true, true);
    }
    let before = wakes.load(SeqCst);
    happen();
    (false, wakes.load(SeqCst) > before && ready())
}

const AT_ONCE: (bool, bool) = (true, true);
const AFTERWARDS: (bool, bool) = (false, true);
const NOT: (bool, bool) = (false, false);

fn a_level_that_is_there_ends_it<S: Wait, P: Wire>(mut pin: S, wire: &P) {
    assert_eq!(around(pin.wait_for_low(), || ()), AT_ONCE);
    wire.set(true);
    assert_eq!(around(pin.wait_for_high(), || ()), AT_ONCE);
    assert_eq!(around(pin.wait_for_low(), || ()), NOT);
}

fn a_level_that_comes_wakes_it<S: Wait, P: Wire>(mut pin: S, wire: &P) {
    assert_eq!(around(pin.wait_for_high(), || wire.set(true)), AFTERWARDS);
    assert_eq!(around(pin.wait_for_low(), || wire.set(false)), AFTERWARDS);
}

/// The trait: "The pin may have switched back to low before the task was run after being woken. The
/// future should still resolve in that case."
fn a_level_for_a_moment_ends_it<S: Wait, P: Wire>(mut pin: S, wire: &P) {
    let pulse = |high| {
        wire.set(high);
        wire.set(!high);
    };
    assert_eq!(around(pin.wait_for_high(), || pulse(true)), AFTERWARDS);
    wire.set(true);
    assert_eq!(around(pin.wait_for_low(), || pulse(false)), AFTERWARDS);
}

fn an_edge_is_a_new_one<S: Wait, P: Wire>(mut pin: S, wire: &P) {
    wire.set(true);
    assert_eq!(around(pin.wait_for_rising_edge(), || ()), NOT);
    assert_eq!(around(pin.wait_for_any_edge(), || ()), NOT);
    wire.set(false);
    assert_eq!(around(pin.wait_for_falling_edge(), || ()), NOT);
    assert_eq!(around(pin.wait_for_any_edge(), || ()), NOT);
}

fn an_edge_is_of_its_direction<S: Wait, P: Wire>(mut pin: S, wire: &P) {
    assert_eq!(around(pin.wait_for_falling_edge(), || wire.set(true)), NOT);
    assert_eq!(around(pin.wait_for_rising_edge(), || wire.set(false)), NOT);
}

fn an_edge_wakes_it<S: Wait, P: Wire>(mut pin: S, wire: &P) {
    assert_eq!(around(pin.wait_for_rising_edge(), || wire.set(true)), AFTERWARDS);
    assert_eq!(around(pin.wait_for_falling_edge(), || wire.set(false)), AFTERWARDS);
    for high in [true, false] {
        assert_eq!(around(pin.wait_for_any_edge(), || wire.set(high)), AFTERWARDS);
    }
}

fn it_listens_from_the_call_on<S: Wait, P: Wire>(mut pin: S, wire: &P) {
    let edge = pin.wait_for_rising_edge();
    wire.set(true);
    wire.set(false);
    assert_eq!(around(edge, || ()), AT_ONCE);
}

fn after_a_drop_only_the_next_edge_counts<S: Wait, P: Wire>(mut pin: S, wire: &P) {
    assert_eq!(around(pin.wait_for_rising_edge(), || ()), NOT); // It is dropped.
    wire.set(true);
    wire.set(false);
    assert_eq!(
        around(pin.wait_for_rising_edge(), || wire.set(false)),
        NOT,
        "it was before the call"
    );
    assert_eq!(around(pin.wait_for_rising_edge(), || wire.set(true)), AFTERWARDS);
}
