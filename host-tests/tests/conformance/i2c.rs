//! `adapter::I2c` and `adapter::I2cDevice`.

use std::{cell::Cell, mem::ManuallyDrop, time::Duration};

use embedded_hal::i2c::{ErrorKind, ErrorType, NoAcknowledgeSource, Operation};
use fakes::leak;
use wouldblock::{
    adapter::{For, I2c, I2cDevice, SharedBus},
    block::{Idle, Spin},
    i2c::{Direction, Error},
    testing::{
        boundary,
        conformance::{I2cTargets, Promises},
    },
    time::Clock,
};

use crate::{
    breaks, clean,
    wire::{Engine, Flaw, Rig},
};

/// Passes the time of a blocking call: the device ends its command, and its handler runs.
#[derive(Clone, Copy)]
pub struct Steps(pub &'static Rig);

impl Idle for Steps {
    fn idle(&mut self, _: impl Fn() -> bool) {
        boundary();
        self.0.step();
    }
}

/// Passes the time of two.
struct Both([&'static Rig; 2]);

impl Idle for Both {
    fn idle(&mut self, _: impl Fn() -> bool) {
        self.0.iter().for_each(|rig| Steps(rig).idle(|| false));
    }
}

/// A clock that passes the time of the device, for a blocking call that spins.
#[derive(Clone)]
struct Passing(&'static Rig, &'static Cell<u64>);

impl Clock for Passing {
    fn now(&self) -> u64 {
        self.0.step();
        self.1.set(self.1.get() + 1);
        self.1.get()
    }

    fn frequency(&self) -> u64 {
        1000
    }
}

/// What a twin does wrong above the controller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mistake {
    None,
    /// The last byte of a write is left out.
    LeavesOut,
    /// Each operation has its own START.
    StartsEach,
    /// A STOP where the direction changes.
    StopsBetween,
    /// `write_read` is a write, and then a read.
    ReplacedMethod,
    /// A refusal is not an error.
    HidesRefusals,
    /// A refusal is an error of a kind that is not known.
    DoesNotSayWhere,
    /// A write of no bytes does nothing.
    NeverProbes,
    /// An operation of no bytes ends the run.
    EmptyEndsRun,
    /// A read of no bytes is START and STOP.
    ReadsNothing,
    /// A drop waits until the bus is free.
    WaitsInDrop,
    /// A dropped call is forgotten.
    Forgets,
}

/// An implementation with a mistake.
struct Twin<I>(I, Mistake, I2cTargets);

type Refusal = Error<ErrorKind>;

impl<I> ErrorType for Twin<I> {
    type Error = Refusal;
}

/// One transaction of a twin is several ones: `Ok` says where each one ends, in a list of operations
/// that may have more of them.
fn parts<'o>(mistake: Mistake, operations: &'o mut [Operation<'_>]) -> Vec<Vec<Operation<'o>>> {
    let is_write = |operation: &Operation<'_>| matches!(operation, Operation::Write(_));
    let mut parts: Vec<Vec<Operation<'o>>> = vec![vec![]];
    let alone = operations.len() == 1;
    for operation in operations {
        let writes = is_write(operation);
        let part = parts.last_mut().unwrap();
        let last = part.last().map(is_write);
        if mistake == Mistake::StopsBetween && last.is_some_and(|last| last != writes) {
            parts.push(vec![]);
        }
        let part = parts.last_mut().unwrap();
        // Between two writes, a read of no bytes is a repeated START.
        if mistake == Mistake::StartsEach && last == Some(true) && writes {
            part.push(Operation::Read(&mut []));
        }
        part.push(match operation {
            Operation::Write([]) if mistake == Mistake::NeverProbes && alone => continue,
            Operation::Write([]) if mistake == Mistake::EmptyEndsRun && !alone => {
                Operation::Read(&mut [])
            }
            Operation::Write([bytes @ .., _, _]) if mistake == Mistake::LeavesOut => {
                Operation::Write(bytes)
            }
            Operation::Write(bytes) => Operation::Write(bytes),
            Operation::Read(bytes) => Operation::Read(bytes),
        });
    }
    parts
}

impl<I> Twin<I> {
    fn end(&self, end: Result<(), Refusal>) -> Result<(), Refusal> {
        match (self.1, end) {
            (Mistake::HidesRefusals, Err(_)) => Ok(()),
            (Mistake::DoesNotSayWhere, Err(Error::Bus(ErrorKind::NoAcknowledge(_)))) => {
                Err(Error::Bus(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Unknown)))
            }
            (_, end) => end,
        }
    }

    fn reads_nothing(&self, address: u8, operations: &[Operation<'_>]) {
        if self.1 == Mistake::ReadsNothing && matches!(operations, [Operation::Read([])]) {
            self.2.start(address, Direction::Read);
            self.2.stop();
        }
    }
}

impl<I: embedded_hal::i2c::I2c<Error = Refusal>> embedded_hal::i2c::I2c for Twin<I> {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Refusal> {
        self.reads_nothing(address, operations);
        for mut part in parts(self.1, operations) {
            let end = self.0.transaction(address, &mut part);
            self.end(end)?;
        }
        Ok(())
    }

    fn write_read(&mut self, address: u8, write: &[u8], read: &mut [u8]) -> Result<(), Refusal> {
        if self.1 == Mistake::ReplacedMethod {
            self.0.write(address, write)?;
            return self.0.read(address, read);
        }
        self.transaction(address, &mut [Operation::Write(write), Operation::Read(read)])
    }
}

/// Waits when it is dropped, until the target lets the clock go.
struct Waits(Option<I2cTargets>);

impl Drop for Waits {
    fn drop(&mut self) {
        while self.0.as_ref().is_some_and(I2cTargets::holds_clock) {}
    }
}

impl<I: embedded_hal_async::i2c::I2c<Error = Refusal>> embedded_hal_async::i2c::I2c for Twin<I> {
    async fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Refusal> {
        self.reads_nothing(address, operations);
        let _waits = Waits((self.1 == Mistake::WaitsInDrop).then(|| self.2.clone()));
        for mut part in parts(self.1, operations) {
            let mut call = ManuallyDrop::new(Box::pin(self.0.transaction(address, &mut part)));
            let forgets = self.1 == Mistake::Forgets;
            let mut call = Dropped(&mut call, forgets);
            let end = call.0.as_mut().await;
            call.1 = false;
            drop(call);
            self.end(end)?;
        }
        Ok(())
    }

    async fn write_read(
        &mut self,
        address: u8,
        write: &[u8],
        read: &mut [u8],
    ) -> Result<(), Refusal> {
        if self.1 == Mistake::ReplacedMethod {
            self.0.write(address, write).await?;
            return self.0.read(address, read).await;
        }
        let mut operations = [Operation::Write(write), Operation::Read(read)];
        self.transaction(address, &mut operations).await
    }
}

/// Drops a call, or forgets it.
struct Dropped<'c, F>(&'c mut ManuallyDrop<F>, bool);

impl<F> Drop for Dropped<'_, F> {
    fn drop(&mut self) {
        if !self.1 {
            // SAFETY: only here, once, and nothing uses it afterwards.
            unsafe { ManuallyDrop::drop(self.0) }
        }
    }
}

type Own = Twin<I2c<'static, Engine, Steps>>;

pub fn rig(targets: &I2cTargets) -> &'static Rig {
    leak(Rig::over(targets.clone()))
}

/// `adapter::I2c`, and its step.
fn own(flaw: Flaw, mistake: Mistake) -> impl Fn(I2cTargets) -> (Own, Box<dyn FnMut()>) {
    move |targets| {
        let rig = rig(&targets);
        let twin = Twin(I2c::new(rig.bus(flaw), Steps(rig)), mistake, targets);
        (twin, Box::new(|| rig.step()))
    }
}

fn blocking(flaw: Flaw, mistake: Mistake) -> Promises {
    let name = format!("adapter::I2c, blocking, {flaw:?}, {mistake:?}");
    Promises::of_i2c(&name, own(flaw, mistake))
}

fn awaited(flaw: Flaw, mistake: Mistake) -> Promises {
    let name = format!("adapter::I2c, awaited, {flaw:?}, {mistake:?}");
    Promises::of_i2c_awaited(&name, own(flaw, mistake))
}

#[test]
fn i2c_keeps_its_promises() {
    // Without the twin around it.
    clean(&Promises::of_i2c("adapter::I2c, blocking", |targets| {
        let rig = rig(&targets);
        (I2c::new(rig.bus(Flaw::None), Steps(rig)), || rig.step())
    }));
    clean(&Promises::of_i2c_awaited("adapter::I2c, awaited", |targets| {
        let rig = rig(&targets);
        (I2c::new(rig.bus(Flaw::None), Spin), || rig.step())
    }));
    clean(&blocking(Flaw::None, Mistake::None));
    clean(&awaited(Flaw::None, Mistake::None));
}

pub const WHOLE: &str = "a transaction is START, address, bytes and STOP";
pub const ONE_RUN: &str = "adjacent operations of one direction are one run";
pub const REPEATED: &str = "between directions comes a repeated START";
const LAST: &str = "only the last byte that is read is not acknowledged";
const PROVIDED: &str = "read, write and write_read are such transactions";
const REFUSED: &str = "a refusal is an error";
const LAST_REFUSED: &str = "a refusal of the last byte is an error";
const WHERE: &str = "a refusal says whether it was the address or data";
const AFTER_REFUSAL: &str = "a refusal ends with one STOP, and the next transaction is whole";
const PROBE: &str = "a write of no bytes asks whether the target is there";
pub const NO_BYTES: &str = "operations of no bytes among others change nothing";
pub const NOTHING: &str = "after a transaction of nothing the next one is whole";
const WOKEN: &str = "it is woken when it can continue";
const NEXT: &str = "dropped: the next transaction is whole";
const ONE_STOP: &str = "dropped: one STOP";
const NOT_DRIVEN: &str = "dropped: no STOP while the target drives the bus";
const DROP: &str = "the drop does not wait";

/// Each twin, and the promise that it breaks.
const TWINS: [(Flaw, Mistake, &str); 12] = [
    (Flaw::None, Mistake::LeavesOut, WHOLE),
    (Flaw::None, Mistake::StartsEach, ONE_RUN),
    (Flaw::None, Mistake::StopsBetween, REPEATED),
    (Flaw::AcknowledgesTheLast, Mistake::None, LAST),
    (Flaw::None, Mistake::ReplacedMethod, PROVIDED),
    (Flaw::None, Mistake::HidesRefusals, REFUSED),
    (Flaw::MissesTheLastRefusal, Mistake::None, LAST_REFUSED),
    (Flaw::None, Mistake::DoesNotSayWhere, WHERE),
    (Flaw::NoStopAfterRefusal, Mistake::None, AFTER_REFUSAL),
    (Flaw::None, Mistake::NeverProbes, PROBE),
    (Flaw::None, Mistake::EmptyEndsRun, NO_BYTES),
    (Flaw::None, Mistake::ReadsNothing, NOTHING),
];

/// Asserts that the promise is among those that are broken.
#[track_caller]
fn caught(promises: &Promises, broken: &str) {
    println!("{promises}");
    assert!(promises.broken().contains(&broken), "{promises}");
}

#[test]
fn each_promise_catches_its_twin() {
    for (flaw, mistake, broken) in TWINS {
        caught(&blocking(flaw, mistake), broken);
        caught(&awaited(flaw, mistake), broken);
    }
    // These break nothing else.
    for mistake in [Mistake::DoesNotSayWhere, Mistake::NeverProbes, Mistake::ReplacedMethod] {
        let (_, _, broken) = TWINS.into_iter().find(|twin| twin.1 == mistake).unwrap();
        breaks(&blocking(Flaw::None, mistake), &[broken]);
    }
    breaks(&awaited(Flaw::NeverArms, Mistake::None), &[WOKEN]);
    breaks(&awaited(Flaw::StopsTwice, Mistake::None), &[ONE_STOP]);
    caught(&awaited(Flaw::NeverAborts, Mistake::None), NEXT);
    breaks(&awaited(Flaw::StopsInRead, Mistake::None), &[NOT_DRIVEN]);
    breaks(&awaited(Flaw::None, Mistake::WaitsInDrop), &[DROP]);
}

/// A blocking call needs no interrupt.
#[test]
fn without_a_handler_the_blocking_promises_are_kept() {
    struct Deaf(&'static Rig);
    impl Idle for Deaf {
        fn idle(&mut self, _: impl Fn() -> bool) {
            self.0.wire.end_one();
        }
    }
    clean(&Promises::of_i2c("adapter::I2c, blocking, without a handler", |targets| {
        let rig = rig(&targets);
        (I2c::new(rig.bus(Flaw::None), Deaf(rig)), || rig.wire.end_one())
    }));
}

/// `adapter::I2c` with a limit of 20 ms.
fn limited(flaw: Flaw) -> Promises {
    Promises::of_i2c_limited("adapter::I2c, limited", move |targets| {
        let rig = rig(&targets);
        let clock = Passing(rig, leak(Cell::new(0)));
        let limit = For::new(Spin, clock, Duration::from_millis(20));
        (I2c::new(rig.bus(flaw), limit), || rig.step())
    })
}

#[test]
fn a_limit_ends_a_call_on_a_stuck_bus() {
    clean(&limited(Flaw::None));
    breaks(&limited(Flaw::OnlyForgets), &["after it the next transaction is whole"]);
    let unlimited = Promises::of_i2c_limited("adapter::I2c, unlimited", |targets| {
        let rig = rig(&targets);
        (I2c::new(rig.bus(Flaw::None), Steps(rig)), || rig.step())
    });
    caught(&unlimited, "a call on a stuck bus ends in an error");
    // A fake that cannot get stuck shows nothing.
    let deaf = Promises::of_i2c_limited("a fake that does not ask", |_| {
        let rig = leak(Rig::new());
        (I2c::new(rig.bus(Flaw::None), Steps(rig)), || rig.step())
    });
    breaks(&deaf, &[]);
    assert_eq!(deaf.unchecked().len(), 2);
}

/// Two devices on one bus, of which the awaited one makes this mistake.
fn shared(mistake: Mistake) -> Promises {
    let name = format!("adapter::I2cDevice, {mistake:?}");
    Promises::of_i2c_shared(&name, move |targets| {
        let rig = rig(&targets);
        let bus: &SharedBus<_, 2> = leak(SharedBus::new(rig.bus(Flaw::None)));
        let awaited = Twin(I2cDevice::new(bus, Spin).unwrap(), mistake, targets);
        (awaited, I2cDevice::new(bus, Steps(rig)).unwrap(), || rig.step())
    })
}

#[test]
fn a_shared_bus_keeps_its_promises() {
    clean(&shared(Mistake::None));
    breaks(&shared(Mistake::Forgets), &["dropping the call that holds the bus frees it"]);
    caught(&shared(Mistake::StopsBetween), "in turn, both are whole");
    // Two that do not know of each other.
    let unshared = Promises::of_i2c_shared("two controllers", |targets| {
        let [one, other] = [0; 2].map(|_| rig(&targets));
        let awaited = I2c::new(one.bus(Flaw::None), Spin);
        let both = [one, other];
        (awaited, I2c::new(other.bus(Flaw::None), Both(both)), move || {
            both.iter().for_each(|rig| rig.step())
        })
    });
    caught(&unshared, "at once, both are whole");
}
