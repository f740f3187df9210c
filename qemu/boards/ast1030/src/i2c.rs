//! An I2C controller of the chip: the third of 14, in its byte mode, as QEMU has it. In QEMU a command is
//! over when the store that gives it is.
//!
//! Here are its registers and its line, and nothing that is made of them.

use core::ptr;

use cortex_m_board::interrupts::Line;

/// The controller.
pub const I2C: I2c = I2c(());

const CONTROLLER: usize = 0x7e7b_0180;
const FUNCTION: usize = CONTROLLER;
const INTERRUPTS: usize = CONTROLLER + 0x0c;
const STATUS: usize = CONTROLLER + 0x10;
const COMMAND: usize = CONTROLLER + 0x14;
const BYTE: usize = CONTROLLER + 0x20;

const ENABLE: u32 = 1;

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
    /// START or STOP where there is none; for QEMU also the STOP after an address that was not
    /// acknowledged.
    pub const ABNORMAL: u32 = 1 << 5;
    /// All of them.
    pub const ALL: u32 = (1 << 6) - 1;
}

/// The controller's registers: a controller has one driver.
#[derive(Clone, Copy, Debug)]
pub struct I2c(());

impl I2c {
    /// Its interrupt line: a level, high while the status is not 0.
    #[must_use]
    pub const fn line(&self) -> Line {
        Line::irq(112).expect("the NVIC has this input")
    }

    /// Turns the controller on. For QEMU, an interrupt that is off also keeps its status from being set:
    /// so all are on, and the line is masked instead.
    pub fn turn_on(&self) {
        write(FUNCTION, ENABLE);
        write(INTERRUPTS, status::ALL);
    }

    /// Turns it off: from here on no command ends.
    pub fn turn_off(&self) {
        write(FUNCTION, 0);
    }

    /// Gives a command. The last one has ended, and its status was taken.
    #[inline]
    pub fn give(&self, command: u32) {
        write(COMMAND, command);
    }

    /// How commands have ended since this was called last; after it the line is low.
    #[inline]
    #[must_use]
    pub fn take_status(&self) -> u32 {
        let status = read(STATUS) & status::ALL;
        if status != 0 {
            write(STATUS, status);
        }
        status
    }

    /// The byte that the next command sends.
    #[inline]
    pub fn set_byte(&self, byte: u8) {
        write(BYTE, byte.into());
    }

    /// The byte that the last command has received.
    #[inline]
    #[must_use]
    pub fn byte(&self) -> u8 {
        (read(BYTE) >> 8) as u8
    }
}

#[inline(always)]
fn read(register: usize) -> u32 {
    // SAFETY: one of the controller's registers; reading changes none.
    unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

#[inline(always)]
fn write(register: usize, value: u32) {
    // SAFETY: one of the controller's registers; in byte mode it touches no memory.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}
