//! The bus by the library: all that a HAL author writes.

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use wouldblock::i2c::{Address, Controller, Cursor, Direction};

use super::chip::{self, command, status};

/// Statuses that end a transaction.
const FAILED: u32 = status::ARBITRATION_LOST | status::ABNORMAL | status::NOT_ACKNOWLEDGED;

/// The controller.
#[derive(Debug)]
pub struct ByteController {
    /// The statuses that end the command that was given; 0: its end was seen.
    awaited: u32,
    /// STOP is owed.
    open: bool,
    /// The command was START with the address.
    addressing: bool,
    /// The target drives the bus: after the address of a read, and after a byte that was acknowledged.
    driven: bool,
}

impl ByteController {
    /// The controller.
    pub const fn new() -> Self {
        Self { awaited: 0, open: false, addressing: false, driven: false }
    }

    fn give(&mut self, command: u32, awaited: u32) {
        self.awaited = awaited | status::ARBITRATION_LOST | status::ABNORMAL;
        chip::give(command);
    }

    fn send(&mut self, byte: u8, start: bool) {
        self.addressing = start;
        chip::set_byte(byte);
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
    fn end(&mut self) -> u32 {
        let status = chip::take_status() & self.awaited;
        if status != 0 {
            self.awaited = 0;
        }
        if status & status::ARBITRATION_LOST != 0 {
            self.open = false; // The bus is another controller's.
        }
        status
    }
}

impl Default for ByteController {
    fn default() -> Self {
        Self::new()
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
            cursor.received(chip::byte());
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
        *self = Self::new();
        chip::turn_off_and_on();
        _ = chip::take_status();
    }

    fn arm(&mut self) {
        chip::enable_interrupt(true);
    }

    fn disarm(&mut self) {
        chip::enable_interrupt(false);
    }
}
