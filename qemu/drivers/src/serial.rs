//! A serial port: the library's driver on the board's registers, room for one background operation
//! each way, and the handler.

use board::{
    interrupts::{Handler, Line},
    serial::Serial,
};
use wouldblock::{
    job::{Background, Slot},
    uart16550::{Level, ReadExact, Receiver, Register, Registers, Transmitter, Uart, WriteAll},
};

use crate::buffer::Buffer;

/// A whole buffer to be filled, in the background.
pub type Receiving = ReadExact<Receiver<'static, Serial>, Buffer>;
/// A whole buffer to be sent, in the background.
pub type Sending = WriteAll<Transmitter<'static, Serial>, Buffer>;

/// A serial port, with the background operations that its slots take.
///
/// ```ignore
/// static COM1: Port = Port::new(board::serial::COM1, |line| COM1.on_interrupt(line));
/// ```
#[derive(Debug)]
pub struct Port<R: Background + 'static = Receiving, S: Background + 'static = Sending> {
    /// The driver.
    pub uart: Uart<Serial>,
    /// Room for a buffer to be filled.
    pub receiving: Slot<R>,
    /// Room for a buffer to be sent.
    pub sending: Slot<S>,
    serial: Serial,
    handler: Handler,
}

impl<R: Background, S: Background> Port<R, S> {
    /// The port at these registers. `handler` calls [`on_interrupt`](Self::on_interrupt) of this
    /// port.
    pub const fn new(serial: Serial, handler: Handler) -> Self {
        Self {
            uart: Uart::new(serial),
            receiving: Slot::new(),
            sending: Slot::new(),
            serial,
            handler,
        }
    }

    /// Sets the port to its highest speed and lets it interrupt.
    pub fn install(&'static self) {
        self.uart.initialize(1, Level::default());
        self.line().set_handler(self.handler);
        self.line().enable();
    }

    /// Its interrupt line.
    pub const fn line(&self) -> Line {
        self.serial.line()
    }

    /// The interrupt sources that are enabled, as the chip itself says.
    pub fn enabled(&self) -> u8 {
        self.serial.read(Register::InterruptEnable)
    }

    /// The handler: quiets the device, steps the operation that the interrupt concerns, acknowledges,
    /// and only then wakes. A step of the other one would only ask the chip in vain.
    pub fn on_interrupt(&'static self, line: Line) {
        let news = self.uart.on_interrupt();
        let received = news.received.is_owed().then(|| self.receiving.on_interrupt());
        let sent = news.emptied.is_owed().then(|| self.sending.on_interrupt());
        line.acknowledge();
        drop((news, received, sent));
    }
}
