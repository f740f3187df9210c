//! An SPI controller with FIFOs of 4 words, and devices on it, each with its chip select. It panics at what
//! no controller may do. There is a boundary before each access.
//!
//! Each access is a look, and a word takes three looks. A device returns for each word its complement, plus
//! the number of the device.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use wouldblock::testing::boundary;

/// The number of words in each FIFO.
pub const FIFO: usize = 4;

/// The number of looks for a word.
pub const LOOKS: u32 = 3;

/// What happens on the bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// The chip select of this device falls.
    Low(u16),
    /// A word, as it was sent.
    Word(u16),
    /// The chip select of this device rises.
    High(u16),
}

/// Another device, which returns a word for each.
struct Other(Box<dyn Fn(u16) -> u16>);

impl std::fmt::Debug for Other {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Other")
    }
}

/// The controller, and the devices.
#[derive(Debug)]
pub struct Spi {
    /// In place of the devices.
    other: Option<Other>,
    to_send: RefCell<VecDeque<u16>>,
    received: RefCell<VecDeque<u16>>,
    /// The word that is being shifted, and its looks that are left.
    shifting: Cell<Option<(u16, u32)>>,
    /// How many words end without another look.
    credit: Cell<u32>,
    bits: Cell<u32>,
    level: Cell<usize>,
    enabled: Cell<bool>,
    overrun: Cell<bool>,
    overrun_seen: Cell<bool>,
    losing: Cell<u32>,
    stuck: Cell<bool>,
    selected: Cell<Option<u16>>,
    looks: Cell<u64>,
    log: RefCell<Vec<(u64, Line)>>,
}

impl Default for Spi {
    fn default() -> Self {
        Self::new()
    }
}

impl Spi {
    /// A controller for words of 8 bits. No chip select is low.
    pub fn new() -> Self {
        Self {
            other: None,
            to_send: RefCell::default(),
            received: RefCell::default(),
            shifting: Cell::default(),
            credit: Cell::default(),
            bits: Cell::new(8),
            level: Cell::default(),
            enabled: Cell::default(),
            overrun: Cell::default(),
            overrun_seen: Cell::default(),
            losing: Cell::default(),
            stuck: Cell::default(),
            selected: Cell::default(),
            looks: Cell::default(),
            log: RefCell::default(),
        }
    }

    /// The same, with another device in place of these: `word` returns what it returns for a word.
    pub fn with(word: impl Fn(u16) -> u16 + 'static) -> Self {
        Self { other: Some(Other(Box::new(word))), ..Self::new() }
    }

    /// What was on the bus so far.
    pub fn log(&self) -> Vec<Line> {
        self.log.borrow().iter().map(|&(_, line)| line).collect()
    }

    /// The same, each with the number of looks before it.
    pub fn timed_log(&self) -> Vec<(u64, Line)> {
        self.log.borrow().clone()
    }

    /// Forgets what was on the bus.
    pub fn clear_log(&self) {
        self.log.borrow_mut().clear();
    }

    /// The device whose chip select is low.
    pub fn selected(&self) -> Option<u16> {
        self.selected.get()
    }

    /// Whether the controller may interrupt.
    pub fn is_enabled(&self) -> bool {
        self.enabled.get()
    }

    /// The next words end at once.
    pub fn let_through(&self, words: u32) {
        self.credit.set(self.credit.get().saturating_add(words));
        self.run();
    }

    /// From here on the clock stands still, until the controller is reset.
    pub fn get_stuck(&self) {
        self.stuck.set(true);
    }

    /// The next words that come back are lost, since the FIFO was full.
    pub fn lose(&self, words: u32) {
        self.losing.set(words);
    }

    /// Takes the interrupt, if there is one: it comes while as many words as the level were received, or
    /// one was lost, and is masked then.
    pub fn take_interrupt(&self) -> bool {
        let reached = self.received.borrow().len() >= self.level.get().max(1);
        self.enabled.get() && (reached || self.overrun.get()) && self.enabled.replace(false)
    }

    /// The number of looks so far; this is one.
    pub fn look(&self) -> u64 {
        boundary();
        self.looks.set(self.looks.get() + 1);
        if !self.stuck.get() {
            self.load();
            if let Some((word, left)) = self.shifting.get() {
                self.shifting.set((left > 1).then_some((word, left - 1)));
                if left == 1 {
                    self.end(word);
                }
            }
        }
        self.looks.get()
    }

    /// Puts a word into the FIFO.
    pub fn send(&self, word: u16) {
        self.look();
        assert!(self.to_send.borrow().len() < FIFO, "not allowed: the FIFO is full");
        assert!(u32::from(word) >> self.bits.get() == 0, "not allowed: a word of too many bits");
        self.to_send.borrow_mut().push_back(word);
        self.run();
    }

    /// Takes a word out of the FIFO.
    pub fn receive(&self) -> Option<u16> {
        self.look();
        self.received.borrow_mut().pop_front()
    }

    /// Whether a word is being shifted or in the FIFO.
    pub fn is_busy(&self) -> bool {
        self.look();
        self.is_running()
    }

    /// The same, without a look.
    pub fn is_running(&self) -> bool {
        self.shifting.get().is_some() || !self.to_send.borrow().is_empty()
    }

    /// Whether a word was lost since the last call.
    pub fn take_overrun(&self) -> bool {
        self.look();
        let overrun = self.overrun.take();
        self.overrun_seen.set(self.overrun_seen.get() || overrun);
        overrun
    }

    /// Whether such a call has said so.
    pub fn overrun_was_seen(&self) -> bool {
        self.overrun_seen.get()
    }

    /// Empties both FIFOs. The word that is being shifted still comes back.
    pub fn clear(&self) {
        self.look();
        self.to_send.borrow_mut().clear();
        self.received.borrow_mut().clear();
    }

    /// Sets the size of words.
    pub fn set_bits(&self, bits: u32) {
        self.look();
        let idle = !self.is_running() && self.received.borrow().is_empty();
        assert!(idle || bits == self.bits.get(), "not allowed: another size under a running clock");
        self.bits.set(bits);
    }

    /// Sets how many words must have been received for an interrupt.
    pub fn set_level(&self, words: usize) {
        self.look();
        self.level.set(words);
    }

    /// Enables or disables the interrupt.
    pub fn enable(&self, enabled: bool) {
        self.look();
        self.enabled.set(enabled);
    }

    /// As after power-on. The clock stops, also within a word.
    pub fn reset(&self) {
        boundary();
        self.to_send.borrow_mut().clear();
        self.received.borrow_mut().clear();
        self.shifting.set(None);
        self.bits.set(8);
        self.enabled.set(false);
        self.overrun.set(false);
        self.stuck.set(false);
    }

    /// Sets the chip select of `device`.
    pub fn select(&self, device: u16, low: bool) {
        boundary();
        assert!(!self.is_running(), "not allowed: a chip select moves under a running clock");
        let others = self.selected.get().filter(|&selected| selected != device);
        assert!(others.is_none(), "not allowed: two devices drive one wire");
        if low != self.selected.get().is_some() {
            self.selected.set(low.then_some(device));
            self.note(if low { Line::Low(device) } else { Line::High(device) });
        }
    }

    fn note(&self, line: Line) {
        self.log.borrow_mut().push((self.looks.get(), line));
    }

    fn load(&self) {
        if self.shifting.get().is_none() {
            let next = self.to_send.borrow_mut().pop_front();
            self.shifting.set(next.map(|word| (word, LOOKS)));
        }
    }

    fn run(&self) {
        while !self.stuck.get() && self.credit.get() > 0 && self.is_running() {
            self.credit.set(self.credit.get() - 1);
            self.load();
            if let Some((word, _)) = self.shifting.take() {
                self.end(word);
            }
        }
    }

    /// A word has left, and another one has come.
    fn end(&self, word: u16) {
        self.note(Line::Word(word));
        let other = self.other.as_ref().map(|other| (other.0)(word));
        let mut received = self.received.borrow_mut();
        if self.losing.get() > 0 || received.len() == FIFO {
            self.losing.set(self.losing.get().saturating_sub(1));
            self.overrun.set(true);
        } else {
            let mask = u16::MAX >> (16 - self.bits.get());
            let own = || (!word).wrapping_add(self.selected.get().unwrap_or(0)) & mask;
            received.push_back(other.unwrap_or_else(own));
        }
    }
}
