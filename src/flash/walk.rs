//! The walk of an operation over its pages or sectors, as one try.

use core::{marker::PhantomData, mem};

use super::{Controller, Error};
use crate::attempt::{Attempt, Progress, forward_arming};

/// What is left of an operation.
pub(super) trait Rest<C: Controller> {
    /// What offsets and lengths are multiples of.
    const ALIGNMENT: usize;

    /// The number of bytes that are left. `None`: the range ends before it begins.
    fn left(&self) -> Option<usize>;

    /// Takes the next step, at `offset`, and returns how far it goes.
    fn step(&mut self, controller: &mut C, offset: u32) -> nb::Result<Step, C::Error>;
}

/// A step that was taken, with its number of bytes.
pub(super) enum Step {
    /// It is over.
    Over(usize),
    /// It has begun: the chip is busy.
    Begun(usize),
}

impl<C: Controller> Rest<C> for &mut [u8] {
    const ALIGNMENT: usize = C::READ_SIZE;

    #[inline]
    fn left(&self) -> Option<usize> {
        Some(self.len())
    }

    #[inline]
    fn step(&mut self, controller: &mut C, offset: u32) -> nb::Result<Step, C::Error> {
        let read = controller.read(offset, self)?.min(self.len());
        if read == 0 {
            return Err(nb::Error::WouldBlock); // Otherwise a try would not end.
        }
        *self = &mut mem::take(self)[read..];
        Ok(Step::Over(read))
    }
}

impl<C: Controller> Rest<C> for &[u8] {
    const ALIGNMENT: usize = C::WRITE_SIZE;

    #[inline]
    fn left(&self) -> Option<usize> {
        Some(self.len())
    }

    #[inline]
    fn step(&mut self, controller: &mut C, offset: u32) -> nb::Result<Step, C::Error> {
        let in_page = C::PAGE_SIZE - offset as usize % C::PAGE_SIZE;
        let (page, rest) = self.split_at(in_page.min(self.len()));
        controller.program(offset, page)?;
        *self = rest;
        Ok(Step::Begun(page.len()))
    }
}

/// Bytes of sectors that are left to erase.
pub(super) struct Sectors(Option<usize>);

impl Sectors {
    #[inline]
    pub(super) const fn between(from: u32, to: u32) -> Self {
        match to.checked_sub(from) {
            Some(bytes) => Self(Some(bytes as usize)),
            None => Self(None),
        }
    }
}

impl<C: Controller> Rest<C> for Sectors {
    const ALIGNMENT: usize = C::ERASE_SIZE;

    #[inline]
    fn left(&self) -> Option<usize> {
        self.0
    }

    #[inline]
    fn step(&mut self, controller: &mut C, offset: u32) -> nb::Result<Step, C::Error> {
        controller.erase(offset)?;
        self.0 = self.0.map(|bytes| bytes - C::ERASE_SIZE);
        Ok(Step::Begun(C::ERASE_SIZE))
    }
}

/// One operation. The next byte is that at `offset`, which with what is left is within the chip.
#[derive(Debug)]
pub(super) struct Walk<'a, C: Controller, R> {
    controller: &'a mut C,
    offset: u32,
    rest: R,
    done: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    NotAligned,
    OutOfBounds,
    /// An earlier operation may not be over yet.
    Settling,
    /// The chip is not busy.
    Ready,
    /// A step of this number of bytes was begun.
    Busy(usize),
    Ended,
}

impl<'a, C: Controller, R: Rest<C>> Walk<'a, C, R> {
    pub(super) fn new(controller: &'a mut C, offset: u32, rest: R) -> Self {
        // So no sum of an offset and a length has more than 32 bits. (The last byte of 4 GiB is out of reach.)
        let capacity = controller.capacity().min(u32::MAX as usize);
        let first = offset as usize;
        let phase = match rest.left() {
            Some(bytes) if bytes <= capacity && first <= capacity - bytes => {
                if !first.is_multiple_of(R::ALIGNMENT) || !bytes.is_multiple_of(R::ALIGNMENT) {
                    Phase::NotAligned
                } else if bytes == 0 {
                    Phase::Ready
                } else {
                    Phase::Settling
                }
            }
            _ => Phase::OutOfBounds,
        };
        Self { controller, offset, rest, done: 0, phase }
    }

    #[inline]
    fn advance(&mut self) -> nb::Result<(), Error<C::Error>> {
        match self.phase {
            Phase::NotAligned => return Err(nb::Error::Other(Error::NotAligned)),
            Phase::OutOfBounds => return Err(nb::Error::Other(Error::OutOfBounds)),
            Phase::Settling => {
                if let Err(nb::Error::WouldBlock) = self.controller.settle() {
                    return Err(nb::Error::WouldBlock);
                } // A failure of what was given up is not that of this operation.
            }
            Phase::Ready => {}
            Phase::Busy(bytes) => {
                self.controller.settle().map_err(|error| error.map(Error::Chip))?;
                self.pass(bytes);
            }
            Phase::Ended => return Err(nb::Error::WouldBlock),
        }
        self.phase = Phase::Ready;
        while self.rest.left() != Some(0) {
            let step = self.rest.step(self.controller, self.offset);
            match step.map_err(|error| error.map(Error::Chip))? {
                Step::Over(bytes) => self.pass(bytes),
                Step::Begun(bytes) => {
                    self.phase = Phase::Busy(bytes);
                    return Err(nb::Error::WouldBlock);
                }
            }
        }
        Ok(())
    }

    #[inline]
    fn pass(&mut self, bytes: usize) {
        self.offset += bytes as u32;
        self.done += bytes;
    }
}

impl<C: Controller, R: Rest<C>> Attempt for Walk<'_, C, R> {
    type Output = ();
    type Error = Error<C::Error>;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Error<C::Error>> {
        let end = self.advance();
        if !matches!(end, Err(nb::Error::WouldBlock)) {
            self.phase = Phase::Ended;
        }
        end
    }

    forward_arming!(|this| this.controller);
}

impl<C: Controller, R> Progress for Walk<'_, C, R> {
    fn progress(&self) -> usize {
        self.done
    }
}

/// The check of a controller's sizes, at compile time.
pub(super) struct Sizes<C>(PhantomData<C>);

impl<C: Controller> Sizes<C> {
    pub(super) const ARE_RIGHT: () = {
        assert!(C::READ_SIZE > 0 && C::WRITE_SIZE > 0, "a flash reads and writes bytes");
        assert!(C::PAGE_SIZE > 0 && C::ERASE_SIZE > 0, "a flash has pages and sectors");
        assert!(C::PAGE_SIZE.is_multiple_of(C::WRITE_SIZE), "a page has whole words");
        assert!(C::PAGE_SIZE <= u32::MAX as usize && C::ERASE_SIZE <= u32::MAX as usize);
    };
}
