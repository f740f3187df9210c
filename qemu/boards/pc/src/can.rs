//! CAN controllers: where the first two cards are. They are on one bus (`-object can-bus,id=can -device
//! kvaser_pci,canbus=can`, twice). The driver is not here.

use common::kvaser::{ID, INTERRUPT_CONTROL, LET_THROUGH, REGISTERS};
use x86_64::instructions::port::Port;

use crate::{
    interrupts::Line,
    pci::{BaseAddress, Bus, Function},
};

/// A card with an SJA1000. It accesses no memory by itself.
#[derive(Debug)]
pub struct Card {
    /// The controller's first port.
    base: u16,
    line: Line,
}

/// The cards, in the order of their slots. Called once, by `start`.
pub(crate) fn find(bus: &Bus) -> [Option<Card>; 2] {
    let functions = bus.functions().filter(|function| function.id() == Some(ID));
    let mut cards = functions.filter_map(|function| Card::start(&function));
    [cards.next(), cards.next()]
}

impl Card {
    fn start(function: &Function) -> Option<Self> {
        let (Some(BaseAddress::Io(bridge)), Some(BaseAddress::Io(base))) =
            (function.base_address(0), function.base_address(1))
        else {
            return None;
        };
        let line = function.line()?;
        function.enable();
        // SAFETY: the card's own register.
        unsafe { Port::<u32>::new(bridge + u16::from(INTERRUPT_CONTROL)).write(LET_THROUGH) };
        Some(Self { base, line })
    }

    /// Its interrupt line; level.
    #[inline]
    #[must_use]
    pub fn line(&self) -> Line {
        self.line
    }

    /// Reads a register of the controller.
    ///
    /// # Panics
    /// If the number is past 31.
    #[inline]
    #[must_use]
    pub fn read(&self, register: u8) -> u8 {
        // SAFETY: the controller's own register, which has no effect on memory.
        unsafe { self.port(register).read() }
    }

    /// Writes a register of the controller.
    ///
    /// # Panics
    /// If the number is past 31.
    #[inline]
    pub fn write(&self, register: u8, value: u8) {
        // SAFETY: as in `read`.
        unsafe { self.port(register).write(value) }
    }

    fn port(&self, register: u8) -> Port<u8> {
        assert!(register < REGISTERS, "not a register");
        Port::new(self.base + u16::from(register))
    }
}
