//! The two wires of an I2C bus, for an implementation that moves them itself.

use std::{cell::RefCell, convert::Infallible, rc::Rc};

use embedded_hal::{
    delay::DelayNs,
    digital::{ErrorType, OutputPin},
};
use soft_i2c::OpenDrainPin;
use wouldblock::{i2c::Direction, testing::conformance::I2cTargets};

/// What the bits on the wires are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is expected but START and STOP.
    Ignored,
    Address,
    Write,
    Read,
}

/// The wires, and a target that decodes their bits and passes bytes on to the suite's targets.
struct Decoder {
    targets: I2cTargets,
    clock: bool,
    /// The controller lets the data line go high.
    data: bool,
    /// The target pulls it low.
    pulled: bool,
    phase: Phase,
    /// Of the byte, 8 bits and an acknowledgement.
    bits: u32,
    byte: u8,
    acknowledged: bool,
}

impl Decoder {
    const fn level(&self) -> bool {
        self.data && !self.pulled
    }

    fn set_data(&mut self, high: bool) {
        let before = self.level();
        self.data = high;
        if self.clock && before != self.level() {
            if before {
                (self.phase, self.bits, self.byte) = (Phase::Address, 0, 0);
            } else {
                self.targets.stop();
                self.phase = Phase::Ignored;
            }
        }
    }

    fn set_clock(&mut self, high: bool) {
        if self.clock != high {
            self.clock = high;
            if high { self.rises() } else { self.falls() }
        }
    }

    fn rises(&mut self) {
        let bit = self.level();
        if self.phase == Phase::Ignored {
            return;
        }
        if self.bits < 8 && self.phase != Phase::Read {
            self.byte = self.byte << 1 | u8::from(bit);
        } else if self.bits == 8 && self.phase == Phase::Read {
            self.acknowledged = !bit;
            self.targets.acknowledge(!bit);
        }
        self.bits += 1;
    }

    fn falls(&mut self) {
        match (self.phase, self.bits) {
            (Phase::Address, 8) => {
                let direction = if self.byte & 1 == 0 { Direction::Write } else { Direction::Read };
                self.acknowledged = self.targets.start(self.byte >> 1, direction);
                self.pulled = self.acknowledged;
            }
            (Phase::Write, 8) => {
                self.acknowledged = self.targets.write(self.byte);
                self.pulled = self.acknowledged;
            }
            (Phase::Read, 8) => self.pulled = false,
            (Phase::Address | Phase::Write | Phase::Read, 9) => self.next_byte(),
            (Phase::Read, bits) => self.pulled = self.byte << bits & 0x80 == 0,
            _ => {}
        }
    }

    fn next_byte(&mut self) {
        self.pulled = false;
        self.phase = match self.phase {
            _ if !self.acknowledged => Phase::Ignored,
            Phase::Address if self.byte & 1 == 0 => Phase::Write,
            Phase::Address => Phase::Read,
            phase => phase,
        };
        (self.bits, self.byte) = (0, 0);
        if self.phase == Phase::Read {
            self.byte = self.targets.read();
            self.pulled = self.byte & 0x80 == 0;
        }
    }
}

/// One of the pins, or what waits between two changes of them.
#[derive(Clone)]
pub struct Wires(Rc<RefCell<Decoder>>);

impl Wires {
    pub fn new(targets: I2cTargets) -> Self {
        Self(Rc::new(RefCell::new(Decoder {
            targets,
            clock: true,
            data: true,
            pulled: false,
            phase: Phase::Ignored,
            bits: 0,
            byte: 0,
            acknowledged: false,
        })))
    }
}

impl ErrorType for Wires {
    type Error = Infallible;
}

/// The clock.
impl OutputPin for Wires {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().set_clock(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.borrow_mut().set_clock(true);
        Ok(())
    }
}

/// The data.
impl OpenDrainPin for Wires {
    fn set(&mut self, level: bool) {
        self.0.borrow_mut().set_data(level);
    }

    fn get(&mut self) -> bool {
        self.0.borrow().level()
    }
}

impl DelayNs for Wires {
    fn delay_ns(&mut self, _: u32) {}
}
