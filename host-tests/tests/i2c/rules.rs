//! What a transaction is on the bus, and what bad input becomes.

use std::{cell::Cell, panic, time::Duration};

use embedded_hal::i2c::{Error as _, ErrorKind, I2c as _, NoAcknowledgeSource, Operation};
use proptest::prelude::*;
use wouldblock::{
    adapter::{For, I2c, Limit},
    attempt::Progress,
    block::{Idle, Spin},
    event::Event,
    i2c::{Address, Bus, Controller, Cursor, Direction, Error},
    nb,
    time::StdClock,
};

use crate::wire::{Command, Flaw, Receive, Rig, Send, Start, Stop, register_read};

const REFUSED: Error<ErrorKind> =
    Error::Bus(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));

/// What these operations are on the bus, and their end.
fn on_the_bus(
    address: u8,
    operations: &mut [Operation<'_>],
) -> (Vec<Command>, Result<(), Error<ErrorKind>>) {
    let rig = Rig::instant();
    let end = rig.bus(Flaw::None).transaction(address, operations).block(Spin);
    assert!(!rig.wire.is_enabled());
    (rig.wire.log(), end)
}

#[test]
fn adjacent_operations_of_one_direction_are_one_run() {
    let (mut one, mut two) = ([0; 1], [0; 2]);
    let (log, end) = on_the_bus(
        0x48,
        &mut [
            Operation::Write(&[]),
            Operation::Write(&[3]),
            Operation::Write(&[]),
            Operation::Write(&[7, 8]),
            Operation::Read(&mut one),
            Operation::Read(&mut []),
            Operation::Read(&mut two),
        ],
    );
    assert_eq!(end, Ok(()));
    let write = [Start(0x48, Direction::Write), Send(3), Send(7), Send(8)];
    let read = [Start(0x48, Direction::Read), Receive { last: false }, Receive { last: false }];
    assert_eq!(log, [&write[..], &read, &[Receive { last: true }, Stop]].concat());
    assert_eq!((one, two), ([0x48 + 5], [0x48 + 6, 0x48 + 7]));
}

#[test]
fn no_operations_are_nothing_on_the_bus() {
    assert_eq!(on_the_bus(0x48, &mut []), (vec![], Ok(())));
    assert_eq!(on_the_bus(0xff, &mut []), (vec![], Ok(())), "it has no target");
}

#[test]
fn a_write_of_no_bytes_asks_whether_the_target_is_there() {
    let probe = |address| on_the_bus(address, &mut [Operation::Write(&[])]);
    assert_eq!(probe(0x48), (vec![Start(0x48, Direction::Write), Stop], Ok(())));
    assert_eq!(probe(0x49), (vec![Start(0x49, Direction::Write), Stop], Err(REFUSED)));
}

#[test]
fn a_read_of_no_bytes_is_left_out() {
    assert_eq!(on_the_bus(0x48, &mut [Operation::Read(&mut [])]), (vec![], Ok(())));
    let write = Start(0x48, Direction::Write);
    let (log, end) = on_the_bus(0x48, &mut [Operation::Write(&[1]), Operation::Read(&mut [])]);
    assert_eq!((&log[..], end), (&[write, Send(1), Stop][..], Ok(())));
    // Around it are two runs: the caller has asked for a repeated START.
    let write_twice =
        &mut [Operation::Write(&[1]), Operation::Read(&mut []), Operation::Write(&[2])];
    let (log, end) = on_the_bus(0x48, write_twice);
    assert_eq!((&log[..], end), (&[write, Send(1), write, Send(2), Stop][..], Ok(())));
}

#[test]
fn an_address_of_too_many_bits_is_an_error_and_nothing_is_sent() {
    let rig = Rig::instant();
    let mut bus = rig.bus(Flaw::None);
    let mut out_of_range = |address: Address| {
        let end = bus.transaction(address, &mut [Operation::Write(&[1])]).block(Spin);
        assert_eq!(end, Err(Error::AddressOutOfRange), "{address:?}");
    };
    (0x80..=0xff_u8).for_each(|address| out_of_range(address.into()));
    [0x400, 0xffff_u16].into_iter().for_each(|address| out_of_range(address.into()));
    assert_eq!(rig.wire.log(), []);
    // The fake has no addresses of 10 bits, and says so.
    let ten_bits = bus.transaction(0x3ff_u16, &mut [Operation::Write(&[1])]).block(Spin);
    assert_eq!(ten_bits, Err(Error::Bus(ErrorKind::Other)));
    assert_eq!(rig.wire.log(), []);
    let mut two = [0; 2];
    let mut read = [Operation::Write(&[1]), Operation::Read(&mut two)];
    assert_eq!(bus.transaction(0x48_u8, &mut read).block(Spin), Ok(()));
    assert_eq!(rig.wire.log(), register_read(0x48));
}

#[test]
fn a_refusal_says_whether_it_was_the_address_or_data() {
    let (log, end) = on_the_bus(0x22, &mut [Operation::Write(&[1, 2, 3])]);
    let data = Error::Bus(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data));
    let sent = [Start(0x22, Direction::Write), Send(1), Send(2), Stop];
    assert_eq!((&log[..], end), (&sent[..], Err(data)));
    let (log, end) = on_the_bus(0x23, &mut [Operation::Read(&mut [0])]);
    assert_eq!((&log[..], end), (&[Start(0x23, Direction::Read), Stop][..], Err(REFUSED)));
    assert_eq!(REFUSED.kind(), ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address));
    for error in [Error::AddressOutOfRange, Error::TimedOut::<ErrorKind>] {
        assert_eq!(error.kind(), ErrorKind::Other);
    }
    assert_eq!(Error::<ErrorKind>::TimedOut.to_string(), "timed out");
}

#[test]
fn after_its_end_nothing_is_sent_again() {
    let rig = Rig::instant();
    let mut bus = rig.bus(Flaw::None);
    let mut operations = [Operation::Write(&[1, 2])];
    let mut transaction = bus.transaction(0x48_u8, &mut operations);
    assert_eq!(transaction.block(Spin), Ok(()));
    assert_eq!(transaction.progress(), 2);
    let log = rig.wire.log();
    for _ in 0..10 {
        assert_eq!(transaction.attempt(), Err(nb::Error::WouldBlock));
    }
    drop(transaction);
    assert_eq!(rig.wire.log(), log);
}

/// A controller whose whole transaction is one call of a function.
struct Once<F>(F);

impl<F: FnMut(&mut Cursor<'_, '_>)> Controller for Once<F> {
    type Error = ErrorKind;

    fn settle(&mut self) -> nb::Result<(), ErrorKind> {
        Ok(())
    }

    fn start(&mut self, _: &mut Cursor<'_, '_>) -> Result<(), ErrorKind> {
        Ok(())
    }

    fn step(&mut self, cursor: &mut Cursor<'_, '_>) -> nb::Result<(), ErrorKind> {
        (self.0)(cursor);
        Ok(())
    }

    fn abort(&mut self) {}

    fn reset(&mut self) {}
}

/// Returns how many bytes were moved.
fn with_cursor(operations: &mut [Operation<'_>], f: impl FnMut(&mut Cursor<'_, '_>)) -> usize {
    let event = Event::new();
    let mut bus = Bus::new(Once(f), event.waiter().unwrap());
    let mut transaction = bus.transaction(0x48_u8, operations);
    assert_eq!(transaction.block(Spin), Ok(()));
    transaction.progress()
}

#[test]
fn a_cursor_takes_nothing_in_the_wrong_direction_and_nothing_after_a_runs_end() {
    let mut read = [0; 1];
    let moved = with_cursor(&mut [Operation::Write(&[1]), Operation::Read(&mut read)], |cursor| {
        assert!(!cursor.received(9));
        assert_eq!((cursor.left(), cursor.send(), cursor.left()), (1, Some(1), 0));
        assert_eq!((cursor.send(), cursor.received(9)), (None, false));
        assert!(cursor.next_run());
        assert_eq!((cursor.direction(), cursor.left(), cursor.send()), (Direction::Read, 1, None));
        assert!(cursor.received(7) && !cursor.received(8));
        assert!(!cursor.next_run() && !cursor.next_run());
        assert_eq!((cursor.left(), cursor.send(), cursor.received(9)), (0, None, false));
    });
    assert_eq!((read, moved), ([7], 2));
    // A controller may pass over what is left of a run.
    let mut write = [Operation::Write(&[1, 2]), Operation::Write(&[3]), Operation::Read(&mut read)];
    let moved = with_cursor(&mut write, |cursor| {
        assert_eq!((cursor.left(), cursor.send()), (3, Some(1)));
        assert!(cursor.next_run() && cursor.left() == 1);
        assert!(!cursor.next_run());
        assert_eq!((cursor.left(), cursor.send(), cursor.received(9)), (0, None, false));
    });
    assert_eq!(moved, 1);
}

/// Each call would block twice before it ends, whether or not an interrupt is enabled.
#[derive(Clone, Copy, Default)]
struct Late {
    calls: u32,
    armed: bool,
    reset: bool,
}

struct Shared<'l>(&'l Cell<Late>);

impl Shared<'_> {
    fn call(&self) -> nb::Result<(), ErrorKind> {
        let calls = self.0.get().calls + 1;
        self.0.set(Late { calls, ..self.0.get() });
        if calls.is_multiple_of(3) { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Controller for Shared<'_> {
    type Error = ErrorKind;

    fn settle(&mut self) -> nb::Result<(), ErrorKind> {
        self.call()
    }

    fn start(&mut self, _: &mut Cursor<'_, '_>) -> Result<(), ErrorKind> {
        Ok(())
    }

    fn step(&mut self, cursor: &mut Cursor<'_, '_>) -> nb::Result<(), ErrorKind> {
        self.call()?;
        if cursor.next_run() { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }

    fn abort(&mut self) {
        panic!("each has ended");
    }

    fn reset(&mut self) {
        self.0.set(Late { reset: true, ..self.0.get() });
    }

    fn arm(&mut self) {
        self.0.set(Late { armed: true, ..self.0.get() });
    }
}

/// Sleeps for no time.
struct Naps;

impl Idle for Naps {
    fn idle(&mut self, _: impl Fn() -> bool) {}
}

#[test]
fn a_caller_that_spins_retries_without_an_interrupt_and_others_enable_it() {
    fn is_armed_by(limit: impl Limit) -> bool {
        let late = Cell::default();
        let event = Event::new();
        let mut bus = I2c::new(Bus::new(Shared(&late), event.waiter().unwrap()), limit);
        assert_eq!(bus.write_read(0x48_u8, &[1], &mut [0]), Ok(()));
        assert_eq!(late.get().calls, 9, "it is settled, and each run has ended");
        for spoilt in [0x80_u8, 0xff] {
            assert_eq!(bus.write(spoilt, &[1]), Err(Error::AddressOutOfRange));
            assert_eq!(bus.transaction(spoilt, &mut []), Ok(()));
        }
        let Late { calls, armed, reset } = late.get();
        assert_eq!((calls, reset), (9, false));
        armed
    }
    assert!(!is_armed_by(Spin));
    assert!(is_armed_by(Naps));
    assert!(is_armed_by(For::new(Spin, StdClock::new(), Duration::from_secs(3600))));
}

#[test]
fn a_caller_that_spins_for_a_time_has_a_limit() {
    let late = Cell::default();
    let event = Event::new();
    let limit = For::new(Spin, StdClock::new(), Duration::ZERO);
    let mut bus = I2c::new(Bus::new(Shared(&late), event.waiter().unwrap()), limit);
    assert_eq!(bus.write(0x48_u8, &[1]), Err(Error::TimedOut));
    assert!(late.get().reset);
}

/// A controller whose first step panics.
struct Panics<'l> {
    started: bool,
    aborted: &'l Cell<bool>,
}

impl Controller for Panics<'_> {
    type Error = ErrorKind;

    fn settle(&mut self) -> nb::Result<(), ErrorKind> {
        Ok(())
    }

    fn start(&mut self, _: &mut Cursor<'_, '_>) -> Result<(), ErrorKind> {
        self.started = true;
        Ok(())
    }

    fn step(&mut self, _: &mut Cursor<'_, '_>) -> nb::Result<(), ErrorKind> {
        panic!("a flaw of the controller");
    }

    fn abort(&mut self) {
        self.aborted.set(self.started);
    }

    fn reset(&mut self) {}
}

#[test]
fn a_panic_of_a_controller_leaves_no_open_bus() {
    fn is_aborted(limit: impl Limit) -> bool {
        let aborted = Cell::new(false);
        let event = Event::new();
        let controller = Panics { started: false, aborted: &aborted };
        let mut bus = I2c::new(Bus::new(controller, event.waiter().unwrap()), limit);
        let write = panic::AssertUnwindSafe(|| bus.write(0x48_u8, &[1]));
        assert!(panic::catch_unwind(write).is_err());
        aborted.get()
    }
    assert!(is_aborted(Spin));
    assert!(is_aborted(Naps));
}

proptest! {
    /// Any operations: the cursor passes the same bytes, in the same runs, as a list of them does.
    #[test]
    fn a_cursor_passes_the_bytes_of_any_operations(
        lengths in prop::collection::vec((any::<bool>(), 0..4_usize), 0..8)
    ) {
        // The runs, as lists of what is sent, or as numbers of what is received.
        let mut runs: Vec<(Direction, Vec<u8>)> = Vec::new();
        let mut next = 0;
        for &(reads, length) in &lengths {
            let direction = if reads { Direction::Read } else { Direction::Write };
            if runs.last().is_none_or(|(last, _)| *last != direction) {
                runs.push((direction, Vec::new()));
            }
            let bytes = (0..length).map(|_| { next += 1; next });
            runs.last_mut().unwrap().1.extend(bytes);
        }
        let expected: Vec<_> = runs
            .into_iter()
            .filter(|(direction, bytes)| *direction == Direction::Write || !bytes.is_empty())
            .collect();

        let mut number = 0;
        let mut storage: Vec<(bool, Vec<u8>)> = Vec::new();
        for (reads, length) in lengths {
            storage.push((reads, (0..length).map(|_| { number += 1; number }).collect()));
        }
        let written = storage.clone();
        for (_, bytes) in storage.iter_mut().filter(|(reads, _)| *reads) {
            bytes.fill(0);
        }
        let mut operations: Vec<_> = storage
            .iter_mut()
            .map(|(reads, bytes)| match reads {
                true => Operation::Read(bytes),
                false => Operation::Write(bytes),
            })
            .collect();
        let mut passed = Vec::new();
        let mut wanted = expected.clone().into_iter();
        with_cursor(&mut operations, |cursor| loop {
            let (direction, left) = (cursor.direction(), cursor.left());
            let bytes = match direction {
                Direction::Write => std::iter::from_fn(|| cursor.send()).collect(),
                Direction::Read => {
                    let (_, bytes) = wanted.clone().nth(passed.len()).unwrap();
                    bytes.into_iter().take_while(|&byte| cursor.received(byte)).collect::<Vec<_>>()
                }
            };
            assert_eq!(left, bytes.len());
            passed.push((direction, bytes));
            if !cursor.next_run() {
                break;
            }
        });
        prop_assert_eq!(&passed, &expected);
        prop_assert!(wanted.next().is_some() || expected.is_empty());
        prop_assert_eq!(storage, written);
    }
}
