//! A port of input pins. Its hardware keeps the edges of a pin whether the pin may interrupt or not,
//! and its pins share the register that says which of them may.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use wouldblock::{
    digital::{PinInput, Trigger},
    testing::boundary,
};

/// The registers. All pins are low at first.
#[derive(Default)]
pub struct Gpio {
    levels: AtomicU32,
    rising: AtomicU32,
    falling: AtomicU32,
    enabled: AtomicU32,
    edges: AtomicU32,
}

/// What a careless driver of this port does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// `listen` does not forget the edges that were there before.
    KeepsOldEdges,
    /// The shared register is read and written back without a critical section.
    WithoutSection,
    /// `unlisten` does nothing.
    ListensForEver,
    /// `listen` forgets the edges of all pins.
    ForgetsAllEdges,
    /// `unlisten` is for all pins.
    UnlistensAll,
}

impl Gpio {
    /// The level of this pin, as set from outside.
    pub fn set(&self, pin: u32, high: bool) {
        let bit = 1 << pin;
        let before = match high {
            true => self.levels.fetch_or(bit, Relaxed),
            false => self.levels.fetch_and(!bit, Relaxed),
        };
        let triggers = if high { &self.rising } else { &self.falling };
        if before & bit != bit * u32::from(high) {
            self.edges.fetch_or(triggers.load(Relaxed) & bit, Relaxed);
        }
    }

    /// The pin goes high and low again.
    pub fn pulse(&self, pin: u32) {
        self.set(pin, true);
        self.set(pin, false);
    }

    /// What a handler does first: the pins of `mask` whose edges interrupt, which are cleared.
    pub fn take_edges(&self, mask: u32) -> u32 {
        let taken = self.edges.load(Relaxed) & self.enabled.load(Relaxed) & mask;
        self.edges.fetch_and(!taken, Relaxed);
        taken
    }

    /// The pins that may interrupt.
    pub fn enabled(&self) -> u32 {
        self.enabled.load(Relaxed)
    }

    /// The driver of this pin.
    pub fn input(&'static self, pin: u32) -> Input {
        Input { gpio: self, bit: 1 << pin, flaw: None }
    }

    /// A driver of this pin that has a flaw.
    pub fn broken_input(&'static self, pin: u32, flaw: Flaw) -> Input {
        Input { flaw: Some(flaw), ..self.input(pin) }
    }
}

/// The driver of one pin. Each access of a register is a boundary.
pub struct Input {
    gpio: &'static Gpio,
    bit: u32,
    flaw: Option<Flaw>,
}

impl Input {
    fn change(&self, register: &AtomicU32, on: bool) {
        let change = || {
            boundary();
            let value = register.load(Relaxed);
            boundary();
            register.store(if on { value | self.bit } else { value & !self.bit }, Relaxed);
        };
        match self.flaw {
            Some(Flaw::WithoutSection) => change(),
            _ => critical_section::with(|_| change()),
        }
    }
}

impl PinInput for Input {
    fn is_high(&self) -> bool {
        boundary();
        self.gpio.levels.load(Relaxed) & self.bit != 0
    }

    fn listen(&mut self, trigger: Trigger) {
        self.change(&self.gpio.rising, trigger != Trigger::Falling);
        self.change(&self.gpio.falling, trigger != Trigger::Rising);
        if self.flaw != Some(Flaw::KeepsOldEdges) {
            boundary();
            let all = self.flaw == Some(Flaw::ForgetsAllEdges);
            self.gpio.edges.fetch_and(if all { 0 } else { !self.bit }, Relaxed);
        }
        self.change(&self.gpio.enabled, true);
    }

    fn unlisten(&mut self) {
        if self.flaw == Some(Flaw::UnlistensAll) {
            self.gpio.enabled.store(0, Relaxed);
        }
        if self.flaw != Some(Flaw::ListensForEver) {
            self.change(&self.gpio.enabled, false);
        }
    }
}
