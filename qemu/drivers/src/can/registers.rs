//! The SJA1000's registers and their bits in PeliCAN mode (data sheet of 2000 Jan 04, section 6.4).

use embedded_can::{ExtendedId, Frame as _, Id, StandardId};

use super::frame::Frame;

/// The chip's registers, by number, 0 to 31. Reading number 3, the causes of the interrupt, clears them.
pub trait Registers {
    /// Reads a register.
    fn read(&self, register: u8) -> u8;
    /// Writes a register.
    fn write(&self, register: u8, value: u8);
}

pub const MODE: u8 = 0;
pub const COMMAND: u8 = 1;
pub const STATUS: u8 = 2;
pub const INTERRUPT: u8 = 3;
pub const ENABLE: u8 = 4;
/// The first of two.
pub const TIMING: u8 = 6;
pub const OUTPUT: u8 = 8;
pub const RECEIVE_ERRORS: u8 = 14;
pub const TRANSMIT_ERRORS: u8 = 15;
/// Four codes and four masks, in reset mode.
pub const FILTER: u8 = 16;
/// The receive FIFO's oldest frame where it is read, the transmit buffer where it is written.
const BUFFER: u8 = 16;
pub const CLOCK: u8 = 31;

pub mod mode {
    pub const RESET: u8 = 1;
    /// With two filters: QEMU 7.2's single one never accepts all standard identifiers.
    pub const OPERATING: u8 = 0;
}

pub mod command {
    pub const TRANSMIT: u8 = 1;
    pub const ABORT: u8 = 1 << 1;
    pub const RELEASE: u8 = 1 << 2;
    pub const CLEAR_OVERRUN: u8 = 1 << 3;
}

pub mod status {
    pub const RECEIVED: u8 = 1;
    pub const OVERRUN: u8 = 1 << 1;
    /// The transmit buffer is free.
    pub const FREE: u8 = 1 << 2;
    /// What was in the transmit buffer last was sent.
    pub const SENT: u8 = 1 << 3;
    pub const SENDING: u8 = 1 << 5;
    pub const BUS_OFF: u8 = 1 << 7;
}

pub mod interrupt {
    pub const RECEIVED: u8 = 1;
    pub const FREE: u8 = 1 << 1;
    pub const ERROR: u8 = 1 << 2;
    pub const OVERRUN: u8 = 1 << 3;
}

const EXTENDED: u8 = 1 << 7;
const REMOTE: u8 = 1 << 6;

/// The frame that the receive FIFO begins with, which is not empty.
pub fn read_frame(registers: &impl Registers) -> Frame {
    let head = registers.read(BUFFER);
    let raw = u32::from_be_bytes([1, 2, 3, 4].map(|n| registers.read(BUFFER + n)));
    let (id, data): (Id, _) = if head & EXTENDED == 0 {
        let id = StandardId::new((raw >> 21) as u16).unwrap_or(StandardId::ZERO);
        (id.into(), BUFFER + 3)
    } else {
        let id = ExtendedId::new(raw >> 3).unwrap_or(ExtendedId::ZERO);
        (id.into(), BUFFER + 5)
    };
    let length = head & 15;
    if head & REMOTE != 0 {
        return Frame::clamped(id, true, length, [0; 8]);
    }
    let mut bytes = [0; 8];
    (data..)
        .zip(bytes.iter_mut().take(length.into()))
        .for_each(|(n, byte)| *byte = registers.read(n));
    Frame::clamped(id, false, length, bytes)
}

/// Writes a frame into the transmit buffer, which is free.
pub fn write_frame(registers: &impl Registers, frame: &Frame) {
    let (id, length, format) = match frame.id() {
        Id::Standard(id) => (u32::from(id.as_raw()) << 21, 2, 0),
        Id::Extended(id) => (id.as_raw() << 3, 4, EXTENDED),
    };
    let remote = if frame.is_remote_frame() { REMOTE } else { 0 };
    let id = id.to_be_bytes().into_iter().take(length);
    let bytes = [format | remote | frame.dlc() as u8].into_iter().chain(id);
    let bytes = bytes.chain(frame.data().iter().copied());
    (BUFFER..).zip(bytes).for_each(|(register, byte)| registers.write(register, byte));
}
