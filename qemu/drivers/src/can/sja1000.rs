//! Philips' SJA1000, a CAN controller with one transmit buffer and a receive FIFO of 64 bytes, in
//! PeliCAN mode. Facts are from its data sheet of 2000 Jan 04, section 6.4; what QEMU 7.2 does
//! otherwise says so.

// # Invariant
// **A frame that was put into the transmit buffer is in `pending`, until the chip has said that it was
// sent.** A frame that the chip gives up, because it was told to or because it went off the bus, is put
// back: by the next try, by the handler or by a restart. Or the try that told the chip so takes its place,
// and returns it.
//
// The transmit buffer, `pending`, `wants` and the interrupt enables are used in critical sections
// only: by the two halves and by the handler. The receive FIFO is used by the receiving half only.

use core::cell::Cell;

use critical_section::{CriticalSection, Mutex};
use embedded_can::{ErrorKind, Frame as _};
use wouldblock::{
    can::{Receive, Receiver, Transmit, Transmitter},
    event::{Event, OwedWake},
    nb,
};

use super::{
    frame::Frame,
    registers::{
        CLOCK, COMMAND, ENABLE, FILTER, INTERRUPT, MODE, OUTPUT, RECEIVE_ERRORS, Registers, STATUS,
        TIMING, TRANSMIT_ERRORS, command, interrupt, mode, read_frame, status, write_frame,
    },
};

/// What interrupts are wanted for: a bit each.
mod wants {
    pub const TO_TRANSMIT: u8 = 1;
    pub const TO_RECEIVE: u8 = 1 << 1;
    /// The end of an abort, after which the frame may have to be put back.
    pub const ABORT: u8 = 1 << 2;
}

/// How the controller fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The receive FIFO was full, and at least one frame was lost. Those that are in it follow.
    Overrun,
    /// There were too many errors, and the controller has gone off the bus, until
    /// [`Sja1000::restart`].
    BusOff,
}

impl embedded_can::Error for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Overrun => ErrorKind::Overrun,
            Self::BusOff => ErrorKind::Other,
        }
    }
}

/// The controller.
#[derive(Debug)]
pub struct Sja1000<R> {
    registers: R,
    state: Mutex<State>,
    sent: Event,
    received: Event,
}

#[derive(Debug)]
struct State {
    pending: Cell<Option<Frame>>,
    wants: Cell<u8>,
}

impl<R: Registers> Sja1000<R> {
    /// The chip with these registers. Accesses nothing.
    pub const fn new(registers: R) -> Self {
        let state = State { pending: Cell::new(None), wants: Cell::new(0) };
        Self { registers, state: Mutex::new(state), sent: Event::new(), received: Event::new() }
    }

    /// Sets the chip up from reset: PeliCAN mode, these two bus timing registers, every frame accepted,
    /// no interrupt. Then it takes part in the bus.
    pub fn initialize(&self, timing: [u8; 2]) {
        const PELICAN: u8 = 1 << 7;
        const PUSH_PULL: u8 = 0x1a;
        self.registers.write(MODE, mode::RESET);
        self.registers.write(CLOCK, PELICAN);
        self.registers.write(ENABLE, 0);
        (TIMING..).zip(timing).for_each(|(register, value)| self.registers.write(register, value));
        self.registers.write(OUTPUT, PUSH_PULL);
        (FILTER..FILTER + 4).for_each(|code| self.registers.write(code, 0));
        (FILTER + 4..FILTER + 8).for_each(|mask| self.registers.write(mask, 0xff));
        self.registers.write(MODE, mode::OPERATING);
    }

    /// The transmitting half; `None` while it is handed out.
    pub fn transmitter(&self) -> Option<Transmitter<'_, &Self>> {
        Some(Transmitter::new(self, self.sent.waiter()?))
    }

    /// The receiving half; `None` while it is handed out.
    pub fn receiver(&self) -> Option<Receiver<'_, &Self>> {
        Some(Receiver::new(self, self.received.waiter()?))
    }

    /// Takes part in the bus again after [`Error::BusOff`]. The chip first waits for 128 times 11 bits
    /// of an idle bus. A frame that was not sent is still queued.
    pub fn restart(&self) {
        critical_section::with(|section| {
            self.registers.write(MODE, mode::OPERATING);
            self.put_back(self.state.borrow(section));
        });
    }

    /// The counters of receive and of transmit errors. From 128 on the controller is error passive.
    pub fn errors(&self) -> (u8, u8) {
        (self.registers.read(RECEIVE_ERRORS), self.registers.read(TRANSMIT_ERRORS))
    }

    /// The handler's part: quiets the chip, and returns the wakes that are due after the acknowledgement:
    /// those of the transmitting and of the receiving half.
    pub fn on_interrupt(&self) -> (OwedWake<'_>, OwedWake<'_>) {
        let due = critical_section::with(|section| self.due(section));
        let wake = |wants, event| {
            if due & wants != 0 { OwedWake::new(event) } else { OwedWake::default() }
        };
        (wake(wants::TO_TRANSMIT, &self.sent), wake(wants::TO_RECEIVE, &self.received))
    }

    /// What has come that an interrupt was wanted for. It is not wanted any more: the line falls.
    fn due(&self, section: CriticalSection<'_>) -> u8 {
        let state = self.state.borrow(section);
        let mut due = 0;
        loop {
            let status = self.registers.read(STATUS);
            let wanted = state.wants.get();
            let come = wanted & self.announces(status);
            due |= come;
            state.wants.set(wanted & !come);
            self.put_back(state);
            self.enable(state);
            // Reading it clears the causes, and lets QEMU's line fall. A new one needs another look.
            if self.registers.read(INTERRUPT) & enables(state.wants.get()) == 0 {
                return due;
            }
        }
    }

    fn want(&self, what: u8, event: &Event) {
        critical_section::with(|section| {
            let state = self.state.borrow(section);
            state.wants.set(state.wants.get() | what);
            self.enable(state);
        });
        // The chip interrupts when something changes, and QEMU's not when it is enabled after that.
        if self.announces(self.registers.read(STATUS)) & what != 0 {
            event.signal();
        }
    }

    fn want_no_more(&self, what: u8) {
        critical_section::with(|section| {
            let state = self.state.borrow(section);
            state.wants.set(state.wants.get() & !what);
            self.enable(state);
        });
    }

    /// Writes the interrupt enables.
    fn enable(&self, state: &State) {
        self.registers.write(ENABLE, enables(state.wants.get()));
    }

    /// The halves for which another try is worthwhile.
    fn announces(&self, status: u8) -> u8 {
        let off = self.is_off(status);
        let transmit = off || status & status::FREE != 0;
        let receive = off || status & (status::RECEIVED | status::OVERRUN) != 0;
        (if transmit { wants::TO_TRANSMIT } else { 0 })
            | (if receive { wants::TO_RECEIVE } else { 0 })
    }

    /// Whether the controller is off the bus, until [`restart`](Self::restart).
    fn is_off(&self, status: u8) -> bool {
        status & status::BUS_OFF != 0 && self.registers.read(MODE) & mode::RESET != 0
    }

    /// Queues the pending frame again if the chip has given it up.
    fn put_back(&self, state: &State) {
        if state.pending.get().is_some() {
            let status = self.registers.read(STATUS);
            if status & status::FREE != 0
                && !self.is_off(status)
                && let Some(frame) = self.take_back(state, status)
            {
                self.put(state, frame);
            }
        }
    }

    /// The transmit buffer is free: the frame that was in it, if it was not sent.
    fn take_back(&self, state: &State, status: u8) -> Option<Frame> {
        if state.wants.get() & wants::ABORT != 0 {
            state.wants.set(state.wants.get() & !wants::ABORT);
            self.enable(state);
        }
        state.pending.take().filter(|_| status & status::SENT == 0)
    }

    /// Puts a frame into the transmit buffer, which is free, and lets it be sent.
    fn put(&self, state: &State, frame: Frame) {
        write_frame(&self.registers, &frame);
        self.registers.write(COMMAND, command::TRANSMIT);
        state.pending.set(Some(frame));
    }
}

/// The interrupt enables for what is wanted.
const fn enables(wanted: u8) -> u8 {
    use interrupt::{ERROR, FREE, OVERRUN, RECEIVED};
    let transmit = if wanted & wants::TO_TRANSMIT != 0 { FREE | ERROR } else { 0 };
    let receive = if wanted & wants::TO_RECEIVE != 0 { RECEIVED | OVERRUN | ERROR } else { 0 };
    let abort = if wanted & wants::ABORT != 0 { FREE } else { 0 };
    transmit | receive | abort
}

/// A try masks interrupts for up to 20 accesses to the chip.
impl<R: Registers> Transmit for &Sja1000<R> {
    type Frame = Frame;
    type Error = Error;

    fn transmit(&mut self, frame: &Frame) -> nb::Result<Option<Frame>, Error> {
        critical_section::with(|section| {
            let state = self.state.borrow(section);
            let mut status = self.registers.read(STATUS);
            if self.is_off(status) {
                return Err(nb::Error::Other(Error::BusOff));
            }
            let outranked = state.pending.get().is_some_and(|pending| pending.id() > frame.id());
            if status & (status::FREE | status::SENDING) == 0 && outranked {
                // If it begins to be sent just now, it is given up only if that fails.
                state.wants.set(state.wants.get() | wants::ABORT);
                self.enable(state);
                self.registers.write(COMMAND, command::ABORT);
                status = self.registers.read(STATUS);
            }
            if status & status::FREE == 0 {
                return Err(nb::Error::WouldBlock);
            }
            match self.take_back(state, status) {
                Some(given_up) if given_up.id() <= frame.id() => {
                    self.put(state, given_up);
                    Err(nb::Error::WouldBlock)
                }
                displaced => {
                    self.put(state, *frame);
                    Ok(displaced)
                }
            }
        })
    }

    fn arm(&mut self) {
        self.want(wants::TO_TRANSMIT, &self.sent);
    }

    fn disarm(&mut self) {
        self.want_no_more(wants::TO_TRANSMIT);
    }
}

impl<R: Registers> Receive for &Sja1000<R> {
    type Frame = Frame;
    type Error = Error;

    fn receive(&mut self) -> nb::Result<Frame, Error> {
        let status = self.registers.read(STATUS);
        if self.is_off(status) {
            return Err(nb::Error::Other(Error::BusOff));
        }
        if status & status::OVERRUN != 0 {
            self.registers.write(COMMAND, command::CLEAR_OVERRUN);
            return Err(nb::Error::Other(Error::Overrun));
        }
        if status & status::RECEIVED == 0 {
            return Err(nb::Error::WouldBlock);
        }
        let frame = read_frame(&self.registers);
        self.registers.write(COMMAND, command::RELEASE);
        Ok(frame)
    }

    fn arm(&mut self) {
        self.want(wants::TO_RECEIVE, &self.received);
    }

    fn disarm(&mut self) {
        self.want_no_more(wants::TO_RECEIVE);
    }
}
