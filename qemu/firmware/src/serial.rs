//! The two serial ports, with the tries of their background operations counted.

use board::serial;

use crate::measure::count::Counted;

/// A whole buffer to be filled, in the background.
pub type Receiving = Counted<drivers::serial::Receiving>;
/// A whole buffer to be sent, in the background.
pub type Sending = Counted<drivers::serial::Sending>;
/// A serial port.
pub type Port = drivers::serial::Port<Receiving, Sending>;

/// The first port.
pub static COM1: Port = Port::new(serial::COM1, |line| COM1.on_interrupt(line));
/// The second port.
pub static COM2: Port = Port::new(serial::COM2, |line| COM2.on_interrupt(line));
