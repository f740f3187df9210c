//! The suites of `I2c`.

#[cfg(feature = "embedded-hal-async")]
mod awaited;
mod call;
#[cfg(feature = "embedded-hal-async")]
mod shared;
mod targets;

use std::{format, string::ToString, sync::Arc};

use embedded_hal::i2c::{ErrorKind, I2c, NoAcknowledgeSource};

pub use self::targets::I2cTargets;
use self::{
    call::{Blocking, Call, Caller, Ended, Op, Provided, Seen, next_is_whole, once, register_read},
    targets::{Wire, shown},
};
use super::{Every, Finding, Found, Promises, alone, broken, caught, holds};
use crate::i2c::Direction;

/// What ends with a refusal: the call, what it is on the bus, and where it is refused.
const REFUSALS: [(Call, &[Wire], NoAcknowledgeSource); 4] = {
    use Direction::{Read, Write};
    use NoAcknowledgeSource::{Address, Data};
    [
        (
            Call(0x23, &[Op::Write(&[1, 2])]),
            &[Wire::Start(0x23, Write, false), Wire::Stop],
            Address,
        ),
        (Call(0x23, &[Op::Read(2)]), &[Wire::Start(0x23, Read, false), Wire::Stop], Address),
        (
            Call(0x22, &[Op::Write(&[1, 2, 3])]),
            &[
                Wire::Start(0x22, Write, true),
                Wire::Write(1, true),
                Wire::Write(2, false),
                Wire::Stop,
            ],
            Data,
        ),
        (
            Call(0x22, &[Op::Write(&[1, 2])]),
            &[
                Wire::Start(0x22, Write, true),
                Wire::Write(1, true),
                Wire::Write(2, false),
                Wire::Stop,
            ],
            Data,
        ),
    ]
};

type Check<C> = fn(&dyn Fn(I2cTargets) -> C) -> Found;

/// The promises of the blocking and of the awaited trait.
fn checks<C: Caller>() -> [(&'static str, Check<C>); 12] {
    [
        ("a transaction is START, address, bytes and STOP", a_transaction_is_whole),
        ("adjacent operations of one direction are one run", adjacent_operations_are_one_run),
        ("between directions comes a repeated START", a_repeated_start_between_directions),
        ("only the last byte that is read is not acknowledged", the_last_byte),
        ("read, write and write_read are such transactions", the_provided_methods),
        ("a refusal is an error", a_refusal_is_an_error),
        ("a refusal of the last byte is an error", a_refusal_of_the_last_byte),
        ("a refusal says whether it was the address or data", a_refusal_says_where),
        ("a refusal ends with one STOP, and the next transaction is whole", after_a_refusal),
        ("a write of no bytes asks whether the target is there", a_write_of_no_bytes),
        ("operations of no bytes among others change nothing", operations_of_no_bytes),
        ("after a transaction of nothing the next one is whole", after_nothing),
    ]
}

fn a_transaction_is_whole<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for call in [Call(0x48, &[Op::Write(&[1, 7])]), Call(0x50, &[Op::Read(1)])] {
        once(&make, call)?.is_whole(call)?;
    }
    // What was written is read, by the same implementation.
    let targets = I2cTargets::new();
    let mut caller = make(targets.clone());
    caller.call(Call(0x48, &[Op::Write(&[2, 7, 8])])).map_err(Finding::Broken)?;
    let ended = caller.call(Call(0x48, &[Op::Write(&[2])])).map_err(Finding::Broken)?;
    holds(ended.result == Ok(()), || format!("{ended:?}"))?;
    let ended = caller.call(Call(0x48, &[Op::Read(2)])).map_err(Finding::Broken)?;
    holds(ended.read == [[7, 8]], || format!("7 and 8 were written, and {ended:?}"))
}

fn adjacent_operations_are_one_run<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for call in [
        Call(0x48, &[Op::Write(&[1]), Op::Write(&[7, 8])]),
        Call(0x48, &[Op::Read(1), Op::Read(2)]),
    ] {
        once(&make, call)?.is_whole(call)?;
    }
    Ok(())
}

fn a_repeated_start_between_directions<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for call in [
        register_read(0x48),
        Call(0x48, &[Op::Read(2), Op::Write(&[1])]),
        Call(0x50, &[Op::Write(&[3]), Op::Read(1), Op::Write(&[5]), Op::Read(1)]),
    ] {
        once(&make, call)?.is_whole(call)?;
    }
    Ok(())
}

fn the_last_byte<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for call in [Call(0x48, &[Op::Read(1)]), Call(0x48, &[Op::Read(2)]), Call(0x48, &[Op::Read(5)])]
    {
        let on_bus = once(&make, call)?.targets.wires();
        let read = |wire: &Wire| match wire {
            Wire::Read(_, acknowledged) => Some(*acknowledged),
            _ => None,
        };
        let signs: Vec<_> = on_bus.iter().filter_map(read).collect();
        let right =
            matches!(signs.split_last(), Some((false, others)) if others.iter().all(|&sign| sign));
        holds(right, || format!("a read of {:?}: {}", call.1, shown(&on_bus)))?;
    }
    Ok(())
}

fn the_provided_methods<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for (provided, call) in [
        (Provided::Read, Call(0x48, &[Op::Read(3)])),
        (Provided::Write, Call(0x48, &[Op::Write(&[1, 2])])),
        (Provided::WriteRead, register_read(0x48)),
    ] {
        let targets = I2cTargets::new();
        let mut caller = make(targets.clone());
        let ended = caller.provided(provided, call).map_err(Finding::Broken)?;
        caller.run_out();
        Seen { targets, ended }.is_whole(call)?;
    }
    Ok(())
}

fn is_refusal(ended: &Ended) -> bool {
    matches!(ended.result, Err(ErrorKind::NoAcknowledge(_)))
}

fn a_refusal_is_an_error<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for &(call, ..) in &REFUSALS[..3] {
        let Seen { ended, targets } = once(&make, call)?;
        holds(is_refusal(&ended), || format!("{ended:?}, {}", shown(&targets.wires())))?;
    }
    Ok(())
}

fn a_refusal_of_the_last_byte<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    let Seen { ended, targets } = once(&make, REFUSALS[3].0)?;
    holds(is_refusal(&ended), || format!("{ended:?}, {}", shown(&targets.wires())))
}

fn a_refusal_says_where<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for &(call, _, source) in &REFUSALS[..3] {
        let Seen { ended, targets } = once(&make, call)?;
        let right = ended.result == Err(ErrorKind::NoAcknowledge(source));
        holds(right, || format!("{ended:?}, {}", shown(&targets.wires())))?;
    }
    Ok(())
}

fn after_a_refusal<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for &(call, wires, _) in &REFUSALS {
        let targets = I2cTargets::new();
        let mut caller = make(targets.clone());
        caller.call(call).map_err(Finding::Broken)?;
        // Not all controllers stop at once: the next transaction may finish that.
        let next = next_is_whole(&mut caller, &targets);
        let (on_bus, breaches) = (targets.wires(), targets.breaches());
        holds(on_bus.starts_with(wires) && breaches.is_empty(), || shown(&on_bus))?;
        next?;
    }
    Ok(())
}

fn a_write_of_no_bytes<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    let there = Call(0x48, &[Op::Write(&[])]);
    let seen = once(&make, there)?;
    match seen.ended.result {
        Ok(()) => seen.is_whole(there)?,
        // A controller that cannot do it says so.
        Err(ErrorKind::NoAcknowledge(_)) => return broken("the target is there, and refused"),
        Err(_) => {}
    }
    let seen = once(&make, Call(0x23, &[Op::Write(&[])]))?;
    holds(seen.ended.result.is_err(), || "no target is there, and it succeeds".to_string())
}

fn operations_of_no_bytes<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for (call, same) in [
        (
            Call(0x48, &[Op::Write(&[]), Op::Write(&[3]), Op::Write(&[]), Op::Write(&[7])]),
            Call(0x48, &[Op::Write(&[3, 7])]),
        ),
        (
            Call(0x48, &[Op::Write(&[3]), Op::Read(0), Op::Read(2), Op::Read(0)]),
            Call(0x48, &[Op::Write(&[3]), Op::Read(2)]),
        ),
    ] {
        let mut seen = once(&make, call)?;
        seen.ended.read.retain(|buffer| !buffer.is_empty());
        seen.is_whole(same)?;
    }
    Ok(())
}

/// No operations, or a read of no bytes: the traits do not say what they do. They end, they leave
/// the bus as its rules say, and the next transaction is whole.
fn after_nothing<C: Caller>(make: &dyn Fn(I2cTargets) -> C) -> Found {
    for call in [
        Call(0x48, &[]),
        Call(0x48, &[Op::Read(0)]),
        Call(0x48, &[Op::Write(&[1]), Op::Read(0)]),
        Call(0x23, &[]),
    ] {
        let targets = I2cTargets::new();
        let mut caller = make(targets.clone());
        let ended = caller.call(call).map_err(Finding::Broken)?;
        let next = next_is_whole(&mut caller, &targets);
        let (on_bus, breaches) = (targets.wires(), targets.breaches());
        holds(breaches.is_empty(), || {
            format!("{:?}: {ended:?}, {breaches:?}, {}", call.1, shown(&on_bus))
        })?;
        next?;
    }
    Ok(())
}

/// Checks each promise of both forms, each on a thread of its own.
fn check_all<C: Caller + 'static>(
    promises: &mut Promises,
    make: impl Fn(I2cTargets) -> C + Send + Sync + Clone + 'static,
) {
    for (name, check) in checks::<C>() {
        let make = make.clone();
        promises.check(name, move || check(&make));
    }
}

/// The suites of `I2c`. `make` makes the implementation over a fake that passes on to the
/// [`I2cTargets`], and the [step](crate::testing::conformance).
impl Promises {
    /// The blocking `I2c`:
    ///
    /// | promise | |
    /// |---|---|
    /// | a transaction is START, address, bytes and STOP | the trait |
    /// | adjacent operations of one direction are one run | the trait |
    /// | between directions comes a repeated START | the trait |
    /// | only the last byte that is read is not acknowledged | the trait |
    /// | read, write and write_read are such transactions | the trait |
    /// | a refusal is an error | the trait |
    /// | a refusal of the last byte is an error | the trait |
    /// | a refusal says whether it was the address or data | the trait allows "unknown" |
    /// | a refusal ends with one STOP, and the next transaction is whole | not said |
    /// | a write of no bytes asks whether the target is there | not said; it may also be an error |
    /// | operations of no bytes among others change nothing | the trait |
    /// | after a transaction of nothing the next one is whole | not said |
    pub fn of_i2c<I: I2c + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(I2cTargets) -> (I, S) + Send + Sync + 'static,
    ) -> Self {
        let mut promises = Self::new(name);
        let make = Arc::new(make);
        check_all(&mut promises, move |targets| {
            let (i2c, step) = make(targets);
            Blocking(i2c, step)
        });
        promises
    }

    /// A blocking `I2c` whose calls end in an error where the bus is stuck, over a fake that asks
    /// [`holds_clock`](I2cTargets::holds_clock). The target holds the clock at each place of a
    /// transaction, and lets it go when the call has ended. The traits have no time-out.
    ///
    /// - a call on a stuck bus ends in an error
    /// - after it the next transaction is whole
    pub fn of_i2c_limited<I: I2c + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(I2cTargets) -> (I, S) + Send + Sync + 'static,
    ) -> Self {
        let make = Arc::new(make);
        let (mut ends, mut next) = (Every::default(), Every::default());
        for call in [Call(0x48, &[Op::Write(&[1, 2]), Op::Read(3)]), REFUSALS[0].0] {
            for clocks in 0..call.whole().0.len() {
                let make = make.clone();
                // Whether it asks and what comes of the call; and of the one after it.
                let run = alone(move || {
                    let targets = I2cTargets::new();
                    let (i2c, step) = make(targets.clone());
                    let mut caller = Blocking(i2c, step);
                    targets.hold_after(clocks);
                    let ended = caller.call(call);
                    let stuck = targets.has_asked() && targets.holds_clock();
                    let wires = shown(&targets.wires());
                    targets.release();
                    targets.reset();
                    let next = caught(|| next_is_whole(&mut caller, &targets));
                    (ended, stuck, wires, next)
                });
                match run {
                    Ok((_, false, ..)) => break, // It was over before, or the fake does not ask.
                    Ok((ended, true, wires, after)) => {
                        let failed = matches!(&ended, Ok(Ended { result: Err(_), .. }));
                        ends.holds(failed, || format!("stuck, {wires}: {ended:?}"));
                        next.keeps(&after, || format!("stuck, {wires}"));
                    }
                    Err(fault) => {
                        ends.holds(false, || format!("stuck after {clocks}: {fault}"));
                        break;
                    }
                }
            }
        }
        let mut promises = Self::new(name);
        let none = "the fake does not ask whether the clock is held";
        promises.record("a call on a stuck bus ends in an error", ends.end(none));
        promises.record("after it the next transaction is whole", next.end(none));
        promises
    }
}
