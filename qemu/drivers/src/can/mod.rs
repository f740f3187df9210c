//! CAN: the SJA1000s of the board's cards, which are on one bus.

mod frame;
mod registers;
mod sja1000;

use board::{board, interrupts::Line};
use portable_atomic::{AtomicBool, Ordering};

pub use frame::Frame;
pub use registers::Registers;
pub use sja1000::{Error, Sja1000};

/// A controller on one of the board's cards.
pub type Controller = Sja1000<Card>;

/// The card with this number.
#[derive(Debug)]
pub struct Card(usize);

static CONTROLLERS: [Controller; 2] = [Sja1000::new(Card(0)), Sja1000::new(Card(1))];

/// The bus timing registers for 1 Mbit/s from the cards' 16 MHz. QEMU has none.
const TIMING: [u8; 2] = [0x00, 0x14];

/// Whether the machine has both cards.
pub fn is_there() -> bool {
    board().can.iter().all(Option::is_some)
}

/// The controllers, on the bus; once, and `None` after that and on a machine without the cards. Lets
/// them interrupt.
pub fn take() -> Option<&'static [Controller; 2]> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if !is_there() || TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    CONTROLLERS.iter().for_each(|controller| controller.initialize(TIMING));
    for card in board().can.iter().flatten() {
        card.line().set_handler(on_interrupt);
        card.line().enable();
    }
    Some(&CONTROLLERS)
}

/// The handler of the cards' lines, which they may share: quiets both, acknowledges, and only then
/// wakes.
fn on_interrupt(line: Line) {
    let owed = CONTROLLERS.each_ref().map(Sja1000::on_interrupt);
    line.acknowledge();
    drop(owed);
}

impl Card {
    #[inline]
    fn registers(&self) -> Option<&'static board::can::Card> {
        board().can.get(self.0)?.as_ref()
    }
}

/// A card that is not there reads as ones.
impl Registers for Card {
    #[inline]
    fn read(&self, register: u8) -> u8 {
        self.registers().map_or(0xff, |card| card.read(register))
    }

    #[inline]
    fn write(&self, register: u8, value: u8) {
        if let Some(card) = self.registers() {
            card.write(register, value);
        }
    }
}
