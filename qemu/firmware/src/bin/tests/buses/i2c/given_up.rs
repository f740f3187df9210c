//! Transactions that are dropped before their end: the next ones, with other targets, are right.

use board::Board;
use drivers::i2c::{ByteController, ENDED};
use embedded_hal::i2c::Operation;
use report::Xorshift;
use wouldblock::i2c::{Bus, Controller, Cursor};

use super::{ABSENT, EEPROM, PLACE, THERMOMETER, is_right, keep};

/// Makes `tries` tries, and drops the transaction. Whether that was before its end.
fn cut<C: Controller>(bus: &mut Bus<'_, C>, kind: u32, tries: u32) -> bool {
    let (mut four, mut two) = ([0; 4], [0; 2]);
    let (address, operations): (_, &mut [_]) = match kind {
        0 => (EEPROM, &mut [Operation::Write(&PLACE), Operation::Read(&mut four)]),
        1 => (THERMOMETER, &mut [Operation::Write(&[0]), Operation::Read(&mut two)]),
        2 => (THERMOMETER, &mut [Operation::Read(&mut two)]),
        3 => (EEPROM, &mut [Operation::Write(&[7, 0]), Operation::Write(b"cut")]),
        _ => (ABSENT, &mut [Operation::Write(&[1, 2])]),
    };
    let mut transaction = bus.transaction(address, operations);
    (0..tries).all(|_| matches!(transaction.attempt(), Err(nb::Error::WouldBlock)))
}

const KINDS: u32 = 5;
/// More than any of them takes.
const MOST_TRIES: u32 = 12;

/// How many transactions were cut, one at each try of each kind, and how often the next ones were wrong.
fn cut_everywhere<C: Controller>(bus: &mut Bus<'_, C>) -> (u32, u32) {
    keep(bus);
    let (mut cuts, mut wrong) = (0, 0);
    for kind in 0..KINDS {
        for tries in 0..MOST_TRIES {
            cuts += u32::from(cut(bus, kind, tries));
            wrong += u32::from(!is_right(bus));
        }
    }
    (cuts, wrong)
}

fn dropped_at_any_try_the_next_ones_are_right(_: &'static Board) {
    let mut bus = drivers::i2c::take().expect("the first");
    let (cuts, wrong) = cut_everywhere(&mut bus);
    defmt::info!("{=u32} transactions dropped at each of their tries", cuts);
    // One for each command, where the first try sees that START has ended and gives the next one, too.
    assert_eq!((cuts, wrong), (9 + 6 + 4 + 7 + 1, 0));
}
crate::registry::test!(dropped_at_any_try_the_next_ones_are_right);

/// The twin: it forgets a transaction that is given up.
struct Forgetful(ByteController);

impl Controller for Forgetful {
    type Error = <ByteController as Controller>::Error;

    fn settle(&mut self) -> nb::Result<(), Self::Error> {
        Ok(())
    }

    fn start(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<(), Self::Error> {
        self.0.start(cursor)
    }

    fn step(&mut self, cursor: &mut Cursor<'_, '_>) -> nb::Result<(), Self::Error> {
        self.0.step(cursor)
    }

    fn abort(&mut self) {}

    fn reset(&mut self) {
        self.0.reset();
    }

    fn arm(&mut self) {
        self.0.arm();
    }

    fn disarm(&mut self) {
        self.0.disarm();
    }
}

fn twin_a_controller_that_forgets_is_noticed(_: &'static Board) {
    let controller = Forgetful(ByteController::take().expect("the first"));
    let mut bus = Bus::new(controller, ENDED.waiter().expect("the first"));
    let (cuts, wrong) = cut_everywhere(&mut bus);
    assert!(cuts > 0 && wrong > 0, "{cuts} cuts, {wrong} wrong");
}
crate::registry::test!(twin_a_controller_that_forgets_is_noticed);

fn after_10_000_random_drops_each_next_one_was_right(_: &'static Board) {
    let mut bus = drivers::i2c::take().expect("the first");
    keep(&mut bus);
    let mut random = Xorshift::new(0x12c);
    let mut below = |most: u32| {
        let mut word = [0; 4];
        random.fill(&mut word);
        u32::from_le_bytes(word) % most
    };
    let mut cuts = 0;
    while cuts < 10_000 {
        cuts += u32::from(cut(&mut bus, below(KINDS), below(MOST_TRIES)));
        // Often the next one is given up, too.
        assert!(below(2) == 0 || is_right(&mut bus), "after {cuts} drops");
    }
    assert!(is_right(&mut bus));
}
crate::registry::test!(after_10_000_random_drops_each_next_one_was_right);
