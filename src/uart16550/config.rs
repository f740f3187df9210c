//! The settings of the line and the chip, and the quirks of a chip.

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
    /// The baud rate is the chip's clock / 16 / `divisor`. 0 counts as 1.
    pub divisor: u16,
    /// Data bits in a byte.
    pub data_bits: DataBits,
    /// The parity bit after the data bits.
    pub parity: Parity,
    /// The stop bits at the end of a byte.
    pub stop_bits: StopBits,
    /// The number of received bytes at which the chip interrupts. With fewer bytes it interrupts
    /// after four bytes' time of silence.
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

    /// As [`new`](Self::new), at `baud` bits a second on a chip with a clock of `clock` Hz.
    ///
    /// # Errors
    /// [`UnreachableRate`] if every divisor is more than 3 % off. The data sheet's own tables go up
    /// to 2.86 % (PC16550D, "Baud Rates, Divisors and Crystals": 56000 baud at 1.8432 MHz). The
    /// rates of the two ends may differ by about 5 %, because a receiver samples the middle of the
    /// tenth bit.
    pub const fn at(clock: u32, baud: u32) -> Result<Self, UnreachableRate> {
        let (clock, wanted) = (clock as u64, baud as u64 * 16);
        let below = match clock.checked_div(wanted) {
            None | Some(0xffff..) => 0xfffe,
            Some(0) => 1,
            Some(divisor) => divisor,
        };
        // A divisor is off by |clock - wanted * divisor| / (wanted * divisor).
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

    /// The value of LCR.
    pub(super) const fn line_control(&self) -> u8 {
        self.data_bits as u8 | self.stop_bits as u8 | self.parity as u8
    }
}

/// No divisor gives the wanted baud rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UnreachableRate {
    /// The nearest possible rate, in bits a second.
    pub nearest: u32,
    /// The distance from the wanted rate to that rate, in thousandths of the wanted rate.
    pub deviation: u32,
}

impl fmt::Display for UnreachableRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nearest, deviation } = self;
        write!(f, "the nearest rate is {nearest} baud, {}.{} % off", deviation / 10, deviation % 10)
    }
}

impl core::error::Error for UnreachableRate {}

/// The chip ignored its line settings at every try. Only a chip with the quirk
/// [`busy`](Quirks::busy) does that, while it transmits or receives a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LineBusy;

impl fmt::Display for LineBusy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the UART ignored its line settings at every try, because it was busy")
    }
}

impl core::error::Error for LineBusy {}

/// Data bits in a byte. The bits above them are zero in a received byte.
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

/// The parity bit after the data bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Parity {
    /// No parity bit.
    #[default]
    None = 0,
    /// Makes the number of ones odd.
    Odd = 0b0000_1000,
    /// Makes the number of ones even.
    Even = 0b0001_1000,
    /// Always 1.
    Mark = 0b0010_1000,
    /// Always 0.
    Space = 0b0011_1000,
}

/// The least pause of the line after a byte. The receiver checks only the first bit of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum StopBits {
    /// 1 bit.
    #[default]
    One = 0,
    /// 2 bits; 1.5 bits with 5 data bits.
    Two = 0b100,
}

const _: () = assert!(lcr::BREAK | lcr::DIVISOR == 0b1100_0000, "all other bits are settings");

/// The number of received bytes at which the chip interrupts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Level {
    /// 1: at each byte.
    One = 0,
    /// 4.
    Four = 0b0100_0000,
    /// 8, half of the FIFO.
    #[default]
    Eight = 0b1000_0000,
    /// 14: two bytes' time is left until an overrun.
    Fourteen = 0b1100_0000,
}

/// How a chip differs from the data sheet: [`Uart::with_quirks`](super::Uart::with_quirks). The
/// default, no quirk, is right for a PC16550D, for the chip that QEMU emulates, and for a chip
/// without a FIFO.
///
/// Sources: Linux, `drivers/tty/serial/8250/8250_dw.c` (for Synopsys' DesignWare UART, DW_apb_uart)
/// and `8250_port.c`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Quirks {
    /// The receiver's time-out interrupt may come with an empty FIFO, and then never ends by itself
    /// (DesignWare; `dw8250_handle_irq`). The driver then reads the data register once, which ends
    /// it. A byte that arrives between the check for data and that read is lost.
    ///
    /// Not for a DesignWare UART that was built with `PSLVERR_RESP_EN` = 1: there a read of the
    /// empty data register with an enabled FIFO is a bus error (`dw8250_force_idle`).
    pub empty_timeout: bool,
    /// The chip ignores a write of the line settings (LCR) while it is busy with a byte, and raises
    /// an interrupt of its own for it (DesignWare, unless the device tree says
    /// `snps,uart-16550-compatible`). The driver reads [`Register::UartStatus`], which ends that
    /// interrupt, and [`configure`](super::Uart::configure) writes LCR again until it reads back.
    ///
    /// Linux leaves the stick parity bit out of that comparison. This driver compares all bits: on
    /// a chip that does not keep that bit, [`Parity::Mark`] and [`Parity::Space`] end with
    /// [`LineBusy`].
    ///
    /// [`Register::UartStatus`]: super::Register::UartStatus
    pub busy: bool,
    /// Enabling the interrupt "transmitter empty" while the transmitter is empty raises no
    /// interrupt; only becoming empty does (Linux: `UART_BUG_TXEN`, which `serial8250_do_startup`
    /// tests for). The driver then hands over the first bytes itself, or tries again. Two
    /// limitations remain. A background operation of no bytes ends at the port's next interrupt, or
    /// when its job is tried. With interrupts masked,
    /// [`read_to_idle`](super::Receiver::read_to_idle) does not end while a write waits.
    pub silent_enable: bool,
}

impl Quirks {
    /// No quirk.
    pub const NONE: Self = Self { empty_timeout: false, busy: false, silent_enable: false };
    /// The quirks of Synopsys' DesignWare UART, which many systems on a chip have.
    pub const DESIGNWARE: Self = Self { empty_timeout: true, busy: true, ..Self::NONE };
}
