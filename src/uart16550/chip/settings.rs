//! The settings: of the line, the FIFOs and the modem lines.

use super::{Chip, want};
use crate::uart16550::{
    Config, Level, LineBusy, Register, Registers,
    registers::{fcr, iir, lcr, mcr},
};

/// How often the driver tries to write the line settings. Linux's `8250_dw.c` also tries 1000
/// times.
const TRIES: u32 = 1000;

impl<R: Registers> Chip<R> {
    /// Writes all settings. Keeps the sources enabled that operations wait for.
    pub(in super::super) fn configure(&self, config: &Config) -> Result<(), LineBusy> {
        let write = |register, value| self.registers.write(register, value);
        let wanted = self.wanted.get();
        // After a reset the register's content is unknown. Otherwise this does not change it, so no
        // pending interrupt is withdrawn.
        write(Register::InterruptEnable, want::enabled(wanted));
        let mut empty = fcr::EMPTY_RECEIVER | fcr::EMPTY_TRANSMITTER;
        if self.quirks.silent_enable && wanted & want::EMPTY != 0 {
            // Only the transmitter's present content will raise the interrupt that a write waits
            // for.
            empty = fcr::EMPTY_RECEIVER;
        }
        write(Register::InterruptIdentification, fcr::ENABLE | empty | config.level as u8);
        self.find_fifo(config.level);
        if self.quirks.busy {
            // In loopback no byte arrives, so the chip becomes idle soon and stays idle.
            write(Register::ModemControl, mcr::LOOPBACK);
        }
        let control = config.line_control();
        self.set_line(control | lcr::DIVISOR)?;
        let [low, high] = config.divisor.max(1).to_le_bytes();
        write(Register::Data, low);
        write(Register::InterruptEnable, high);
        self.set_line(control)?;
        self.line_control.set(control);
        if self.quirks.busy && self.has_fifo() {
            // Discards the bytes that loopback has sent back to the receiver.
            let level = self.level.get() as u8;
            write(Register::InterruptIdentification, fcr::ENABLE | fcr::EMPTY_RECEIVER | level);
        }
        write(Register::ModemControl, mcr::READY | mcr::OUT2);
        self.line_status();
        self.errors.set(0);
        self.forget_fifo();
        self.ring.gap_is_over();
        if !self.quirks.silent_enable {
            self.raise_again();
        }
        Ok(())
    }

    /// Finds out whether the FIFO was enabled. Some chips have none; some have a broken one and
    /// report so in IIR.
    fn find_fifo(&self, level: Level) {
        if !self.found.replace(true) && self.identify() & iir::FIFO == iir::FIFO {
            self.has_fifo.set(true);
        }
        if self.has_fifo() {
            self.level.set(level);
        } else {
            self.registers.write(Register::InterruptIdentification, 0);
        }
    }

    /// Writes LCR, several times if the chip ignores it.
    fn set_line(&self, control: u8) -> Result<(), LineBusy> {
        self.registers.write(Register::LineControl, control);
        if !self.quirks.busy {
            return Ok(());
        }
        for _ in 0..TRIES {
            if self.registers.read(Register::LineControl) == control {
                return Ok(());
            }
            self.registers.read(Register::UartStatus);
            self.registers.write(Register::LineControl, control);
        }
        Err(LineBusy)
    }

    pub(in super::super) fn set_break(&self, on: bool) {
        let control = self.line_control.get() | if on { lcr::BREAK } else { 0 };
        self.registers.write(Register::LineControl, control);
    }

    pub(in super::super) fn set_loopback(&self, on: bool) {
        let control = mcr::READY | mcr::OUT2 | if on { mcr::LOOPBACK } else { 0 };
        self.registers.write(Register::ModemControl, control);
    }
}
