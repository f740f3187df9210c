//! The I2C controller: all that a HAL author writes. The walk over the operations, the forms and the
//! traits are the library's.
//!
//! The handler only masks its line and signals: a status stays in the controller until a try takes it, so
//! the handler and the tries share nothing. Before a wait the line is unmasked.

use board::{
    i2c::{I2C, command, status},
    interrupts::Line,
};
use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use portable_atomic::{AtomicBool, Ordering};
use wouldblock::{
    event::Event,
    i2c::{Address, Bus, Controller, Cursor, Direction},
};

/// Announces that a command has ended: the event of the bus.
pub static ENDED: Event = Event::new();

/// The bus, once; `None` after that.
pub fn take() -> Option<Bus<'static, ByteController>> {
    Some(Bus::new(ByteController::take()?, ENDED.waiter()?))
}

/// The handler: quiets the line, acknowledges, and only then wakes.
pub fn on_interrupt(line: Line) {
    line.disable();
    line.acknowledge();
    ENDED.signal();
}

/// Statuses that end a transaction.
const FAILED: u32 = status::ARBITRATION_LOST | status::ABNORMAL | status::NOT_ACKNOWLEDGED;

/// The controller, which moves a byte with each command and interrupts after it. There is one.
#[derive(Debug)]
pub struct ByteController {
    /// The statuses that end the command that was given; 0: its end was seen.
    awaited: u32,
    /// STOP is owed. Then the end of a command is awaited between two calls.
    open: bool,
    /// The command was START with the address.
    addressing: bool,
    /// The target drives the bus: after the address of a read, and after a byte that was acknowledged.
    driven: bool,
}

impl ByteController {
    /// The controller, once; `None` after that. [`on_interrupt`] is its handler.
    pub fn take() -> Option<Self> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        I2C.line().set_handler(on_interrupt);
        I2C.turn_on();
        Some(Self { awaited: 0, open: false, addressing: false, driven: false })
    }

    #[inline]
    fn give(&mut self, command: u32, awaited: u32) {
        self.awaited = awaited | status::ARBITRATION_LOST | status::ABNORMAL;
        I2C.give(command);
    }

    fn send(&mut self, byte: u8, start: bool) {
        self.addressing = start;
        I2C.set_byte(byte);
        let start = if start { command::START } else { 0 };
        self.give(command::SEND | start, status::ACKNOWLEDGED | status::NOT_ACKNOWLEDGED);
    }

    fn receive(&mut self, last: bool) {
        self.driven = !last;
        let last = if last { command::LAST } else { 0 };
        self.give(command::RECEIVE | last, status::RECEIVED);
    }

    fn stop(&mut self) {
        self.open = false;
        self.give(command::STOP, status::STOPPED);
    }

    /// The end of a transaction: STOP is out, or this status has ended it.
    #[cold]
    fn ended(&mut self, status: u32) -> nb::Result<(), ErrorKind> {
        let error = match status {
            _ if status & status::ARBITRATION_LOST != 0 => ErrorKind::ArbitrationLoss,
            _ if !self.open => return Ok(()),
            _ if status & status::ABNORMAL != 0 => ErrorKind::Bus,
            _ => ErrorKind::NoAcknowledge(match self.addressing {
                true => NoAcknowledgeSource::Address,
                false => NoAcknowledgeSource::Data,
            }),
        };
        if self.open {
            self.stop();
        }
        Err(nb::Error::Other(error))
    }

    /// How the last command has ended; 0: it has not.
    #[inline]
    fn end(&mut self) -> u32 {
        let status = I2C.take_status() & self.awaited;
        if status != 0 {
            self.awaited = 0;
        }
        if status & status::ARBITRATION_LOST != 0 {
            self.open = false; // The bus is another controller's.
        }
        status
    }
}

impl Controller for ByteController {
    type Error = ErrorKind;

    fn settle(&mut self) -> nb::Result<(), ErrorKind> {
        while self.awaited != 0 {
            let status = self.end();
            if status == 0 {
                return Err(nb::Error::WouldBlock);
            }
            if self.open && self.driven && status & status::NOT_ACKNOWLEDGED == 0 {
                self.receive(true);
            } else if self.open {
                self.stop();
            }
        }
        Ok(())
    }

    fn start(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<(), ErrorKind> {
        let Address::Seven(address) = cursor.address() else {
            return Err(ErrorKind::Other); // It has no addresses of 10 bits.
        };
        let reads = cursor.direction() == Direction::Read;
        (self.open, self.driven) = (true, reads);
        self.send(address << 1 | u8::from(reads), true);
        Ok(())
    }

    fn step(&mut self, cursor: &mut Cursor<'_, '_>) -> nb::Result<(), ErrorKind> {
        let status = self.end();
        if status == 0 {
            return Err(nb::Error::WouldBlock);
        }
        if !self.open || status & FAILED != 0 {
            return self.ended(status);
        }
        if status & status::RECEIVED != 0 {
            cursor.received(I2C.byte());
        }
        if let Some(byte) = cursor.send() {
            self.send(byte, false);
        } else if cursor.left() > 0 {
            self.receive(cursor.left() == 1);
        } else if cursor.next_run() {
            self.start(cursor)?;
        } else {
            self.stop();
        }
        Err(nb::Error::WouldBlock)
    }

    fn abort(&mut self) {
        _ = self.settle(); // As far as it goes now; the next `settle` does the rest.
    }

    fn reset(&mut self) {
        // STOP that was asked for may not be out, so it counts as owed, too.
        let owed = self.open || self.awaited != 0;
        (self.awaited, self.open, self.driven) = (0, false, false);
        I2C.line().disable();
        I2C.turn_off();
        I2C.turn_on();
        if owed {
            I2C.give(command::STOP); // To turn it off does not end a transfer in QEMU.
        }
        _ = I2C.take_status();
    }

    fn arm(&mut self) {
        I2C.line().enable();
    }

    fn disarm(&mut self) {
        I2C.line().disable();
    }
}
