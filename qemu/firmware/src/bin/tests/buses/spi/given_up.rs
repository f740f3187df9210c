//! Transactions that are dropped before their end: the next ones are right.

use core::convert::Infallible;

use board::{
    Board,
    spi::{DEPTH, SPI0, Spi},
};
use drivers::spi::{FLASH, Select};
use embedded_hal::{
    digital::{ErrorType, OutputPin},
    spi::Operation,
};
use report::Xorshift;
use wouldblock::spi::{Bus, Controller, Cursor, Words};

use super::{CLOCK, is_right, read_from};

/// A chip select, and how often it has fallen and risen.
struct Watched {
    select: Select,
    falls: u32,
    rises: u32,
}

impl Watched {
    fn new(select: Select) -> Self {
        Self { select, falls: 0, rises: 0 }
    }

    fn is_high(&self) -> bool {
        self.falls == self.rises
    }
}

impl ErrorType for Watched {
    type Error = Infallible;
}

impl OutputPin for Watched {
    fn set_low(&mut self) -> Result<(), Infallible> {
        assert!(self.is_high(), "it is low");
        self.falls += 1;
        self.select.set_low()
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        assert!(!self.is_high(), "it is high");
        self.rises += 1;
        self.select.set_high()
    }
}

/// Makes `tries` tries, and drops the transaction. Whether that was before its end.
fn cut<C: Words<u8>>(
    bus: &mut Bus<'_, C>,
    select: &mut impl OutputPin,
    kind: u32,
    tries: u32,
) -> bool {
    let command = read_from(0x77);
    let (mut long, mut short, mut both) = ([0; 50], [0; 3], command);
    let operations: &mut [_] = match kind {
        0 => &mut [Operation::Write(&command), Operation::Read(&mut long)],
        1 => &mut [Operation::Write(&command), Operation::Read(&mut short)],
        2 => &mut [Operation::Write(&command[..1]), Operation::Transfer(&mut long, &command[1..])],
        3 => &mut [Operation::TransferInPlace(&mut both)],
        _ => &mut [Operation::Write(&[0xff; 30])],
    };
    let mut transaction = bus.transaction(select, &CLOCK, operations);
    (0..tries).all(|_| matches!(transaction.attempt(), Err(nb::Error::WouldBlock)))
}

const KINDS: u32 = 5;
/// More than any of them takes.
const MOST_TRIES: u32 = 12;

/// How many transactions were cut, one at each try of each kind, and how often the next ones were wrong.
fn cut_everywhere<C: Words<u8>>(bus: &mut Bus<'_, C>, select: Select) -> (u32, u32) {
    let mut select = Watched::new(select);
    let (mut cuts, mut wrong) = (0, 0);
    for kind in 0..KINDS {
        for tries in 0..MOST_TRIES {
            cuts += u32::from(cut(bus, &mut select, kind, tries));
            assert!(select.is_high(), "kind {kind} after {tries} tries");
            wrong += u32::from(!is_right(bus, &mut select));
        }
    }
    (cuts, wrong)
}

fn dropped_at_any_try_the_next_ones_are_right(_: &'static Board) {
    let (mut bus, select) = FLASH.take().expect("the first");
    let (cuts, wrong) = cut_everywhere(&mut bus, select);
    defmt::info!("{=u32} transactions dropped at each of their tries", cuts);
    // One before the first try, and one for each FIFO that is full, or sent to its end.
    assert_eq!((cuts, wrong), (9 + 3 + 9 + 2 + 5, 0));
}
crate::registry::test!(dropped_at_any_try_the_next_ones_are_right);

/// The twin: it forgets a transaction that is given up, and takes what comes for its next one.
struct Forgetful(Spi);

impl Controller for Forgetful {
    type Error = Infallible;

    fn flush(&mut self) -> nb::Result<(), Infallible> {
        Ok(())
    }

    fn abort(&mut self) {}

    fn reset(&mut self) {
        self.0.start(0);
    }
}

impl Words<u8> for Forgetful {
    fn step(&mut self, cursor: &mut Cursor<'_, '_, u8>) -> nb::Result<(), Infallible> {
        while cursor.in_flight() > 0
            && let Some(word) = self.0.receive()
        {
            cursor.received(word);
        }
        while cursor.in_flight() < DEPTH
            && let Some(word) = cursor.send(0xff)
        {
            self.0.send(word);
        }
        if cursor.is_through() { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

fn twin_a_controller_that_forgets_is_noticed(_: &'static Board) {
    let (_, select) = FLASH.take_controller().expect("the first");
    let mut bus = Bus::new(Forgetful(SPI0), FLASH.event().waiter().expect("the first"));
    let (cuts, wrong) = cut_everywhere(&mut bus, select);
    assert!(cuts > 0 && wrong > 0, "{cuts} cuts, {wrong} wrong");
}
crate::registry::test!(twin_a_controller_that_forgets_is_noticed);

fn after_10_000_random_drops_each_next_one_was_right(_: &'static Board) {
    let (mut bus, select) = FLASH.take().expect("the first");
    let mut select = Watched::new(select);
    let mut random = Xorshift::new(0x5b1);
    let (mut cuts, mut ends, mut checks) = (0, 0, 0);
    while cuts < 10_000 {
        // Those that are dropped before their first try do not select the chip.
        let (kind, tries) = (random.below(KINDS), 1 + random.below(MOST_TRIES));
        match cut(&mut bus, &mut select, kind, tries) {
            true => cuts += 1,
            false => ends += 1,
        }
        // Often the next one is given up, too.
        if random.below(2) == 0 {
            assert!(is_right(&mut bus, &mut select), "after {cuts} drops");
            checks += 2;
        }
    }
    assert!(is_right(&mut bus, &mut select));
    let selected = cuts + ends + checks + 2;
    assert_eq!((select.falls, select.rises), (selected, selected), "once for each");
    assert!(ends > 1000 && checks > 1000, "{ends} ends, {checks} checks");
}
crate::registry::test!(after_10_000_random_drops_each_next_one_was_right);
