//! The controller's registers.

use crate::registers::{read, write};

const BASE: usize = 0x4000_5000;
const ENABLE: usize = BASE + 0x0c;
const STATUS: usize = BASE + 0x10;
const COMMAND: usize = BASE + 0x14;
const BYTE: usize = BASE + 0x20;
const POWER: usize = BASE;

/// Bits of a command. One command may be START and SEND.
pub mod command {
    /// START, or a repeated one.
    pub const START: u32 = 1 << 0;
    /// Sends the byte.
    pub const SEND: u32 = 1 << 1;
    /// Receives a byte, and acknowledges it.
    pub const RECEIVE: u32 = 1 << 3;
    /// Does not acknowledge it.
    pub const LAST: u32 = 1 << 4;
    /// STOP.
    pub const STOP: u32 = 1 << 5;
}

/// Bits of the status.
pub mod status {
    /// What was sent was acknowledged.
    pub const ACKNOWLEDGED: u32 = 1 << 0;
    /// It was not.
    pub const NOT_ACKNOWLEDGED: u32 = 1 << 1;
    /// A byte was received.
    pub const RECEIVED: u32 = 1 << 2;
    /// Another controller has won the bus.
    pub const ARBITRATION_LOST: u32 = 1 << 3;
    /// STOP is out.
    pub const STOPPED: u32 = 1 << 4;
    /// START or STOP where there is none.
    pub const ABNORMAL: u32 = 1 << 5;
}

/// Gives a command. The last one has ended, and its status was taken.
#[inline(always)]
pub fn give(command: u32) {
    write(COMMAND, command);
}

/// How commands have ended since this was called last.
#[inline(always)]
pub fn take_status() -> u32 {
    let status = read(STATUS);
    if status != 0 {
        write(STATUS, status);
    }
    status
}

/// The byte that the next command sends.
#[inline(always)]
pub fn set_byte(byte: u8) {
    write(BYTE, byte.into());
}

/// The byte that the last command has received.
#[inline(always)]
pub fn byte() -> u8 {
    (read(BYTE) >> 8) as u8
}

/// Whether the end of a command requests an interrupt.
#[inline(always)]
pub fn enable_interrupt(on: bool) {
    write(ENABLE, on.into());
}

/// The part of a handler that ends the request. The status stays for a try.
#[inline(always)]
pub fn quiet() {
    enable_interrupt(false);
}

/// Turns the controller off and on.
#[inline(always)]
pub fn turn_off_and_on() {
    write(POWER, 0);
    write(POWER, 1);
}
