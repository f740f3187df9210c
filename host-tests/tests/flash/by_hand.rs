//! The traits of `embedded-storage`, written by hand over the fake chip, as a HAL does it; and with one
//! mistake each.

use std::{
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use embedded_storage::nor_flash::{self, ErrorType, NorFlashErrorKind, ReadNorFlash};
use embedded_storage_async::nor_flash as awaited;
use fakes::nor_chip::{CAPACITY, FETCH, Look, NorChip, PAGE, SECTOR, Step, WORD};

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    Nothing,
    /// It does not check bounds.
    NoBounds,
    /// It does not check the alignment.
    NoAlignment,
    /// It calls what is out of bounds not aligned.
    WrongKind,
    /// With no bytes it waits for the chip.
    AsksForNothing,
    /// It programs behind the end of a page.
    OnePage,
    /// It erases the first sector only.
    OneSector,
    /// It returns while the chip is busy with the last step.
    ReturnsEarly,
    /// It does not wait for what an earlier call has begun.
    NeverSettles,
    /// It ignores that a step has failed.
    IgnoresFailures,
}

/// The chip, driven by hand.
pub struct ByHand {
    pub chip: Rc<NorChip>,
    pub mistake: Mistake,
}

type End = Result<(), NorFlashErrorKind>;

impl ByHand {
    async fn ready(&self) -> End {
        let mut looks = 0;
        poll_fn(|_| {
            looks += 1;
            assert!(looks < 1000, "it waits for ever");
            match self.chip.look() {
                Look::Busy => Poll::Pending,
                Look::Failed if self.mistake != Mistake::IgnoresFailures => {
                    Poll::Ready(Err(NorFlashErrorKind::Other))
                }
                Look::Ready | Look::Failed => Poll::Ready(Ok(())),
            }
        })
        .await
    }

    async fn settle(&self) {
        if self.mistake != Mistake::NeverSettles {
            _ = self.ready().await;
        }
    }

    fn check(&self, from: usize, to: usize, unit: usize) -> End {
        if self.mistake != Mistake::NoBounds && (from > to || to > CAPACITY) {
            return Err(match self.mistake {
                Mistake::WrongKind => NorFlashErrorKind::NotAligned,
                _ => NorFlashErrorKind::OutOfBounds,
            });
        }
        if self.mistake != Mistake::NoAlignment
            && !(from.is_multiple_of(unit) && to.is_multiple_of(unit))
        {
            return Err(NorFlashErrorKind::NotAligned);
        }
        Ok(())
    }

    fn is_over(&self, from: usize, to: usize) -> bool {
        from == to && self.mistake != Mistake::AsksForNothing
    }

    async fn read(&self, offset: u32, bytes: &mut [u8]) -> End {
        let from = offset as usize;
        self.check(from, from + bytes.len(), WORD)?;
        if self.is_over(from, from + bytes.len()) {
            return Ok(());
        }
        self.settle().await;
        for (index, bytes) in bytes.chunks_mut(FETCH).enumerate() {
            self.chip.begin(Step::Fetch(offset + (index * FETCH) as u32, bytes.len()));
            self.ready().await?;
            bytes.copy_from_slice(&self.chip.take_fetched());
        }
        Ok(())
    }

    /// Begins each of these steps, and waits for it.
    async fn steps(&self, steps: Vec<Step>) -> End {
        self.settle().await;
        let last = steps.len().saturating_sub(1);
        for (index, step) in steps.into_iter().enumerate() {
            self.chip.begin(step);
            if index < last || self.mistake != Mistake::ReturnsEarly {
                self.ready().await?;
            }
        }
        Ok(())
    }

    async fn write(&self, offset: u32, bytes: &[u8]) -> End {
        let from = offset as usize;
        self.check(from, from + bytes.len(), WORD)?;
        if self.is_over(from, from + bytes.len()) {
            return Ok(());
        }
        let page = |at: usize| if self.mistake == Mistake::OnePage { 0 } else { at / PAGE };
        let mut steps: Vec<(usize, Vec<u8>)> = Vec::new();
        for (at, &byte) in (from..).zip(bytes) {
            match steps.last_mut() {
                Some((begin, bytes)) if page(*begin) == page(at) => bytes.push(byte),
                _ => steps.push((at, vec![byte])),
            }
        }
        let program = |(at, bytes)| Step::Program(at as u32, bytes);
        self.steps(steps.into_iter().map(program).collect()).await
    }

    async fn erase(&self, from: u32, to: u32) -> End {
        self.check(from as usize, to as usize, SECTOR)?;
        if self.is_over(from as usize, to as usize) {
            return Ok(());
        }
        let sectors = (from..to).step_by(SECTOR);
        let most = if self.mistake == Mistake::OneSector { 1 } else { usize::MAX };
        self.steps(sectors.take(most).map(Step::Erase).collect()).await
    }
}

/// Polls at once again, until the end.
fn spin<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..10_000 {
        if let Poll::Ready(end) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return end;
        }
    }
    panic!("it waits for ever");
}

impl ErrorType for ByHand {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for ByHand {
    const READ_SIZE: usize = WORD;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> End {
        spin((*self).read(offset, bytes))
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }
}

impl nor_flash::NorFlash for ByHand {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> End {
        spin((*self).erase(from, to))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> End {
        spin((*self).write(offset, bytes))
    }
}

impl awaited::ReadNorFlash for ByHand {
    const READ_SIZE: usize = WORD;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> End {
        (*self).read(offset, bytes).await
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }
}

impl awaited::NorFlash for ByHand {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = SECTOR;

    async fn erase(&mut self, from: u32, to: u32) -> End {
        (*self).erase(from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> End {
        (*self).write(offset, bytes).await
    }
}

/// An awaited flash, by the blocking traits: each call is polled until its end.
pub struct Awaited<S>(pub S);

impl<S: ErrorType> ErrorType for Awaited<S> {
    type Error = S::Error;
}

impl<S: awaited::ReadNorFlash> ReadNorFlash for Awaited<S> {
    const READ_SIZE: usize = S::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), S::Error> {
        spin(self.0.read(offset, bytes))
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<S: awaited::NorFlash> nor_flash::NorFlash for Awaited<S> {
    const WRITE_SIZE: usize = S::WRITE_SIZE;
    const ERASE_SIZE: usize = S::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), S::Error> {
        spin(self.0.erase(from, to))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), S::Error> {
        spin(self.0.write(offset, bytes))
    }
}
