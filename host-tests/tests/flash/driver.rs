//! What a HAL author writes for the fake chip, and the mistakes of one.

use std::rc::Rc;

use embedded_storage::nor_flash::NorFlashErrorKind;
use fakes::nor_chip::{CAPACITY, FETCH, Look, NorChip, PAGE, SECTOR, Step, WORD};
use wouldblock::{
    event::Event,
    flash::{Controller, Flash},
    nb,
    testing::World,
};

/// One mistake of a HAL author.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Flaw {
    #[default]
    None,
    /// The interrupt is not enabled.
    NeverArms,
    /// It does not wait for what an earlier operation has begun.
    NeverSettles,
    /// What was fetched for an operation that was given up is kept for the next.
    KeepsFetched,
    /// A try to read says that it has read nothing.
    ReadsNothing,
    /// A try to read says that it has read more than there is room for.
    ReadsTooMuch,
}

/// The driver, as a HAL author writes it.
pub struct Driver {
    chip: Rc<NorChip>,
    flaw: Flaw,
    /// Bytes were asked for, and not taken.
    fetching: bool,
    reads: u32,
}

impl Driver {
    pub fn new(chip: &Rc<NorChip>, flaw: Flaw) -> Self {
        Self { chip: chip.clone(), flaw, fetching: false, reads: 0 }
    }

    fn ready(&self) -> nb::Result<(), NorFlashErrorKind> {
        match self.chip.look() {
            Look::Busy => Err(nb::Error::WouldBlock),
            Look::Ready => Ok(()),
            Look::Failed => Err(nb::Error::Other(NorFlashErrorKind::Other)),
        }
    }
}

impl Controller for Driver {
    type Error = NorFlashErrorKind;

    const READ_SIZE: usize = WORD;
    const WRITE_SIZE: usize = WORD;
    const PAGE_SIZE: usize = PAGE;
    const ERASE_SIZE: usize = SECTOR;

    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn settle(&mut self) -> nb::Result<(), NorFlashErrorKind> {
        if self.flaw == Flaw::NeverSettles {
            return Ok(());
        }
        self.ready()?;
        if self.fetching && self.flaw != Flaw::KeepsFetched {
            self.fetching = false;
            _ = self.chip.take_fetched();
        }
        Ok(())
    }

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> nb::Result<usize, NorFlashErrorKind> {
        self.reads += 1;
        assert!(self.reads < 100_000, "the try does not end");
        match self.flaw {
            Flaw::ReadsNothing => return Ok(0),
            Flaw::ReadsTooMuch => return Ok(bytes.len() + WORD),
            _ => {}
        }
        if !self.fetching {
            self.fetching = true;
            self.chip.begin(Step::Fetch(offset, bytes.len().min(FETCH)));
        }
        let end = self.ready();
        if let Err(nb::Error::WouldBlock) = end {
            return Err(nb::Error::WouldBlock);
        }
        self.fetching = false;
        end?;
        let fetched = self.chip.take_fetched();
        let length = fetched.len().min(bytes.len());
        bytes[..length].copy_from_slice(&fetched[..length]);
        Ok(length)
    }

    fn program(&mut self, offset: u32, bytes: &[u8]) -> nb::Result<(), NorFlashErrorKind> {
        self.chip.begin(Step::Program(offset, bytes.into()));
        Ok(())
    }

    fn erase(&mut self, offset: u32) -> nb::Result<(), NorFlashErrorKind> {
        self.chip.begin(Step::Erase(offset));
        Ok(())
    }

    fn arm(&mut self) {
        self.chip.enable(self.flaw != Flaw::NeverArms);
    }

    fn disarm(&mut self) {
        self.chip.enable(false);
    }
}

/// The chip, and the event that its handler signals.
pub struct Rig {
    pub chip: Rc<NorChip>,
    pub ready: Event,
}

impl Rig {
    /// A chip that is busy for three looks in each step, with no interrupt.
    pub fn polled() -> Self {
        Self { chip: Rc::new(NorChip::busy_for(3)), ready: Event::new() }
    }

    /// A chip of which a step ends with each event of a sweep.
    pub fn swept() -> Self {
        Self { chip: Rc::new(NorChip::until_events()), ready: Event::new() }
    }

    pub fn flash(&self, flaw: Flaw) -> Flash<'_, Driver> {
        Flash::new(Driver::new(&self.chip, flaw), self.ready.waiter().expect("one waiter"))
    }
}

impl World for Rig {
    fn event(&self) {
        self.chip.event();
    }

    fn deliver(&self) -> bool {
        let requested = self.chip.take_interrupt();
        if requested {
            self.ready.signal();
        }
        requested
    }
}
