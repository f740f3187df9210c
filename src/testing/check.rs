//! Conformance: what every [`Attempt`] and every [`Background`] promises, checked on a driver and
//! its fake.
//!
//! A snapshot is whatever the author takes for the state that matters: what is in the device, what
//! the driver holds. The checks return, and never panic by themselves.

use std::{fmt, format, string::String};

use super::{World, sweep::bounded};
use crate::{
    attempt::Attempt,
    job::{Background, Done, Slot},
    nb,
};

/// A promise that is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

fn violation<T>(what: impl Into<String>) -> Result<T, Violation> {
    Err(Violation(what.into()))
}

/// `WouldBlock` loses nothing, and trying again is always right: on a device that is not ready,
/// `tries` tries change nothing in the snapshot.
///
/// # Errors
/// With the try that ended, or changed something.
pub fn tries_lose_nothing<A: Attempt, S: PartialEq + fmt::Debug>(
    op: &mut A,
    tries: u32,
    mut snapshot: impl FnMut() -> S,
) -> Result<(), Violation> {
    let before = snapshot();
    for n in 1..=tries {
        would_block(op, &format!("try {n}"))?;
        let after = snapshot();
        if after != before {
            return violation(format!("try {n} would block, but {before:?} became {after:?}"));
        }
    }
    Ok(())
}

/// A try is bounded and never waits: it takes at most `boundaries`. Whether it succeeds does not
/// matter. Returns how many it took. The operation is made on another thread, by `op`: a try that
/// waits is left there, where it stands.
///
/// # Errors
/// When it takes more.
pub fn a_try_is_bounded<A: Attempt>(
    op: impl FnOnce() -> A + Send + 'static,
    boundaries: u64,
) -> Result<u64, Violation> {
    match bounded(boundaries, op, |op| drop(op.attempt())) {
        Some(cost) => Ok(cost),
        None => violation(format!("a try takes more than {boundaries} boundaries: it waits")),
    }
}

/// What is awaited has come between the try that would block and `arm`: the interrupt still
/// follows, and the next try does not block. Takes the world's next event, and the operation's end.
///
/// # Errors
/// When no interrupt follows, or the try after it would block.
pub fn arm_announces_what_has_come<A: Attempt, W: World>(
    op: &mut A,
    world: &W,
) -> Result<(), Violation> {
    would_block(op, "a try before the event")?;
    world.event();
    // On a source that is always enabled the interrupt is here by now, and not news to anybody.
    let enabled = world.deliver();
    op.arm();
    let announced = world.deliver() || enabled;
    let end = op.attempt();
    op.disarm();
    match end {
        _ if !announced => violation("what had come before `arm` is not announced"),
        Err(nb::Error::WouldBlock) => violation("announced, and the try would block"),
        _ => Ok(()),
    }
}

/// `arm` enables the source, and `disarm` disables it. A wrapper that does not forward the two to the
/// attempt inside of it is deaf, and fails here.
///
/// # Errors
/// When the source is enabled before, is not while `op` is armed, or still is after that.
pub fn arm_enables_the_source<A: Attempt>(
    op: &mut A,
    mut enabled: impl FnMut() -> bool,
) -> Result<(), Violation> {
    let before = enabled();
    op.arm();
    let armed = enabled();
    op.disarm();
    match (before, armed, enabled()) {
        (false, true, false) => Ok(()),
        (true, ..) => violation("the source is enabled before the operation is armed"),
        (_, false, _) => violation("armed, and the source is not enabled: is `arm` forwarded?"),
        _ => violation("disarmed, and the source is enabled: is `disarm` forwarded?"),
    }
}

/// `disarm` takes `arm` back: the snapshot, of what the source is enabled for, is as it was.
///
/// # Errors
/// When something stays.
pub fn disarm_takes_arm_back<A: Attempt, S: PartialEq + fmt::Debug>(
    op: &mut A,
    mut enabled: impl FnMut() -> S,
) -> Result<(), Violation> {
    let before = enabled();
    op.arm();
    op.disarm();
    let after = enabled();
    if after != before {
        return violation(format!("armed and disarmed: {before:?} became {after:?}"));
    }
    Ok(())
}

/// `begin` never waits and never works: it costs the same on a device that is ready as on one that
/// is stuck. Returns the boundaries it takes.
///
/// # Errors
/// When it costs more on one of the two, or takes more than 1000 boundaries.
pub fn begin_costs_the_same<A: Background + 'static>(
    on_ready: A,
    on_stuck: A,
) -> Result<u64, Violation> {
    let cost = |op: A| match bounded(1000, move || op, A::begin) {
        Some(cost) => Ok(cost),
        None => violation("`begin` takes more than 1000 boundaries: it waits"),
    };
    let (ready, stuck) = (cost(on_ready)?, cost(on_stuck)?);
    if ready != stuck {
        return violation(format!("`begin` takes {ready} boundaries, on a stuck device {stuck}"));
    }
    Ok(ready)
}

/// Interrupts follow `begin`, and they alone bring the operation to its end: nobody else tries it.
/// The handlers that `world` delivers are to step `slot`; an event comes when no interrupt is
/// pending. Returns the interrupts it took.
///
/// # Errors
/// When the slot is busy, or still is after `limit` interrupts or events.
pub fn interrupts_end_it<A: Background, W: World>(
    slot: &'static Slot<A>,
    op: A,
    world: &W,
    limit: u32,
) -> Result<u32, Violation> {
    if slot.start_with(op, drop).is_err() {
        return violation("the slot is busy before the operation is started");
    }
    let mut interrupts = 0;
    for _ in 0..limit {
        if slot.is_idle() {
            return Ok(interrupts);
        }
        if world.deliver() {
            interrupts += 1;
        } else {
            world.event();
        }
    }
    if slot.is_idle() { Ok(interrupts) } else { violation("interrupts do not bring it to its end") }
}

/// `cancel` brings the operation to its end, with no event from outside and at most `limit` tries,
/// and the end gives it back.
///
/// # Errors
/// When the slot is busy, or the operation continues.
pub fn cancel_ends_it<A: Background, W: World>(
    slot: &'static Slot<A>,
    op: A,
    world: &W,
    limit: u32,
) -> Result<Done<A>, Violation> {
    let Ok(mut job) = slot.start(op) else {
        return violation("the slot is busy before the operation is started");
    };
    job.cancel();
    for _ in 0..limit {
        if let Ok(done) = job.attempt() {
            return Ok(done);
        }
        _ = world.deliver();
    }
    violation(format!("{limit} tries after `cancel` it still runs"))
}

fn would_block<A: Attempt>(op: &mut A, which: &str) -> Result<(), Violation> {
    match op.attempt() {
        Err(nb::Error::WouldBlock) => Ok(()),
        Ok(_) | Err(nb::Error::Other(_)) => {
            violation(format!("{which} ends, on a device not ready"))
        }
    }
}
