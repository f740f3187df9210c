//! The sources of the PLIC (FU540-C000 Manual v1p4, table 23).

/// A source of the PLIC. QEMU 7.2's PLIC sees only that a line rises, and not, when an interrupt is
/// completed, that it is still active: so its handler quiets the device itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Source {
    /// The first SPI controller: source 51; level.
    Spi0,
    /// The third: source 6; level.
    Spi2,
}

const SPI0: u8 = 51;
const SPI2: u8 = 6;

impl Source {
    /// How many there are.
    pub(crate) const COUNT: usize = 2;

    /// Its place among them.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Its number in the PLIC.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Spi0 => SPI0,
            Self::Spi2 => SPI2,
        }
    }

    /// The one of this number.
    pub(crate) const fn numbered(number: u8) -> Option<Self> {
        match number {
            SPI0 => Some(Self::Spi0),
            SPI2 => Some(Self::Spi2),
            _ => None,
        }
    }

    /// Does nothing: a line rises again when its device lets it.
    pub(crate) const fn ask_again(self) {}
}
