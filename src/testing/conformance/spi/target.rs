//! The chip that is selected, which a fake of a controller passes on to.

use std::{
    fmt::Write as _,
    format,
    string::String,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    vec::Vec,
};

use embedded_hal::spi::ErrorKind;

use super::super::tick;

/// The chip on the bus, for a fake of an SPI controller and of the chip select's pin: they pass on what
/// they do on the wires. No handler runs inside of a call.
///
/// It returns another byte for each word, so a word that is left in a FIFO is seen.
#[derive(Clone, Debug)]
pub struct SpiTarget(Arc<Mutex<Chip>>);

#[derive(Debug, Default)]
struct Chip {
    wires: Vec<Wire>,
    next: u8,
    is_low: bool,
    /// How many questions come before the first fault. Every later one is another fault.
    faults: Option<usize>,
    asked: usize,
}

/// What happened on the wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// The chip select falls.
    Low,
    /// It rises.
    High,
    /// A word: what was sent, and what came back.
    Word(u8, u8),
    /// Time passes.
    Pass(u64),
}

impl SpiTarget {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    fn chip(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the chip select, which is high at first.
    pub fn select(&self, low: bool) {
        tick();
        let mut chip = self.chip();
        if chip.is_low != low {
            chip.is_low = low;
            chip.wires.push(if low { Wire::Low } else { Wire::High });
        }
    }

    /// The last bit of this word has left. Returns the word that has come back.
    pub fn word(&self, sent: u8) -> u8 {
        tick();
        let mut chip = self.chip();
        let came = chip.next;
        chip.next = (chip.next + 1) % 251;
        chip.wires.push(Wire::Word(sent, came));
        came
    }

    /// This many nanoseconds pass: in a call of the `DelayNs` that the implementation is given, or
    /// between two readings of its clock.
    pub fn pass(&self, nanoseconds: u32) {
        tick();
        self.chip().wires.push(Wire::Pass(nanoseconds.into()));
    }

    /// Whether the controller fails now, and how. A fake asks when it is told to move words, and when it
    /// is flushed; its error has this kind. (One that never asks leaves what comes after an error
    /// unchecked.)
    pub fn fault(&self) -> Option<ErrorKind> {
        tick();
        let mut chip = self.chip();
        chip.asked += 1;
        let faults = chip.faults?;
        match chip.asked.checked_sub(faults + 1)? {
            0 => Some(ErrorKind::Overrun),
            _ => Some(ErrorKind::ModeFault),
        }
    }

    /// From here on it fails after this many questions: first with [`ErrorKind::Overrun`].
    pub(super) fn fail_after(&self, questions: usize) {
        let mut chip = self.chip();
        chip.faults = Some(questions);
        chip.asked = 0;
    }

    /// It no longer does. Returns whether it has, or the fake would have.
    pub(super) fn recover(&self) -> bool {
        let mut chip = self.chip();
        let faults = chip.faults.take();
        faults.is_some_and(|faults| chip.asked > faults)
    }

    pub(super) fn has_asked(&self) -> bool {
        self.chip().asked > 0
    }

    pub(super) fn wires(&self) -> Vec<Wire> {
        self.chip().wires.clone()
    }

    /// Forgets what was on the wires.
    pub(super) fn forget(&self) {
        self.chip().wires.clear();
    }
}

/// In short: [ 01 02 ] is a chip select over two words.
pub(super) fn shown(wires: &[Wire]) -> String {
    let mut text = String::new();
    for line in wires {
        _ = match line {
            Wire::Low => write!(text, "[ "),
            Wire::High => write!(text, "] "),
            Wire::Word(sent, _) => write!(text, "{sent:02x} "),
            Wire::Pass(time) => write!(text, "{time}ns "),
        };
    }
    format!("on the wires `{}`", text.trim_end())
}
