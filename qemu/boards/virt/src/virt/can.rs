//! CAN controllers: where the first two cards are. They are on one bus (`-object can-bus,id=can -device
//! kvaser_pci,canbus=can`, twice). The driver is not here.
//!
//! Invariant: a card's addresses are in the window of I/O addresses, which is mapped for ever. They have
//! no effect on memory.

use core::ptr;

use common::kvaser::{ID, INTERRUPT_CONTROL, LET_THROUGH, REGISTERS};

use super::pci::{BaseAddress, Bus, Function};
use crate::interrupts::Line;

/// A card with an SJA1000. It accesses no memory by itself.
#[derive(Debug)]
pub struct Card {
    /// The address of the controller.
    base: usize,
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
        let control =
            ptr::with_exposed_provenance_mut::<u32>(bridge + usize::from(INTERRUPT_CONTROL));
        // SAFETY: by the invariant of the module.
        unsafe { control.write_volatile(LET_THROUGH) };
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
        // SAFETY: by the invariant of the module.
        unsafe { self.register(register).read_volatile() }
    }

    /// Writes a register of the controller.
    ///
    /// # Panics
    /// If the number is past 31.
    #[inline]
    pub fn write(&self, register: u8, value: u8) {
        // SAFETY: by the invariant of the module.
        unsafe { self.register(register).write_volatile(value) }
    }

    fn register(&self, register: u8) -> *mut u8 {
        assert!(register < REGISTERS, "not a register");
        ptr::with_exposed_provenance_mut(self.base + usize::from(register))
    }
}
