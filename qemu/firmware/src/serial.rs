//! The two serial ports: the library's driver on the board's registers, with room for one
//! background operation each way, and the handler.

use board::{
    interrupts::Line,
    serial::{self, Serial},
};
use wouldblock::{
    job::Slot,
    uart16550::{Level, ReadExact, Receiver, Register, Registers, Transmitter, Uart, WriteAll},
};

use crate::{buffer::Buffer, count::Counted};

/// A whole buffer to be filled, in the background.
pub type Receiving = Counted<ReadExact<Receiver<'static, Serial>, Buffer>>;
/// A whole buffer to be sent, in the background.
pub type Sending = Counted<WriteAll<Transmitter<'static, Serial>, Buffer>>;

/// A serial port.
#[derive(Debug)]
pub struct Port {
    /// The driver.
    pub uart: Uart<Serial>,
    /// Room for a buffer to be filled.
    pub receiving: Slot<Receiving>,
    /// Room for a buffer to be sent.
    pub sending: Slot<Sending>,
    serial: Serial,
}

/// The first port.
pub static COM1: Port = Port::new(serial::COM1);
/// The second port.
pub static COM2: Port = Port::new(serial::COM2);

impl Port {
    const fn new(serial: Serial) -> Self {
        Self { uart: Uart::new(serial), receiving: Slot::new(), sending: Slot::new(), serial }
    }

    /// Sets the port to 115200 baud and lets it interrupt.
    pub fn install(&'static self) {
        self.uart.initialize(1, Level::default());
        self.line().set_handler(match self.line() {
            Line::Com1 => |line| COM1.on_interrupt(line),
            _ => |line| COM2.on_interrupt(line),
        });
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

    /// Quiet the device, step, acknowledge, and only then wake.
    fn on_interrupt(&'static self, line: Line) {
        let news = self.uart.on_interrupt();
        let received = self.receiving.on_interrupt();
        let sent = self.sending.on_interrupt();
        line.acknowledge();
        drop((news, received, sent));
    }
}
