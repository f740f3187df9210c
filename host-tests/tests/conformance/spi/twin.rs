//! A device as it is written by hand for both traits, and the same with one mistake.

use std::{cell::Cell, rc::Rc};

use embedded_hal::spi::{ErrorKind, ErrorType, Operation, SpiDevice};
use wouldblock::testing::conformance::SpiTarget;

use super::bus::{Fifo, at_once};

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    None,
    /// Each operation has its own chip select.
    SelectsEach,
    /// The chip select rises without a flush.
    NeverFlushes,
    /// It rises when the next call begins.
    RisesLate,
    /// `read` does not select.
    ReadsUnselected,
    /// A delay begins while words are in the FIFO.
    DelaysTooEarly,
    /// An operation of no words sends one.
    SendsForNothing,
    /// Of two errors the last one is returned.
    LastError,
    /// After an error the chip select stays low.
    StaysLowAfterErrors,
    /// A drop leaves everything as it is.
    ForgetsItsDrop,
    /// A drop lets the chip select rise, and words run on.
    RisesInDrop,
    /// A drop leaves what was received.
    KeepsWordsInDrop,
}

pub struct Device {
    pub fifo: Rc<Fifo>,
    pub target: SpiTarget,
    pub mistake: Mistake,
}

impl ErrorType for Device {
    type Error = ErrorKind;
}

/// Ends a call that is dropped.
struct Guard<'d>(&'d Device, bool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let Self(device, ended) = self;
        if *ended || device.mistake == Mistake::ForgetsItsDrop {
            return;
        }
        match device.mistake {
            Mistake::RisesInDrop => {}
            Mistake::KeepsWordsInDrop => _ = at_once(device.fifo.flush(true)),
            _ => device.fifo.clear(),
        }
        device.target.select(false);
    }
}

impl Device {
    async fn operation(
        &self,
        blocks: bool,
        operation: &mut Operation<'_, u8>,
    ) -> Result<(), ErrorKind> {
        let cells = |words| Cell::from_mut(words).as_slice_of_cells();
        let fifo = &self.fifo;
        match operation {
            Operation::DelayNs(time) => {
                if self.mistake != Mistake::DelaysTooEarly {
                    fifo.flush(blocks).await?;
                }
                self.target.pass(*time);
                Ok(())
            }
            Operation::Write([]) if self.mistake == Mistake::SendsForNothing => {
                fifo.transfer(blocks, &[], cells(&mut [0])).await
            }
            Operation::Read(words) => fifo.transfer(blocks, cells(words), &[]).await,
            Operation::Write(words) => fifo.transfer(blocks, &[], cells(&mut words.to_vec())).await,
            Operation::Transfer(read, write) => {
                fifo.transfer(blocks, cells(read), cells(&mut write.to_vec())).await
            }
            Operation::TransferInPlace(words) => {
                let words = cells(words);
                fifo.transfer(blocks, words, words).await
            }
        }
    }

    async fn run(
        &self,
        blocks: bool,
        operations: &mut [Operation<'_, u8>],
    ) -> Result<(), ErrorKind> {
        let mut guard = Guard(self, false);
        if self.mistake == Mistake::RisesLate {
            self.target.select(false);
        }
        self.target.select(true);
        let mut end = Ok(());
        for operation in operations {
            end = self.operation(blocks, operation).await;
            if end.is_err() {
                break;
            }
            if self.mistake == Mistake::SelectsEach {
                self.fifo.flush(blocks).await?;
                self.target.select(false);
                self.target.select(true);
            }
        }
        let mut flushed = Ok(());
        if self.mistake != Mistake::NeverFlushes {
            flushed = self.fifo.flush(blocks).await;
        }
        guard.1 = true;
        let failed = end.is_err() || flushed.is_err();
        if failed {
            self.fifo.clear();
        }
        match self.mistake {
            Mistake::RisesLate => {}
            Mistake::StaysLowAfterErrors if failed => {}
            _ => self.target.select(false),
        }
        if self.mistake == Mistake::LastError { flushed.and(end) } else { end.and(flushed) }
    }
}

impl SpiDevice for Device {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), ErrorKind> {
        at_once(self.run(true, operations))
    }

    fn read(&mut self, words: &mut [u8]) -> Result<(), ErrorKind> {
        if self.mistake == Mistake::ReadsUnselected {
            return at_once(self.operation(true, &mut Operation::Read(words)));
        }
        SpiDevice::transaction(self, &mut [Operation::Read(words)])
    }
}

impl embedded_hal_async::spi::SpiDevice for Device {
    async fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), ErrorKind> {
        self.run(false, operations).await
    }

    async fn read(&mut self, words: &mut [u8]) -> Result<(), ErrorKind> {
        if self.mistake == Mistake::ReadsUnselected {
            return self.operation(false, &mut Operation::Read(words)).await;
        }
        self.run(false, &mut [Operation::Read(words)]).await
    }
}
