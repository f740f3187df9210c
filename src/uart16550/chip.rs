//! The chip: all that is done with its registers, once. Both halves and the handler share it, under
//! a critical section.
//!
//! # Rules
//! - **Registers whose read has side effects are read in one place**: LSR, which clears the line
//!   errors, by `line_status`, which keeps them for the receiver; IIR, which clears "transmitter
//!   empty", by `identification`: for the handler, which masks that source, and for a read to idle,
//!   which raises it again.
//! - **The enable register is written in one place**, `enable` (and written again, with 0 first, to
//!   make an edge). What is enabled has an owner: each half takes back only what it asked for itself.
//! - The handler masks the source that it finds; `arm` enables it again. So the line always falls,
//!   and the next event is a new edge: right for the 8259's edges as for a level-triggered
//!   controller.
//!
//! Source: National Semiconductor PC16550D data sheet (1995), section 8.

use core::{cell::Cell, convert::Infallible};

use super::{
    Config, Level, LineBusy, LineError, Quirks, Register, Registers,
    continuous::Ring,
    registers::{fcr, ier, iir, lcr, lsr, mcr},
};

/// Bytes that fit in a FIFO, and that are moved in one critical section.
pub(super) const FIFO: usize = 16;

/// How often the line settings are tried to be set.
const TRIES: u32 = 1000;

/// What is enabled, and for which half. The low bits are the bits of IER; the high bits name the
/// owners of "transmitter empty", the one source that both halves use.
pub(super) mod want {
    use super::ier;

    /// The transmitter waits for room.
    pub const ROOM: u8 = 1 << 6 | ier::HOLDING_EMPTY;
    /// The receiver waits for any interrupt, and uses "transmitter empty" for it.
    pub const STEP: u8 = 1 << 7 | ier::HOLDING_EMPTY;
    /// The receiver waits for bytes.
    pub const BYTES: u8 = ier::RECEIVED;
    /// Every use of "transmitter empty".
    pub const EMPTY: u8 = ROOM | STEP;
    /// Everything that the receiver waits for.
    pub const RECEIVER: u8 = BYTES | STEP;

    const OWNERS: u8 = EMPTY & !ier::HOLDING_EMPTY;

    /// The value of IER.
    pub const fn enabled(wanted: u8) -> u8 {
        wanted & (ier::RECEIVED | ier::HOLDING_EMPTY)
    }

    /// `wanted` without `clear`. "Transmitter empty" stays enabled while it has an owner.
    #[inline(always)]
    pub const fn without(wanted: u8, clear: u8) -> u8 {
        let left = wanted & !(clear & !ier::HOLDING_EMPTY);
        // Decided at compile time where `clear` is a constant.
        if clear & OWNERS != 0 && left & OWNERS == 0 { left & !ier::HOLDING_EMPTY } else { left }
    }
}

/// What the chip has said of the receiver's FIFO since a byte was last taken from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fifo {
    /// Nothing.
    Unknown,
    /// Its level is reached: of what is in it, this many bytes can be taken, and it is not empty.
    Spares(usize),
    /// Bytes are in it, and for four bytes' time none was added or taken.
    Idle,
}

impl Level {
    /// What it means for the FIFO that it was reached.
    const fn reached(self) -> Fifo {
        match self {
            // One byte, which cannot stay behind for the time-out: as good as idle.
            Self::One => Fifo::Idle,
            Self::Four => Fifo::Spares(3),
            Self::Eight => Fifo::Spares(7),
            Self::Fourteen => Fifo::Spares(13),
        }
    }
}

/// Whom an interrupt concerns.
#[derive(Clone, Copy, Default)]
pub(super) struct Announced {
    pub(super) received: bool,
    pub(super) emptied: bool,
}

/// See the module.
pub(super) struct Chip<R> {
    registers: R,
    quirks: Quirks,
    level: Cell<Level>,
    /// Whether there is a FIFO that works: an empty transmitter then takes [`FIFO`] bytes, otherwise 1.
    has_fifo: Cell<bool>,
    /// Whether that was found out.
    found: Cell<bool>,
    line_control: Cell<u8>,
    fifo: Cell<Fifo>,
    /// See [`want`]: a shadow of IER.
    wanted: Cell<u8>,
    /// Line errors seen and not yet reported to the receiver.
    errors: Cell<u8>,
    /// Where the handler puts what comes, in continuous receive.
    pub(super) ring: Ring,
}

impl<R> Chip<R> {
    pub(super) const fn new(registers: R, quirks: Quirks) -> Self {
        Self {
            registers,
            quirks,
            level: Cell::new(Level::One),
            has_fifo: Cell::new(false),
            found: Cell::new(false),
            line_control: Cell::new(0),
            fifo: Cell::new(Fifo::Unknown),
            wanted: Cell::new(0),
            errors: Cell::new(0),
            ring: Ring::new(),
        }
    }

    #[inline(always)]
    pub(super) fn has_fifo(&self) -> bool {
        self.has_fifo.get()
    }

    /// A new message is read: what was said of the one before it is out of date.
    pub(super) fn forget_fifo(&self) {
        self.fifo.set(Fifo::Unknown);
    }
}

impl<R: Registers> Chip<R> {
    /// Sets everything, and keeps enabled what is waited for.
    pub(super) fn configure(&self, config: &Config) -> Result<(), LineBusy> {
        let write = |register, value| self.registers.write(register, value);
        let wanted = self.wanted.get();
        // Unknown after reset. Otherwise what it is: nothing that is pending is taken back.
        write(Register::InterruptEnable, want::enabled(wanted));
        let mut empty = fcr::EMPTY_RECEIVER | fcr::EMPTY_TRANSMITTER;
        if self.quirks.silent_enable && wanted & want::EMPTY != 0 {
            empty = fcr::EMPTY_RECEIVER; // It is announced by what is in the transmitter.
        }
        write(Register::InterruptIdentification, fcr::ENABLE | empty | config.level as u8);
        self.find_fifo(config.level);
        if self.quirks.busy {
            write(Register::ModemControl, mcr::LOOPBACK); // Nothing comes, so it is idle soon, and stays so.
        }
        let control = config.line_control();
        self.set_line(control | lcr::DIVISOR)?;
        let [low, high] = config.divisor.max(1).to_le_bytes();
        write(Register::Data, low);
        write(Register::InterruptEnable, high);
        self.set_line(control)?;
        self.line_control.set(control);
        if self.quirks.busy && self.has_fifo() {
            // What was on its way to the line has come back.
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

    /// Whether the FIFO was enabled. There are chips without one, and chips whose FIFO is broken,
    /// which say so.
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

    /// LCR, several times if the chip refuses it.
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

    pub(super) fn set_break(&self, on: bool) {
        let control = self.line_control.get() | if on { lcr::BREAK } else { 0 };
        self.registers.write(Register::LineControl, control);
    }

    pub(super) fn set_loopback(&self, on: bool) {
        let control = mcr::READY | mcr::OUT2 | if on { mcr::LOOPBACK } else { 0 };
        self.registers.write(Register::ModemControl, control);
    }

    /// LSR. Its errors are cleared by the read, and kept here.
    #[inline]
    pub(super) fn line_status(&self) -> u8 {
        let status = self.registers.read(Register::LineStatus);
        self.errors.set(self.errors.get() | status & lsr::ERRORS);
        status
    }

    /// The line errors that were kept; they are the caller's now.
    pub(super) fn take_errors(&self) -> u8 {
        self.errors.take()
    }

    /// The caller's again later.
    pub(super) fn keep_errors(&self, errors: u8) {
        self.errors.set(self.errors.get() | errors);
    }

    /// Whether anything of `what` is wanted. Not for [`want::ROOM`] or [`want::STEP`] alone: they
    /// share a bit.
    pub(super) fn wants(&self, what: u8) -> bool {
        self.wanted.get() & what != 0
    }

    /// IIR. What it says of the receiver is kept here; what only a quirk says is quieted.
    #[inline]
    fn identification(&self) -> u8 {
        let identification = self.registers.read(Register::InterruptIdentification);
        match identification & iir::SOURCE {
            iir::RECEIVED => self.fifo.set(self.level.get().reached()),
            iir::RECEIVE_TIMEOUT => self.timed_out(),
            _ => {}
        }
        identification
    }

    /// The receiver has timed out, maybe with nothing in it.
    #[inline]
    fn timed_out(&self) {
        if self.quirks.empty_timeout && self.line_status() & lsr::DATA_READY == 0 {
            self.data(); // Not a byte.
        } else {
            self.fifo.set(Fifo::Idle);
        }
    }

    /// IIR, and nothing that it clears is lost.
    fn identify(&self) -> u8 {
        let identification = self.identification();
        if identification & iir::SOURCE == iir::HOLDING_EMPTY {
            self.raise_again(); // Cleared by the read.
        }
        identification
    }

    /// What is known of the receiver's FIFO; the chip is asked if it has not said.
    pub(super) fn fifo(&self) -> Fifo {
        let wanted = self.wanted.get();
        let unasked = self.quirks.silent_enable && wanted & want::EMPTY != 0;
        if self.fifo.get() == Fifo::Unknown && !unasked {
            self.enable(want::BYTES, 0); // It speaks only of what is enabled.
            self.identify();
            self.enable(wanted, !wanted);
        }
        self.fifo.get()
    }

    /// Enables what `set` wants, and no longer what `clear` wanted, unless the other half does.
    /// Whether that changed anything.
    #[inline(always)]
    pub(super) fn enable(&self, set: u8, clear: u8) -> bool {
        let wanted = want::without(self.wanted.get(), clear) | set;
        let changed = wanted != self.wanted.replace(wanted);
        if changed {
            self.registers.write(Register::InterruptEnable, want::enabled(wanted));
        }
        changed
    }

    /// As [`enable`](Self::enable), for what an empty transmitter announces. `true`: it is empty
    /// already, and this chip does not say so.
    #[inline]
    pub(super) fn enable_empty(&self, set: u8) -> bool {
        // Enabled before, it has become empty since, which this chip does say.
        self.enable(set, 0) && self.quirks.silent_enable && self.has_room()
    }

    /// Lets the interrupt line fall and rise: a new edge, of all that is enabled and true.
    fn raise_again(&self) {
        let enabled = want::enabled(self.wanted.get());
        self.registers.write(Register::InterruptEnable, 0);
        self.registers.write(Register::InterruptEnable, enabled);
    }

    /// A byte, or an error, has come.
    pub(super) fn has_news(&self) -> bool {
        self.line_status() & lsr::DATA_READY != 0 || self.errors.get() != 0
    }

    /// The transmitter takes bytes.
    pub(super) fn has_room(&self) -> bool {
        self.line_status() & lsr::HOLDING_EMPTY != 0
    }

    /// All has left.
    pub(super) fn is_flushed(&self) -> bool {
        self.line_status() & lsr::TRANSMITTER_EMPTY != 0
    }

    /// One byte. Errors are reported only if `report`; otherwise they, and the byte they speak of,
    /// stay.
    #[inline]
    pub(super) fn receive(&self, report: bool) -> nb::Result<u8, LineError> {
        let status = self.line_status();
        let errors = self.errors.get();
        if errors != 0 {
            if !report {
                return Err(nb::Error::WouldBlock);
            }
            return Err(nb::Error::Other(self.failed(status)));
        }
        if status & lsr::DATA_READY == 0 {
            return Err(nb::Error::WouldBlock);
        }
        Ok(self.data())
    }

    /// Reports the errors, and drops the byte they speak of.
    #[cold]
    fn failed(&self, status: u8) -> LineError {
        let errors = self.errors.take();
        if errors & lsr::OF_ONE_BYTE != 0 && status & lsr::DATA_READY != 0 {
            self.data();
        }
        LineError::first(errors)
    }

    /// Takes up to a FIFO full; an error only before the first byte, otherwise it is kept for the
    /// next call.
    #[inline]
    pub(super) fn take(&self, buffer: &mut [u8]) -> nb::Result<usize, LineError> {
        let room = buffer.len().min(FIFO);
        let mut taken = 0;
        while taken < room {
            match self.receive(taken == 0) {
                Ok(byte) => buffer[taken] = byte,
                Err(_) if taken > 0 => break,
                Err(error) => return Err(error),
            }
            taken += 1;
        }
        Ok(taken)
    }

    /// Hands over as many as there is room for.
    #[inline]
    pub(super) fn give(&self, bytes: &[u8]) -> nb::Result<usize, Infallible> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if !self.has_room() {
            return Err(nb::Error::WouldBlock);
        }
        let write = |&byte: &u8| self.registers.write(Register::Data, byte);
        if self.has_fifo() {
            // A constant bound: the compiler unrolls it.
            return Ok(bytes.iter().take(FIFO).map(write).count());
        }
        Ok(bytes.iter().take(1).map(write).count())
    }

    /// The byte at the head of the FIFO.
    #[inline]
    pub(super) fn data(&self) -> u8 {
        self.fifo.set(Fifo::Unknown);
        self.registers.read(Register::Data)
    }

    /// Quiets the device. Ends after at most a few rounds, since each source that is found is masked,
    /// or cleared.
    #[inline]
    pub(super) fn on_interrupt(&self) -> Announced {
        let mut announced = Announced::default();
        // A round masks a source or clears one that stays enabled; there are five.
        for _ in 0..8 {
            match self.identification() & iir::SOURCE {
                iir::HOLDING_EMPTY => {
                    announced.received |= self.wanted.get() & want::STEP == want::STEP;
                    announced.emptied = true;
                    self.enable(0, want::EMPTY);
                }
                iir::RECEIVED | iir::RECEIVE_TIMEOUT => {
                    announced.received = true;
                    if !self.ring.fill(self) {
                        self.enable(0, want::BYTES);
                    }
                }
                iir::LINE_STATUS => {
                    self.line_status();
                    announced.received = true;
                }
                iir::BUSY if self.quirks.busy => _ = self.registers.read(Register::UartStatus),
                source if source & iir::NONE != 0 => return announced,
                _ => _ = self.registers.read(Register::ModemStatus),
            }
        }
        // A source that does not go away: let the line fall, so that it is not dead on an
        // edge-triggered controller.
        self.raise_again();
        // This chip does not say again what that took back.
        announced.emptied |= self.quirks.silent_enable && self.wants(want::EMPTY);
        announced
    }
}
