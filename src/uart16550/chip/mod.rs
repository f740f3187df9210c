//! The chip: every access to its registers. Both halves and the interrupt handler share it, in a
//! critical section.
//!
//! Source: National Semiconductor PC16550D data sheet (1995), section 8.

// Rules:
// - A register whose read has a side effect is read in one place. Reading LSR clears the line
//   errors: only `line_status` and `good_byte` read it, and keep the errors for the receiver.
//   Reading IIR clears "transmitter empty": only `identification` reads it. Its callers are the
//   handler, which masks that source, and `identify`, which raises it again.
// - The enable register is written in one place, `enable`. (`configure` and `raise_again` write the
//   same value again.) Each half disables only what it has enabled itself.
// - The handler masks the source that it finds, and `arm` enables it again. So the interrupt line
//   always falls, and the next event makes a new edge. This works with edge-triggered controllers
//   (the 8259) and with level-triggered ones.

mod settings;

use core::{cell::Cell, convert::Infallible};

use super::{
    Level, LineError, Quirks, Register, Registers,
    continuous::Ring,
    registers::{ier, iir, lsr},
};

/// The bytes that fit in a FIFO. One critical section moves at most this many.
pub(super) const FIFO: usize = 16;

/// The enabled interrupt sources, and the half that has enabled each. The low byte is the value of
/// IER. The high byte has the owners of "transmitter empty", the one source that both halves use.
pub(super) mod want {
    use super::ier;

    /// The transmitter waits for room.
    pub const ROOM: u16 = 1 << 8 | EMPTIED;
    /// The receiver waits for any interrupt, and uses "transmitter empty" for it.
    pub const STEP: u16 = 1 << 9 | EMPTIED;
    /// The receiver waits for bytes.
    pub const BYTES: u16 = ier::RECEIVED as u16;
    /// Every use of "transmitter empty".
    pub const EMPTY: u16 = ROOM | STEP;
    /// Everything that the receiver waits for.
    pub const RECEIVER: u16 = BYTES | STEP;

    const EMPTIED: u16 = ier::HOLDING_EMPTY as u16;
    const OWNERS: u16 = EMPTY & !EMPTIED;

    /// The value of IER.
    pub const fn enabled(wanted: u16) -> u8 {
        wanted as u8
    }

    /// `wanted` without `clear`. "Transmitter empty" stays enabled while it has an owner.
    #[inline(always)]
    pub const fn without(wanted: u16, clear: u16) -> u16 {
        let left = wanted & !(clear & !EMPTIED);
        // Decided at compile time where `clear` is a constant.
        if clear & OWNERS != 0 && left & OWNERS == 0 { left & !EMPTIED } else { left }
    }
}

/// What [`Chip::take`] has taken.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) count: usize,
    /// There was no byte after these. Otherwise there was no room for one, or an error is to be
    /// reported.
    pub(super) emptied: bool,
}

/// What the chip has reported about the receiver's FIFO since the last byte was taken from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fifo {
    /// Nothing.
    Unknown,
    /// The FIFO has reached its level: this many bytes can be taken without emptying it.
    Spares(u8),
    /// The FIFO is not empty, and for four bytes' time no byte was added or taken.
    Idle,
}

impl Level {
    /// The state of the FIFO once this level is reached.
    const fn reached(self) -> Fifo {
        match self {
            // The only byte cannot stay in the FIFO until the time-out, so this counts as idle.
            Self::One => Fifo::Idle,
            Self::Four => Fifo::Spares(3),
            Self::Eight => Fifo::Spares(7),
            Self::Fourteen => Fifo::Spares(13),
        }
    }
}

/// The halves that an interrupt concerns.
#[derive(Clone, Copy, Default)]
pub(super) struct Announced {
    pub(super) received: bool,
    pub(super) emptied: bool,
}

/// The registers, and what is known about the chip. See the module.
pub(super) struct Chip<R> {
    registers: R,
    quirks: Quirks,
    level: Cell<Level>,
    /// Whether the chip has a working FIFO. An empty transmitter then takes [`FIFO`] bytes,
    /// otherwise 1.
    has_fifo: Cell<bool>,
    /// Whether `has_fifo` is known.
    found: Cell<bool>,
    line_control: Cell<u8>,
    fifo: Cell<Fifo>,
    /// The enabled sources: see [`want`]. The low byte is a copy of IER.
    wanted: Cell<u16>,
    /// Line errors that were read and not yet reported to the receiver.
    errors: Cell<u8>,
    /// Where the handler stores received bytes in continuous receive.
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

    /// Called when bytes were taken; and when a new message is read, since the state of the FIFO belongs
    /// to the previous message.
    #[inline]
    pub(super) fn forget_fifo(&self) {
        self.fifo.set(Fifo::Unknown);
    }
}

impl<R: Registers> Chip<R> {
    /// Reads LSR. The read clears the errors in the chip; they are kept here.
    #[inline]
    pub(super) fn line_status(&self) -> u8 {
        let status = self.registers.read(Register::LineStatus);
        self.keep_errors(status & lsr::ERRORS);
        status
    }

    /// The same for a byte that is to be taken: `Ok` if LSR reports one and no error, else its bits
    /// for them.
    #[inline(always)]
    fn good_byte(&self) -> Result<(), u8> {
        let status = self.registers.read(Register::LineStatus) & (lsr::ERRORS | lsr::DATA_READY);
        if status == lsr::DATA_READY {
            return Ok(());
        }
        self.keep_errors(status & lsr::ERRORS);
        Err(status)
    }

    /// Takes the line errors that were kept. The caller then has to report them.
    pub(super) fn take_errors(&self) -> u8 {
        self.errors.take()
    }

    /// Keeps errors that the caller will take later.
    pub(super) fn keep_errors(&self, errors: u8) {
        self.errors.set(self.errors.get() | errors);
    }

    /// Whether any source of `what` is enabled. Do not ask for [`want::ROOM`] or [`want::STEP`]
    /// alone: they share a bit.
    pub(super) fn wants(&self, what: u16) -> bool {
        self.wanted.get() & what != 0
    }

    /// Reads IIR. Keeps what it reports about the receiver's FIFO, and ends a time-out that comes
    /// with an empty FIFO (a quirk).
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

    /// Called when IIR reports a receive time-out. With a quirk the FIFO may be empty.
    #[inline]
    fn timed_out(&self) {
        if self.quirks.empty_timeout && self.line_status() & lsr::DATA_READY == 0 {
            self.data(); // Not a byte: this read ends the interrupt.
        } else {
            self.fifo.set(Fifo::Idle);
        }
    }

    /// Reads IIR, and raises the interrupt again that the read clears.
    fn identify(&self) -> u8 {
        let identification = self.identification();
        if identification & iir::SOURCE == iir::HOLDING_EMPTY {
            self.raise_again();
        }
        identification
    }

    /// The state of the receiver's FIFO. Asks the chip if the state is not known.
    pub(super) fn fifo(&self) -> Fifo {
        let wanted = self.wanted.get();
        let unasked = self.quirks.silent_enable && wanted & want::EMPTY != 0;
        if self.fifo.get() == Fifo::Unknown && !unasked {
            self.enable(want::BYTES, 0); // IIR reports only enabled sources.
            self.identify();
            self.enable(wanted, !wanted);
        }
        self.fifo.get()
    }

    /// Enables `set` and disables `clear`. A source stays enabled while the other half uses it.
    /// Returns whether anything changed.
    #[inline(always)]
    pub(super) fn enable(&self, set: u16, clear: u16) -> bool {
        let wanted = want::without(self.wanted.get(), clear) | set;
        let changed = wanted != self.wanted.replace(wanted);
        if changed {
            self.registers.write(Register::InterruptEnable, want::enabled(wanted));
        }
        changed
    }

    /// As [`enable`](Self::enable), for "transmitter empty". Returns `true` if the transmitter is
    /// empty already and this chip will not raise an interrupt for it (a quirk).
    #[inline]
    pub(super) fn enable_empty(&self, set: u16) -> bool {
        // If the source was enabled before, the chip has raised the interrupt when the transmitter
        // became empty.
        self.enable(set, 0) && self.quirks.silent_enable && self.has_room()
    }

    /// Makes the interrupt line fall and rise again: a new edge for each enabled source that is
    /// active.
    fn raise_again(&self) {
        let enabled = want::enabled(self.wanted.get());
        self.registers.write(Register::InterruptEnable, 0);
        self.registers.write(Register::InterruptEnable, enabled);
    }

    /// Whether a byte has been received, or an error.
    pub(super) fn has_news(&self) -> bool {
        self.line_status() & lsr::DATA_READY != 0 || self.errors.get() != 0
    }

    /// Whether the transmitter takes bytes.
    pub(super) fn has_room(&self) -> bool {
        self.line_status() & lsr::HOLDING_EMPTY != 0
    }

    /// Whether all bytes have left the chip.
    pub(super) fn is_flushed(&self) -> bool {
        self.line_status() & lsr::TRANSMITTER_EMPTY != 0
    }

    /// Takes one byte. Line errors are reported first.
    #[inline]
    pub(super) fn receive(&self) -> nb::Result<u8, LineError> {
        let good = self.good_byte();
        if self.errors.get() != 0 {
            return Err(nb::Error::Other(self.failed(good.err().unwrap_or(lsr::DATA_READY))));
        }
        if good.is_err() {
            return Err(nb::Error::WouldBlock);
        }
        Ok(self.data())
    }

    /// Reports the errors, and drops the byte they belong to.
    #[cold]
    fn failed(&self, status: u8) -> LineError {
        let errors = self.errors.take();
        if errors & lsr::OF_ONE_BYTE != 0 && status & lsr::DATA_READY != 0 {
            self.data();
        }
        LineError::first(errors)
    }

    /// Takes up to [`FIFO`] bytes. Errors that were kept are reported first. An error after the first
    /// byte, and the byte it belongs to, stay for the next call.
    #[inline]
    pub(super) fn take(&self, buffer: &mut [u8]) -> nb::Result<Taken, LineError> {
        if self.errors.get() != 0 && !buffer.is_empty() {
            return Err(nb::Error::Other(self.failed(self.line_status())));
        }
        let room = buffer.len().min(FIFO);
        let mut count = 0;
        let mut good = Ok(());
        while count < room {
            good = self.good_byte();
            if good.is_err() {
                break;
            }
            buffer[count] = self.registers.read(Register::Data);
            count += 1;
        }
        if count > 0 {
            self.forget_fifo();
        }
        match good {
            Ok(()) => Ok(Taken { count, emptied: false }),
            Err(0) if count == 0 => Err(nb::Error::WouldBlock),
            Err(status) if count == 0 => Err(nb::Error::Other(self.failed(status))),
            Err(status) => Ok(Taken { count, emptied: status == 0 }),
        }
    }

    /// Hands over up to as many bytes as fit in the empty transmitter.
    #[inline]
    pub(super) fn give(&self, bytes: &[u8]) -> nb::Result<usize, Infallible> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if !self.has_room() {
            return Err(nb::Error::WouldBlock);
        }
        let count = bytes.len().min(if self.has_fifo() { FIFO } else { 1 });
        let write = |&byte: &u8| self.registers.write(Register::Data, byte);
        // On x86_64, rounds of four bytes cost about 4 instructions a byte instead of 6.
        let (fours, rest) = bytes[..count].as_chunks::<4>();
        fours.iter().for_each(|four| four.iter().for_each(write));
        rest.iter().for_each(write);
        Ok(count)
    }

    /// Takes the byte at the head of the FIFO.
    #[inline]
    pub(super) fn data(&self) -> u8 {
        self.fifo.set(Fifo::Unknown);
        self.registers.read(Register::Data)
    }

    /// Disables `clear`. Returns whether the chip has nothing more to report, because that was the
    /// last source. The quirk's source is always enabled.
    #[inline(always)]
    fn mask(&self, clear: u16) -> bool {
        self.enable(0, clear) && self.wanted.get() == 0 && !self.quirks.busy
    }

    /// Ends the device's interrupt request. Takes at most a few rounds, because each round masks or
    /// clears the source that it finds.
    #[inline]
    pub(super) fn on_interrupt(&self) -> Announced {
        let mut announced = Announced::default();
        // There are five sources.
        for _ in 0..8 {
            match self.identification() & iir::SOURCE {
                iir::HOLDING_EMPTY => {
                    announced.received |= self.wanted.get() & want::STEP == want::STEP;
                    announced.emptied = true;
                    if self.mask(want::EMPTY) {
                        return announced;
                    }
                }
                iir::RECEIVED | iir::RECEIVE_TIMEOUT => {
                    announced.received = true;
                    if !self.ring.fill(self) && self.mask(want::BYTES) {
                        return announced;
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
        // A source stays active. Make the line fall, or an edge-triggered controller would never
        // see an edge again.
        self.raise_again();
        // With the quirk, the chip does not announce "transmitter empty" again after that.
        announced.emptied |= self.quirks.silent_enable && self.wants(want::EMPTY);
        announced
    }
}
