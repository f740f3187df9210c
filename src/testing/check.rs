//! Conformance: the promises of every [`Attempt`] and every [`Background`], checked on a driver and
//! its fake.
//!
//! A snapshot is the state that the driver's author considers relevant: for example the content of
//! the device and of the driver. The checks return an error; they do not panic.

use std::{fmt, format, string::String};

use super::{World, sweep::bounded};
use crate::{
    attempt::Attempt,
    job::{Background, Done, Slot},
    nb,
};

/// A broken promise.
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

/// Promise: `WouldBlock` loses nothing, so the operation may be tried again at any time. Checks
/// that on a device that is not ready, `tries` tries do not change the snapshot.
///
/// # Errors
/// A try ended the operation, or changed the snapshot.
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

/// Promise: a try is bounded and never waits. Checks that one try takes at most `boundaries`
/// boundaries, whether it succeeds or not, and returns how many it took. `op` makes the operation
/// on another thread; if the try waits, that thread is abandoned.
///
/// # Errors
/// The try takes more.
pub fn a_try_is_bounded<A: Attempt>(
    op: impl FnOnce() -> A + Send + 'static,
    boundaries: u64,
) -> Result<u64, Violation> {
    match bounded(boundaries, op, |op| drop(op.attempt())) {
        Some(cost) => Ok(cost),
        None => violation(format!("a try takes more than {boundaries} boundaries: it waits")),
    }
}

/// Promise: if the event comes between the try that would block and `arm`, the interrupt still
/// follows, and the next try does not block. Uses up the world's next event and ends the operation.
///
/// # Errors
/// No interrupt follows, or the try after it would block.
pub fn arm_announces_what_has_come<A: Attempt, W: World>(
    op: &mut A,
    world: &W,
) -> Result<(), Violation> {
    would_block(op, "a try before the event")?;
    world.event();
    // If the source is always enabled, its interrupt comes now. That is allowed.
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

/// Promise: `arm` enables the interrupt source, and `disarm` disables it. A wrapper that does not
/// forward the two to its inner attempt would never be woken, and fails this check.
///
/// # Errors
/// The source is enabled before `arm`, is not enabled after `arm`, or is enabled after `disarm`.
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

/// Promise: `disarm` undoes `arm`. Checks that the snapshot of the enabled sources is as before.
///
/// # Errors
/// The snapshot differs.
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

/// Promise: `begin` never waits, and does none of the operation's work. Checks that it takes the
/// same number of boundaries on a device that is ready as on a stuck device, and returns that
/// number.
///
/// # Errors
/// The numbers differ, or are above 1000.
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

/// Promise: interrupts follow `begin`, and they alone end the operation, without any other try. The
/// handlers that `world` delivers must step `slot`. An event comes when no interrupt is pending.
/// Returns the number of interrupts.
///
/// # Errors
/// The slot is busy at the start, or still busy after `limit` interrupts or events.
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

/// Promise: `cancel` ends the operation without an event from outside, and the end gives it back.
/// Checks it with at most `limit` tries.
///
/// # Errors
/// The slot is busy at the start, or the operation does not end.
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
