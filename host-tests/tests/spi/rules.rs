//! What a transaction is on the bus, and what bad input and errors become.

use std::{convert::Infallible, rc::Rc};

use embedded_hal::{
    digital::{self, OutputPin},
    spi::{Error as _, ErrorKind, Operation},
};
use fakes::spi::{
    FIFO, LOOKS,
    Line::{self, High, Low, Word},
    Spi,
};
use proptest::prelude::*;
use wouldblock::{
    attempt::Progress,
    block::Spin,
    event::Event,
    nb,
    spi::{Bus, Controller, Cursor, Error, Words},
    time::Clock,
};

use crate::{
    selected,
    wire::{Engine, Flaw, Rig},
};

type End = Result<(), Error<ErrorKind>>;

/// What these operations are on the bus, and their end.
fn on_the_bus<W: Copy>(operations: &mut [Operation<'_, W>]) -> (Vec<Line>, End)
where
    Engine: Words<W>,
{
    let rig = Rig::new();
    let (mut bus, mut pin, clock) = (rig.bus(Flaw::None), rig.pin(1), rig.clock());
    let end = bus.transaction(&mut pin, &clock, operations).block(Spin);
    assert!(!rig.chip.is_enabled());
    assert_eq!(rig.chip.selected(), None);
    (rig.chip.log(), end)
}

#[test]
fn the_chip_select_is_low_over_all_operations() {
    let (mut two, mut three, mut place) = ([0; 2], [0; 3], [5, 6, 7, 8, 9, 10]);
    let (log, end) = on_the_bus(&mut [
        Operation::Write(&[1, 2, 3, 4, 5, 6_u8]),
        Operation::Read(&mut two),
        Operation::Transfer(&mut three, &[7, 8, 9]),
        Operation::TransferInPlace(&mut place),
    ]);
    assert_eq!(end, Ok(()));
    let sent = [1, 2, 3, 4, 5, 6, 0xff, 0xff, 7, 8, 9, 5, 6, 7, 8, 9, 10];
    assert_eq!(log, selected(1, &sent));
    // A device returns the complement, plus one, which is minus the word.
    assert_eq!((two, three), ([1, 1], [7, 8, 9].map(u8::wrapping_neg)));
    assert_eq!(place, [5, 6, 7, 8, 9, 10].map(u8::wrapping_neg));
}

#[test]
fn a_transfer_has_the_words_of_its_longer_slice() {
    let (mut one, mut four) = ([0; 1], [0; 4]);
    let (log, end) = on_the_bus(&mut [
        Operation::Transfer(&mut one, &[7, 8, 9]),
        Operation::Transfer(&mut four, &[5_u8]),
        Operation::Transfer(&mut [], &[6]),
    ]);
    assert_eq!(end, Ok(()));
    assert_eq!(log, selected(1, &[7, 8, 9, 5, 0xff, 0xff, 0xff, 6]));
    assert_eq!((one, four), ([7_u8.wrapping_neg()], [5_u8.wrapping_neg(), 1, 1, 1]));
}

#[test]
fn operations_without_words_are_passed_over() {
    // Without an operation the device is selected, as by every other implementation.
    assert_eq!(on_the_bus::<u8>(&mut []), (selected(1, &[]), Ok(())));
    let none: &mut [Operation<'_, u8>] = &mut [
        Operation::Read(&mut []),
        Operation::Write(&[]),
        Operation::Transfer(&mut [], &[]),
        Operation::TransferInPlace(&mut []),
        Operation::DelayNs(0),
    ];
    assert_eq!(on_the_bus(none), (selected(1, &[]), Ok(())));
    let between =
        &mut [Operation::Write(&[1_u8]), Operation::Read(&mut []), Operation::Write(&[2])];
    assert_eq!(on_the_bus(between), (selected(1, &[1, 2]), Ok(())));
}

#[test]
fn words_of_16_bits() {
    let mut place = [0x1234, 0xffff, 0];
    let (log, end) = on_the_bus(&mut [
        Operation::Write(&[0xabcd_u16]),
        Operation::TransferInPlace(&mut place),
        Operation::Read(&mut [0]),
    ]);
    assert_eq!((log, end), (selected(1, &[0xabcd, 0x1234, 0xffff, 0, 0xffff]), Ok(())));
    assert_eq!(place, [0x1234_u16.wrapping_neg(), 1, 0]);
}

#[test]
fn a_controller_of_both_sizes_changes_them_between_two_transactions() {
    let rig = Rig::new();
    let (mut pin, clock) = (rig.pin(1), rig.clock());
    for ends_early in [false, true] {
        let mut bus = rig.bus_ending(Flaw::None, ends_early);
        for _ in 0..2 {
            rig.chip.clear_log();
            let eight = &mut [Operation::Write(&[1, 2, 3, 4, 5_u8])];
            bus.transaction(&mut pin, &clock, eight).block(Spin).unwrap();
            let sixteen = &mut [Operation::Write(&[0x1234_u16, 0x4321])];
            bus.transaction(&mut pin, &clock, sixteen).block(Spin).unwrap();
            let both = [selected(1, &[1, 2, 3, 4, 5]), selected(1, &[0x1234, 0x4321])];
            assert_eq!(rig.chip.log(), both.concat());
        }
    }
}

/// The looks between the last bit before a delay of `ns` and the first word after it.
fn looks_between(ns: u32, ends_early: bool) -> u64 {
    let rig = Rig::new();
    let (mut pin, clock) = (rig.pin(1), rig.clock());
    let mut bus = rig.bus_ending(Flaw::None, ends_early);
    let operations =
        &mut [Operation::Write(&[1, 2, 3_u8]), Operation::DelayNs(ns), Operation::Write(&[4])];
    bus.transaction(&mut pin, &clock, operations).block(Spin).unwrap();
    assert_eq!(rig.chip.log(), selected(1, &[1, 2, 3, 4]));
    let log = rig.chip.timed_log();
    log[4].0 - log[3].0
}

#[test]
fn a_delay_begins_after_the_last_bit_and_is_never_too_short() {
    // A tick is 10 ns. Also where the write ends while its words are still in the FIFO.
    for ends_early in [false, true] {
        for ns in [1_u32, 10, 1000, 20_000] {
            // The word after it takes its looks, too.
            let least = u64::from(ns.div_ceil(10)) + u64::from(LOOKS);
            let looks = looks_between(ns, ends_early);
            assert!((least..least + 20).contains(&looks), "{ns} ns: {looks} looks");
        }
    }
    // The longest one, by a clock of 1 kHz: 4294.967295 ms.
    #[derive(Default)]
    struct Millis(std::cell::Cell<u64>);
    impl Clock for Millis {
        fn now(&self) -> u64 {
            self.0.replace(self.0.get() + 1)
        }

        fn frequency(&self) -> u64 {
            1000
        }
    }
    let (rig, clock) = (Rig::new(), Millis::default());
    let operations = &mut [Operation::<u8>::DelayNs(u32::MAX), Operation::DelayNs(0)];
    let mut bus = rig.bus(Flaw::None);
    assert_eq!(bus.transaction(&mut rig.pin(1), &clock, operations).block(Spin), Ok(()));
    assert!((4295..4300).contains(&clock.0.get()), "{:?} ms", clock.0);
    assert_eq!(rig.chip.log(), selected(1, &[]));
}

#[test]
fn after_its_end_nothing_is_sent_again() {
    let rig = Rig::new();
    let (mut bus, mut pin, clock) = (rig.bus(Flaw::None), rig.pin(1), rig.clock());
    let mut operations = [Operation::Write(&[1, 2_u8]), Operation::Read(&mut [0; 7])];
    let mut transaction = bus.transaction(&mut pin, &clock, &mut operations);
    assert_eq!(transaction.progress(), 0);
    assert_eq!(transaction.block(Spin), Ok(()));
    assert_eq!(transaction.progress(), 9);
    let log = rig.chip.log();
    for _ in 0..10 {
        assert_eq!(transaction.attempt(), Err(nb::Error::WouldBlock));
    }
    drop(transaction);
    assert_eq!(rig.chip.log(), log);
}

/// A chip select that fails, at its first or second call, and is then as it was.
struct Failing {
    chip: Rc<Spi>,
    fails: [bool; 2],
}

impl Failing {
    fn set(&mut self, low: bool) -> Result<(), &'static str> {
        if std::mem::take(&mut self.fails[usize::from(!low)]) {
            return Err(if low { "low" } else { "high" });
        }
        self.chip.select(2, low);
        Ok(())
    }
}

impl digital::Error for Failure {
    fn kind(&self) -> digital::ErrorKind {
        digital::ErrorKind::Other
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Failure(&'static str);

impl digital::ErrorType for Failing {
    type Error = Failure;
}

impl OutputPin for Failing {
    fn set_low(&mut self) -> Result<(), Failure> {
        self.set(true).map_err(Failure)
    }

    fn set_high(&mut self) -> Result<(), Failure> {
        self.set(false).map_err(Failure)
    }
}

#[test]
fn the_first_error_is_kept_and_the_bus_works_after_it() {
    const LOST: Error<ErrorKind, Failure> = Error::Bus(ErrorKind::Overrun);
    let low = || Err(Error::ChipSelect(Failure("low")));
    let high = || Err(Error::ChipSelect(Failure("high")));
    for (fails, lost, end) in [
        ([false, false], 0, Ok(())),
        ([true, false], 0, low()),
        ([true, true], 0, low()),
        ([false, true], 0, high()),
        ([false, false], 1, Err(LOST)),
        ([false, true], 1, Err(LOST)),
    ] {
        let rig = Rig::new();
        let (mut bus, clock) = (rig.bus(Flaw::None), rig.clock());
        let mut pin = Failing { chip: rig.chip.clone(), fails };
        rig.chip.lose(lost);
        let operations = &mut [Operation::Write(&[1_u8; 20]), Operation::Read(&mut [0; 20])];
        assert_eq!(bus.transaction(&mut pin, &clock, operations).block(Spin), end);
        assert!(!rig.chip.is_busy(), "what was begun has left");
        let words = rig.chip.log().iter().filter(|line| matches!(line, Word(_))).count();
        match &end {
            Err(Error::Bus(_)) => assert!((1..FIFO).contains(&words), "no further word begins"),
            Err(Error::ChipSelect(Failure("low"))) => assert_eq!(words, 0),
            _ => assert_eq!(words, 40),
        }
        let stays_low = fails[1] && end != low();
        assert_eq!(rig.chip.selected().is_some(), stays_low, "{fails:?}: released all the same");
        // The pin works again.
        rig.chip.clear_log();
        let mut three = [0_u8; 3];
        let operations = &mut [Operation::Read(&mut three)];
        assert_eq!(bus.transaction(&mut pin, &clock, operations).block(Spin), Ok(()));
        assert_eq!(three, [2; 3], "no word of the failed one");
        assert_eq!(rig.chip.log().last(), Some(&High(2)));
    }
    assert_eq!(LOST.kind(), ErrorKind::Overrun);
    assert_eq!(Error::<ErrorKind, _>::ChipSelect("high").kind(), ErrorKind::ChipSelectFault);
    assert_eq!(Error::<ErrorKind>::TimedOut.kind(), ErrorKind::Other);
    assert_eq!(Error::<ErrorKind>::TimedOut.to_string(), "timed out");
    assert_eq!(Error::<ErrorKind, _>::ChipSelect("high").to_string(), "the chip select failed");
}

#[test]
fn a_device_is_selected_when_the_clock_is_idle() {
    let rig = Rig::new();
    let (mut bus, mut pin, clock) = (rig.bus(Flaw::None), rig.pin(1), rig.clock());
    // Not a word of this bus: it was forgotten, in the middle of one.
    let mut forgotten = [Operation::Write(&[1_u8; 4])];
    let mut transaction = bus.transaction(&mut pin, &clock, &mut forgotten);
    assert_eq!(transaction.attempt(), Err(nb::Error::WouldBlock));
    std::mem::forget(transaction);
    let mut three = [0_u8; 3];
    let operations = &mut [Operation::Read(&mut three)];
    assert_eq!(bus.transaction(&mut pin, &clock, operations).block(Spin), Ok(()));
    assert_eq!(three, [1; 3], "none of its words");
    assert_eq!(rig.chip.log()[..6], [Low(1), Word(1), Word(1), Word(1), Word(1), Word(0xff)]);
}

/// A controller whose whole operation is one call of a function.
struct Once<F>(F);

impl<F> Controller for Once<F> {
    type Error = Infallible;

    fn flush(&mut self) -> nb::Result<(), Infallible> {
        Ok(())
    }

    fn abort(&mut self) {}

    fn reset(&mut self) {}
}

impl<F: FnMut(&mut Cursor<'_, '_, u8>)> Words<u8> for Once<F> {
    fn step(&mut self, cursor: &mut Cursor<'_, '_, u8>) -> nb::Result<(), Infallible> {
        (self.0)(cursor);
        Ok(())
    }
}

fn with_cursor(operations: &mut [Operation<'_, u8>], f: impl FnMut(&mut Cursor<'_, '_, u8>)) {
    let (event, rig) = (Event::new(), Rig::new());
    let mut bus = Bus::new(Once(f), event.waiter().unwrap());
    let (mut pin, clock) = (rig.pin(1), rig.clock());
    assert_eq!(bus.transaction(&mut pin, &clock, operations).block(Spin), Ok(()));
}

#[test]
fn a_cursor_takes_as_many_words_as_it_gave() {
    let (mut read, mut place) = ([0; 2], [5, 6]);
    let mut number = 0;
    let operations = &mut [
        Operation::Transfer(&mut read, &[1, 2, 3]),
        Operation::TransferInPlace(&mut place),
        Operation::Write(&[9]),
    ];
    with_cursor(operations, |cursor| {
        number += 1;
        assert!(!cursor.received(90), "of something earlier");
        match number {
            1 => {
                assert!(!cursor.only_writes() && !cursor.is_through());
                assert_eq!((cursor.left(), cursor.in_flight()), (3, 0));
                assert_eq!((cursor.send(0), cursor.send(0)), (Some(1), Some(2)));
                assert_eq!((cursor.left(), cursor.in_flight()), (1, 2));
                assert!(cursor.received(11) && cursor.received(12) && !cursor.received(13));
                assert_eq!((cursor.send(0), cursor.send(0)), (Some(3), None));
                assert!(!cursor.is_through());
                assert!(cursor.received(13) && cursor.is_through() && !cursor.received(14));
            }
            // A controller may pass over what is left of an operation.
            2 => assert_eq!((cursor.send(0), cursor.received(50)), (Some(5), true)),
            _ => {
                assert!(cursor.only_writes());
                assert_eq!((cursor.left(), cursor.in_flight(), cursor.send(0)), (1, 0, Some(9)));
            }
        }
    });
    assert_eq!((number, read, place), (3, [11, 12], [50, 6]));
}

proptest! {
    /// Any operations, through any FIFO: what is sent and received is what each of them says.
    #[test]
    fn a_cursor_passes_the_words_of_any_operations(
        kinds in prop::collection::vec((0..5_u8, 0..6_usize, 0..6_usize), 0..8), fifo in 1..5_usize,
    ) {
        let mut number = 0_u8;
        let mut numbers = |length| -> Vec<u8> { (0..length).map(|_| { number += 1; number }).collect() };
        let storage: Vec<_> =
            kinds.iter().map(|&(kind, one, other)| (kind, numbers(one), numbers(other))).collect();
        let (mut expected_sent, mut expected) = (Vec::new(), storage.clone());
        for (kind, read, write) in &mut expected {
            let sent = match kind {
                0 => vec![0; read.len()],
                1 => std::mem::take(read),
                2 => {
                    let mut sent = write.clone();
                    sent.resize(sent.len().max(read.len()), 0);
                    sent
                }
                3 => read.clone(),
                _ => Vec::new(),
            };
            for (place, word) in read.iter_mut().zip(&sent) {
                *place = !word;
            }
            expected_sent.extend(sent);
        }

        let mut passed = storage.clone();
        let mut operations: Vec<_> = passed
            .iter_mut()
            .map(|(kind, read, write)| match kind {
                0 => Operation::Read(read),
                1 => Operation::Write(read),
                2 => Operation::Transfer(read, write),
                3 => Operation::TransferInPlace(read),
                _ => Operation::DelayNs(1),
            })
            .collect();
        let mut sent = Vec::new();
        with_cursor(&mut operations, |cursor| {
            let mut in_fifo = std::collections::VecDeque::new();
            while !cursor.is_through() {
                while in_fifo.len() < fifo && let Some(word) = cursor.send(0) {
                    sent.push(word);
                    in_fifo.push_back(!word);
                }
                assert_eq!(cursor.in_flight(), in_fifo.len());
                assert!(cursor.received(in_fifo.pop_front().unwrap()));
            }
        });
        prop_assert_eq!(sent, expected_sent);
        for ((kind, got, _), (_, wanted, _)) in passed.iter().zip(&expected) {
            prop_assert!(*kind == 1 || got == wanted, "{}: {:?} {:?}", kind, got, wanted);
        }
    }
}
