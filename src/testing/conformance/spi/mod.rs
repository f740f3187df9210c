//! The suites of `SpiDevice`.

#[cfg(feature = "embedded-hal-async")]
mod awaited;
mod call;
mod target;

use std::{format, sync::Arc};

use embedded_hal::spi::{ErrorKind, SpiDevice};

pub use self::target::SpiTarget;
use self::{
    call::{Blocking, Call, Caller, Judgement, Op, Provided, next_is_whole, once},
    target::{Wire, shown},
};
use super::{Finding, Found, Promises, broken, holds, unchecked};

/// More words than a FIFO has.
const MANY: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];

/// Transactions of all kinds of operations.
const CALLS: [Call; 6] = [
    Call(&[Op::Write(MANY)]),
    Call(&[Op::Write(&[0x9f]), Op::Read(3)]),
    Call(&[Op::Read(2), Op::Write(&[5]), Op::Read(1), Op::Write(&[6, 7])]),
    Call(&[Op::Transfer(2, &[1, 2, 3, 4]), Op::Transfer(5, &[6]), Op::InPlace(&[7, 8, 9])]),
    Call(&[Op::Write(MANY), Op::Read(20), Op::InPlace(MANY)]),
    Call(&[Op::Transfer(0, &[3, 2]), Op::Transfer(2, &[]), Op::Write(&[1])]),
];

type Check<C> = fn(C, &SpiTarget) -> Found;

/// The promises of the blocking and of the awaited trait.
fn checks<C: Caller>() -> [(&'static str, Check<C>); 10] {
    [
        ("one chip select is low over all operations", |device, target| {
            each(device, target, |judgement| judgement.once)
        }),
        ("the chip select rises when the last word is out", |device, target| {
            each(device, target, |judgement| judgement.flushed)
        }),
        ("when a call returns, the chip select is high", when_it_returns),
        ("the words are sent as they were given", |device, target| {
            each(device, target, |judgement| judgement.sent)
        }),
        ("each word that is read is the one that has come for it", |device, target| {
            each(device, target, |judgement| judgement.read)
        }),
        ("read, write, transfer and transfer_in_place are such transactions", provided),
        ("a delay begins when the word before it is out, and is not too short", a_delay),
        ("operations of no words change nothing", no_words),
        ("the first error is returned", the_first_error),
        ("after an error the chip select is high, and the next transaction is whole", after_errors),
    ]
}

/// That part of each transaction is right.
fn each<C: Caller>(mut device: C, target: &SpiTarget, part: fn(Judgement) -> Found) -> Found {
    CALLS.into_iter().try_for_each(|call| {
        let (ended, wires) = once(&mut device, target, call)?;
        part(call.judge(&ended, &wires))
    })
}

fn when_it_returns<C: Caller>(mut device: C, target: &SpiTarget) -> Found {
    for call in CALLS {
        target.forget();
        let ended = device.call(call).map_err(Finding::Broken)?;
        let wires = target.wires();
        holds(wires.last() == Some(&Wire::High), || {
            format!("{:?} has ended {ended:?}, {}", call.0, shown(&wires))
        })?;
        device.run_out();
    }
    Ok(())
}

fn provided<C: Caller>(mut device: C, target: &SpiTarget) -> Found {
    for (provided, call) in [
        (Provided::Read, Call(&[Op::Read(6)])),
        (Provided::Write, Call(&[Op::Write(MANY)])),
        (Provided::Transfer, Call(&[Op::Transfer(3, &[1, 2, 3, 4, 5])])),
        (Provided::InPlace, Call(&[Op::InPlace(&[1, 2, 3, 4, 5, 6])])),
    ] {
        target.forget();
        let ended = device.provided(provided, call).map_err(Finding::Broken)?;
        device.run_out();
        call.judge(&ended, &target.wires()).whole()?;
    }
    Ok(())
}

fn a_delay<C: Caller>(mut device: C, target: &SpiTarget) -> Found {
    const TIME: u32 = 700;
    let call = Call(&[Op::Write(&[1, 2, 3]), Op::Delay(TIME), Op::Write(&[4])]);
    let (ended, wires) = once(&mut device, target, call)?;
    let seen = || format!("{ended:?}, {}", shown(&wires));
    holds(ended.result == Ok(()), seen)?;
    if !wires.iter().any(|wire| matches!(wire, Wire::Pass(_))) {
        return unchecked("the fake does not say how time passes");
    }
    // Between the third word and the fourth one.
    let (mut words, mut time) = (0, 0);
    for line in &wires {
        match line {
            Wire::Word(..) => words += 1,
            Wire::Pass(its) if words == 3 => time += its,
            _ => {}
        }
    }
    holds(time >= TIME.into(), seen)?;
    call.judge(&ended, &wires).whole()
}

fn no_words<C: Caller>(mut device: C, target: &SpiTarget) -> Found {
    for call in [
        Call(&[]),
        Call(&[Op::Write(&[])]),
        Call(&[Op::Read(0), Op::Transfer(0, &[]), Op::InPlace(&[])]),
    ] {
        let (ended, wires) = once(&mut device, target, call)?;
        let words = wires.iter().any(|wire| matches!(wire, Wire::Word(..)));
        let low = wires.iter().rfind(|wire| matches!(wire, Wire::Low | Wire::High));
        holds(ended.result == Ok(()) && !words && low != Some(&Wire::Low), || {
            format!("{:?} ended {ended:?}, {}", call.0, shown(&wires))
        })?;
    }
    let call = Call(&[Op::Write(&[]), Op::Write(&[1]), Op::Read(0), Op::Read(2), Op::Write(&[])]);
    let (ended, wires) = once(&mut device, target, call)?;
    call.judge(&ended, &wires).whole()?;
    next_is_whole(&mut device, target)
}

/// Calls that fail at each question of the fake.
fn failing<C: Caller>(
    device: &mut C,
    target: &SpiTarget,
    mut check: impl FnMut(&mut C, Result<(), ErrorKind>) -> Found,
) -> Found {
    for call in [CALLS[1], CALLS[3]] {
        for questions in 0..200 {
            target.forget();
            target.fail_after(questions);
            let ended = device.call(call).map_err(Finding::Broken)?;
            let failed = target.recover();
            if !failed {
                break;
            }
            check(device, ended.result)?;
        }
    }
    if target.has_asked() { Ok(()) } else { unchecked("the fake does not ask for faults") }
}

fn the_first_error<C: Caller>(mut device: C, target: &SpiTarget) -> Found {
    failing(&mut device, target, |device, result| {
        device.run_out();
        holds(result == Err(ErrorKind::Overrun), || {
            format!("{result:?}, with {}", shown(&target.wires()))
        })
    })
}

fn after_errors<C: Caller>(mut device: C, target: &SpiTarget) -> Found {
    failing(&mut device, target, |device, _| {
        let wires = target.wires();
        let low = wires.iter().rfind(|wire| matches!(wire, Wire::Low | Wire::High));
        if low == Some(&Wire::Low) {
            return broken(format!("an error was returned, {}", shown(&wires)));
        }
        device.run_out();
        next_is_whole(device, target)
    })
}

/// Checks each promise of both forms, each on a thread of its own.
fn check_all<C: Caller + 'static>(
    promises: &mut Promises,
    make: impl Fn(SpiTarget) -> C + Send + Sync + Clone + 'static,
) {
    for (name, check) in checks::<C>() {
        let make = make.clone();
        promises.check(name, move || {
            let target = SpiTarget::new();
            check(make(target.clone()), &target)
        });
    }
}

/// The suites of `SpiDevice`, for words of 8 bits. `make` makes the device over a fake that passes on to
/// the [`SpiTarget`], and the [step](crate::testing::conformance), in which a word moves.
impl Promises {
    /// The blocking `SpiDevice`:
    ///
    /// | promise | |
    /// |---|---|
    /// | one chip select is low over all operations | the trait |
    /// | the chip select rises when the last word is out | the trait |
    /// | when a call returns, the chip select is high | the trait |
    /// | the words are sent as they were given | the trait |
    /// | each word that is read is the one that has come for it | the trait |
    /// | read, write, transfer and transfer_in_place are such transactions | the trait |
    /// | a delay begins when the word before it is out, and is not too short | the trait |
    /// | operations of no words change nothing | the trait |
    /// | the first error is returned | not said of the bus; the chip select does not fail here |
    /// | after an error the chip select is high, and the next transaction is whole | the trait: "should" |
    pub fn of_spi<D: SpiDevice + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(SpiTarget) -> (D, S) + Send + Sync + 'static,
    ) -> Self {
        let mut promises = Self::new(name);
        let make = Arc::new(make);
        check_all(&mut promises, move |target| {
            let (device, step) = make(target);
            Blocking(device, step)
        });
        promises
    }
}
