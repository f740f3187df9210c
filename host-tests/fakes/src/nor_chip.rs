//! A NOR flash chip behind a controller that takes a step at a time: to fetch some bytes, to program a
//! page, to erase a sector. It panics at what no driver may do, such as a step while it is busy.

use std::cell::{Cell, RefCell};

use wouldblock::testing::boundary;

/// Bytes of a word, which is read and programmed as a whole.
pub const WORD: usize = 4;
/// Bytes of a page.
pub const PAGE: usize = 16;
/// Bytes of a sector.
pub const SECTOR: usize = 64;
/// Bytes of the chip.
pub const CAPACITY: usize = 8 * SECTOR;
/// The most bytes that are fetched at once.
pub const FETCH: usize = 2 * WORD;

/// What the controller is told to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// To fetch this many bytes from an offset.
    Fetch(u32, usize),
    /// To program these bytes at an offset.
    Program(u32, Vec<u8>),
    /// To erase the sector at an offset.
    Erase(u32),
}

/// What a look at the status shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// A step is not over.
    Busy,
    /// No step is being done.
    Ready,
    /// The last step has failed. It is shown once.
    Failed,
}

/// The chip and its controller.
pub struct NorChip {
    memory: RefCell<Vec<u8>>,
    step: RefCell<Option<Step>>,
    /// How many looks a step takes, and how many it still takes. `None`: it ends by an event.
    looks: Option<u32>,
    left: Cell<u32>,
    /// How many steps end without another event.
    credit: Cell<u32>,
    held: Cell<bool>,
    fails: Cell<bool>,
    failed: Cell<bool>,
    fetched: RefCell<Vec<u8>>,
    enabled: Cell<bool>,
    log: RefCell<Vec<Step>>,
}

impl NorChip {
    fn new(looks: Option<u32>) -> Self {
        let memory = (0..CAPACITY).map(Self::old).collect();
        Self {
            memory: RefCell::new(memory),
            step: RefCell::default(),
            looks,
            left: Cell::default(),
            credit: Cell::default(),
            held: Cell::default(),
            fails: Cell::default(),
            failed: Cell::default(),
            fetched: RefCell::default(),
            enabled: Cell::default(),
            log: RefCell::default(),
        }
    }

    /// A chip that is busy for this many looks in each step.
    pub fn busy_for(looks: u32) -> Self {
        Self::new(Some(looks))
    }

    /// A chip of which each step ends with an [event](Self::event).
    pub fn until_events() -> Self {
        Self::new(None)
    }

    /// The byte at `index` at first. It has bits that are 0.
    pub fn old(index: usize) -> u8 {
        (index * 7 % 251) as u8 & 0x7f
    }

    /// All bytes. What the chip is busy with has not changed them yet.
    pub fn memory(&self) -> Vec<u8> {
        self.memory.borrow().clone()
    }

    /// The steps that were begun.
    pub fn log(&self) -> Vec<Step> {
        self.log.borrow().clone()
    }

    /// Whether it is busy. It is no look.
    pub fn is_busy(&self) -> bool {
        self.held.get() || self.step.borrow().is_some()
    }

    /// From here on it is busy for ever, with nothing.
    pub fn hold(&self) {
        self.held.set(true);
    }

    /// The next step that is begun fails, and changes nothing.
    pub fn fail_once(&self) {
        self.fails.set(true);
    }

    /// A step ends: the one that it is busy with, or else the next.
    pub fn event(&self) {
        self.credit.set(self.credit.get() + 1);
        self.run();
    }

    /// Whether its interrupt is enabled.
    pub fn is_enabled(&self) -> bool {
        self.enabled.get()
    }

    /// If the interrupt is requested (it is while the chip is ready and the interrupt enabled), disables
    /// it, as a handler does first.
    pub fn take_interrupt(&self) -> bool {
        let requested = self.enabled.get() && !self.is_busy();
        self.enabled.set(self.enabled.get() && !requested);
        requested
    }

    fn run(&self) {
        if self.credit.get() > 0 && self.is_busy() {
            self.credit.set(self.credit.get() - 1);
            self.end();
        }
    }

    fn end(&self) {
        let step = self.step.take().expect("a step");
        if self.fails.take() {
            return self.failed.set(true);
        }
        let mut memory = self.memory.borrow_mut();
        match step {
            Step::Fetch(offset, length) => {
                self.fetched.replace(memory[offset as usize..][..length].to_vec());
            }
            Step::Program(offset, bytes) => {
                let page = offset as usize / PAGE * PAGE;
                for (index, byte) in bytes.into_iter().enumerate() {
                    // Behind the end of the page comes its beginning.
                    memory[page + (offset as usize + index) % PAGE] &= byte;
                }
            }
            Step::Erase(offset) => memory[offset as usize..][..SECTOR].fill(0xff),
        }
    }

    /// Begins a step.
    pub fn begin(&self, step: Step) {
        boundary();
        assert!(!self.is_busy(), "not allowed: a step while it is busy");
        let (offset, length, unit) = match &step {
            Step::Fetch(offset, length) => {
                assert!(*length <= FETCH, "not allowed: {length} bytes at once");
                (*offset, *length, WORD)
            }
            Step::Program(offset, bytes) => (*offset, bytes.len(), WORD),
            Step::Erase(offset) => (*offset, SECTOR, SECTOR),
        };
        let from = offset as usize;
        let aligned = from.is_multiple_of(unit) && length.is_multiple_of(unit);
        assert!(aligned && length > 0, "not allowed: {length} bytes at {offset}");
        assert!(from + length <= CAPACITY, "not allowed: behind the chip");
        self.log.borrow_mut().push(step.clone());
        self.step.replace(Some(step));
        self.left.set(self.looks.unwrap_or_default());
        self.run();
    }

    /// Looks at the status.
    pub fn look(&self) -> Look {
        boundary();
        if self.is_busy() && !self.held.get() && self.looks.is_some() {
            match self.left.get() {
                0 => self.end(),
                left => self.left.set(left - 1),
            }
        }
        match self.is_busy() {
            true => Look::Busy,
            false if self.failed.take() => Look::Failed,
            false => Look::Ready,
        }
    }

    /// Takes what was fetched. Nothing, if that was taken.
    pub fn take_fetched(&self) -> Vec<u8> {
        boundary();
        assert!(!self.is_busy(), "not allowed: to take what is not there");
        self.fetched.take()
    }

    /// Enables or disables its interrupt.
    pub fn enable(&self, enabled: bool) {
        boundary();
        self.enabled.set(enabled);
    }
}
