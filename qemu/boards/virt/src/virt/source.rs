//! The sources of the PLIC.
//!
//! QEMU 7.2's PLIC does not see that a line is still active when its interrupt is completed. A `Pci`
//! line interrupts again all the same, since its acknowledgement lets its devices ask again; `Com1`
//! does not, like the edge-triggered line of a PC's serial port.

use super::pci;

/// A source of the PLIC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Source {
    /// The first serial port: source 10; edge.
    Com1,
    /// What a PCI device's INTx pin is routed to;
    /// [`pci::Function::line`](crate::pci::Function::line) knows. Several devices may share it. Sources
    /// 32 to 35, over which the pins of the slots rotate; level.
    Pci(Intx),
}

/// A source that PCI devices share, 0 to 3.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub struct Intx(u8);

const COM1: u8 = 10;
const PCI: u8 = 32;

impl Source {
    /// How many there are.
    pub(crate) const COUNT: usize = 5;

    /// Its place among them.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Com1 => 0,
            Self::Pci(Intx(source)) => 1 + source as usize,
        }
    }

    /// Its number in the PLIC.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Com1 => COM1,
            Self::Pci(Intx(source)) => PCI + source,
        }
    }

    /// The one of this number.
    pub(crate) const fn numbered(number: u8) -> Option<Self> {
        match number {
            COM1 => Some(Self::Com1),
            PCI..36 => Some(Self::Pci(Intx(number - PCI))),
            _ => None,
        }
    }

    /// Lets what still asks for an interrupt ask again, after its interrupt was completed.
    #[inline]
    pub(crate) fn ask_again(self) {
        if let Self::Pci(intx) = self {
            pci::ask_again(intx);
        }
    }
}

impl Intx {
    pub(crate) const fn number(self) -> u8 {
        self.0
    }

    /// Where the pin (1 to 4) of the device in this slot comes out.
    pub(crate) const fn of(slot: u8, pin: u8) -> Self {
        Self((slot + pin - 1) % 4)
    }
}
