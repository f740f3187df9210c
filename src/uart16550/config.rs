//! How the line and the chip are set, and what is odd about a chip.

use core::fmt;

use super::registers::lcr;

/// Settings of the line: [`Uart::configure`](super::Uart::configure).
///
/// ```
/// use wouldblock::uart16550::{Config, Parity};
///
/// // A PC's UART is clocked with 1.8432 MHz.
/// let nine_six = Config::at(1_843_200, 9600).unwrap();
/// assert_eq!(nine_six.divisor, 12);
/// let even = Config { parity: Parity::Even, ..nine_six };
/// # assert_eq!(even.divisor, 12);
///
/// let error = Config::at(1_843_200, 100_000).unwrap_err();
/// assert_eq!((error.nearest, error.deviation), (115_200, 152)); // 15.2 % off
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    /// The rate is the chip's clock / 16 / this. 0 counts as 1.
    pub divisor: u16,
    /// Bits of data in a byte.
    pub data_bits: DataBits,
    /// What the bit behind them is for.
    pub parity: Parity,
    /// How long the end of a byte is.
    pub stop_bits: StopBits,
    /// At how many received bytes the chip interrupts; fewer interrupt after four bytes' time of
    /// silence.
    pub level: Level,
}

impl Config {
    /// 8 data bits, no parity, 1 stop bit, an interrupt at 8 received bytes.
    pub const fn new(divisor: u16) -> Self {
        Self {
            divisor,
            data_bits: DataBits::Eight,
            parity: Parity::None,
            stop_bits: StopBits::One,
            level: Level::Eight,
        }
    }

    /// The same at `baud` bits a second, on a chip whose clock has `clock` Hz.
    ///
    /// # Errors
    /// [`UnreachableRate`] if every divisor is more than 3 % off. The data sheet's own tables go up
    /// to 2.86 % (PC16550D, "Baud Rates, Divisors and Crystals": 56000 baud at 1.8432 MHz). Both
    /// ends together may be about 5 % apart: a byte is sampled at the middle of its tenth bit.
    pub const fn at(clock: u32, baud: u32) -> Result<Self, UnreachableRate> {
        let (clock, wanted) = (clock as u64, baud as u64 * 16);
        let below = match clock.checked_div(wanted) {
            None | Some(0xffff..) => 0xfffe,
            Some(0) => 1,
            Some(divisor) => divisor,
        };
        // How far a divisor is off is |clock - wanted * divisor| / (wanted * divisor).
        let divisor = if clock.abs_diff(wanted * below) * (below + 1)
            <= clock.abs_diff(wanted * (below + 1)) * below
        {
            below
        } else {
            below + 1
        };
        let off = clock.abs_diff(wanted * divisor);
        if baud != 0 && off * 100 <= wanted * divisor * 3 {
            return Ok(Self::new(divisor as u16));
        }
        let deviation = match (off * 1000).checked_div(wanted * divisor) {
            Some(deviation) if deviation <= u32::MAX as u64 => deviation as u32,
            _ => u32::MAX,
        };
        Err(UnreachableRate { nearest: ((clock + divisor * 8) / (divisor * 16)) as u32, deviation })
    }

    /// LCR.
    pub(super) const fn line_control(&self) -> u8 {
        self.data_bits as u8 | self.stop_bits as u8 | self.parity as u8
    }
}

/// No divisor makes the wanted rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnreachableRate {
    /// The nearest rate that the chip has, in bits a second.
    pub nearest: u32,
    /// How far that is from the wanted one, in thousandths of the wanted one.
    pub deviation: u32,
}

impl fmt::Display for UnreachableRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nearest, deviation } = self;
        write!(f, "the nearest rate is {nearest} baud, {}.{} % off", deviation / 10, deviation % 10)
    }
}

impl core::error::Error for UnreachableRate {}

/// The chip would not take its line settings: a byte was on its way at every try.
///
/// Only with the quirk [`busy`](Quirks::busy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LineBusy;

impl fmt::Display for LineBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte was on its way at every try to set the line")
    }
}

impl core::error::Error for LineBusy {}

/// Bits of data in a byte. What is received has zeros above them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum DataBits {
    /// 5.
    Five = 0,
    /// 6.
    Six = 1,
    /// 7.
    Seven = 2,
    /// 8.
    #[default]
    Eight = 3,
}

/// The bit behind the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Parity {
    /// There is none.
    #[default]
    None = 0,
    /// With it the number of ones is odd.
    Odd = 0b0000_1000,
    /// With it the number of ones is even.
    Even = 0b0001_1000,
    /// Always 1.
    Mark = 0b0010_1000,
    /// Always 0.
    Space = 0b0011_1000,
}

/// How long the line rests behind a byte, at least. The receiver looks at the first bit only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum StopBits {
    /// 1 bit.
    #[default]
    One = 0,
    /// 2 bits; with 5 data bits the chip makes it 1.5.
    Two = 0b100,
}

const _: () = assert!(lcr::BREAK | lcr::DIVISOR == 0b1100_0000, "the others are the settings");

/// At how many received bytes the chip interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Level {
    /// At each byte.
    One = 0,
    /// At 4.
    Four = 0b0100_0000,
    /// At 8, half of the FIFO.
    #[default]
    Eight = 0b1000_0000,
    /// At 14: 2 bytes' time is left until an overrun.
    Fourteen = 0b1100_0000,
}

/// What is odd about a chip: [`Uart::with_quirks`](super::Uart::with_quirks). By default nothing,
/// which is right for a PC16550D, for what QEMU emulates, and for a chip without FIFO.
///
/// Sources: Synopsys "DesignWare DW_apb_uart Databook", and the drivers `8250_dw.c`
/// and `8250_port.c` of Linux, which name the chips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Quirks {
    /// The receiver's time-out interrupt comes with nothing in the FIFO, again and again (DesignWare).
    /// The driver then reads the data register once, which ends it. A byte that comes between the
    /// look that finds none and that read is lost.
    pub empty_timeout: bool,
    /// Line settings are refused while a byte is on its way, with an interrupt of its own
    /// (DesignWare without "16550 compatible"). The driver then reads [`Register::UartStatus`], which
    /// ends it, and tries [`configure`](super::Uart::configure) several times.
    ///
    /// [`Register::UartStatus`]: super::Register::UartStatus
    pub busy: bool,
    /// To enable "transmitter empty" while it is empty raises no interrupt; only becoming empty does
    /// (Linux: `UART_BUG_TXEN`). The driver then hands over the first bytes itself, or looks again.
    /// What remains: an operation of no bytes in the background ends at the port's next interrupt, or
    /// when its job is looked at; and with interrupts masked
    /// [`read_to_idle`](super::Receiver::read_to_idle) does not end while a write waits.
    pub silent_enable: bool,
}

impl Quirks {
    /// None.
    pub const NONE: Self = Self { empty_timeout: false, busy: false, silent_enable: false };
    /// Those of Synopsys' DesignWare UART, which many systems on a chip have.
    pub const DESIGNWARE: Self = Self { empty_timeout: true, busy: true, ..Self::NONE };
}
