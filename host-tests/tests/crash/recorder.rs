//! Memory that records every access, and makes one mistake.

use std::{
    cell::{Cell, RefCell},
    ops::Range,
    rc::Rc,
};

use fakes::log_layout::checksum;
use wouldblock::persist::Memory;

use crate::model::{Event, Image, LINE};

/// The number of words of both copies of the header.
pub const HEADER: usize = 2 * LINE;
/// The first word of a copy is its magic.
const MAGICS: [usize; 2] = [0, LINE];
const EPOCH_AT: usize = 5;
const SUM_AT: usize = 7;

/// A mistake in the program, planted between the log and its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    None,
    /// There is no flush.
    NoFlush,
    /// The end of a flush is counted from the rounded start.
    MissingTail,
    /// The first line of a flush is left out.
    MissingHead,
    /// There is no fence.
    NoFence,
    /// SFENCE where MFENCE is needed: the flush is ordered, but not complete.
    WrongFence,
    /// The fence comes before the flush.
    FenceFirst,
    /// The last store before a fence, which is that of the checksum, comes after it.
    ChecksumAfterFence,
    /// Recovery does not make its epoch persistent: the header stays as it was.
    NoEpoch,
    /// Recovery does not begin a new epoch: where it reads the epoch, it sees the one before.
    EpochKept,
    /// Recovery does not flush the records that it has found: its first flush, before any store.
    FoundUnflushed,
    /// The second copy of the header is written before the first is persistent.
    CopiesTogether,
    /// The header has one copy.
    OneCopy,
    /// The magic of the old log is not removed before its records are.
    MagicKept,
    /// The magic of the new log is stored before the rest of its copy.
    MagicFirst,
}

/// The accesses of the program, and where it acknowledged records.
#[derive(Clone, Debug)]
pub enum Step {
    Event(Event),
    /// From here, this many records of the run are acknowledged.
    Acknowledged(usize),
}

pub type Steps = Rc<RefCell<Vec<Step>>>;

pub struct Recorder {
    pub image: Image,
    steps: Steps,
    mutant: Mutant,
    late: Option<(usize, u64)>,
    flushed: Range<usize>,
    /// The number of loads from the header.
    loads: Cell<usize>,
}

impl Recorder {
    fn note(&mut self, event: Event) {
        self.steps.borrow_mut().push(Step::Event(event));
    }

    fn release(&mut self) {
        if let Some((word, value)) = self.late.take() {
            self.note(Event::Store(word, value));
        }
    }
}

impl Memory for Recorder {
    fn words(&self) -> usize {
        self.image.len()
    }

    fn load(&self, word: usize) -> u64 {
        let epoch = |copy: usize| self.image[copy + EPOCH_AT].saturating_sub(1);
        let first_look = word < HEADER && self.loads.replace(self.loads.get() + 1) < HEADER;
        match (self.mutant, word % LINE) {
            (Mutant::EpochKept, EPOCH_AT) if first_look => epoch(word - EPOCH_AT),
            (Mutant::EpochKept, SUM_AT) if first_look => {
                let mut copy = self.image[word - SUM_AT..word].to_vec();
                copy[EPOCH_AT] = epoch(word - SUM_AT);
                checksum(&copy)
            }
            _ => self.image[word],
        }
    }

    fn store(&mut self, word: usize, value: u64) {
        self.image[word] = value;
        match self.mutant {
            Mutant::NoEpoch if word < HEADER => {}
            Mutant::OneCopy if (LINE..HEADER).contains(&word) => {}
            Mutant::MagicKept if MAGICS.contains(&word) && value == 0 => {}
            Mutant::MagicFirst if word < HEADER && self.image[word - word % LINE] == 0 => {
                let magic = u64::from_le_bytes(*b"wblog\0\0\x02");
                self.note(Event::Store(word - word % LINE, magic));
                self.note(Event::Store(word, value));
            }
            Mutant::ChecksumAfterFence => {
                self.release();
                self.late = Some((word, value));
            }
            _ => self.note(Event::Store(word, value)),
        }
    }

    fn flush(&mut self, words: Range<usize>) {
        self.flushed = words.clone();
        let first = words.start - words.start % LINE;
        match self.mutant {
            Mutant::NoFlush => {}
            Mutant::FoundUnflushed if self.steps.borrow().is_empty() => {}
            Mutant::MissingTail => {
                let lines = words.len().div_ceil(LINE);
                self.note(Event::Flush(first..first + lines * LINE));
            }
            Mutant::MissingHead if first + LINE < words.end => {
                self.note(Event::Flush(first + LINE..words.end));
            }
            Mutant::FenceFirst => {
                self.note(Event::Drain);
                self.note(Event::Flush(words));
            }
            _ => self.note(Event::Flush(words)),
        }
    }

    fn drain(&mut self) {
        match self.mutant {
            Mutant::NoFence | Mutant::FenceFirst => {}
            Mutant::CopiesTogether if self.flushed.end <= LINE => {}
            Mutant::WrongFence => self.note(Event::Order),
            _ => self.note(Event::Drain),
        }
        self.release();
    }

    /// The worst salt that a memory may return: identities differ only by their generation.
    fn salt(&self) -> u64 {
        0
    }
}

pub fn recorder(image: &Image, mutant: Mutant) -> (Recorder, Steps) {
    let steps = Steps::default();
    let image = image.clone();
    (
        Recorder {
            image,
            steps: steps.clone(),
            mutant,
            late: None,
            flushed: 0..0,
            loads: Cell::new(0),
        },
        steps,
    )
}
