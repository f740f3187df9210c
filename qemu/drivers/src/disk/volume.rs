//! The blocking form as the block device of `embedded-sdmmc`, a FAT file system that knows nothing
//! of this project.

use core::cell::RefCell;

use embedded_sdmmc::{Block, BlockCount, BlockDevice, BlockIdx};
use wouldblock::block::Idle;

use super::{Blocking, Command, Error};

/// A disk as a file system sees it; `idle` passes the time of each transfer.
#[derive(Debug)]
pub struct Volume<I>(RefCell<(Blocking, I)>);

impl<I: Idle> Volume<I> {
    /// The disk of this blocking form.
    pub const fn new(blocking: Blocking, idle: I) -> Self {
        Self(RefCell::new((blocking, idle)))
    }

    fn transfer(&self, command: Command, block: BlockIdx, data: &mut Block) -> Result<(), Error> {
        let (blocking, idle) = &mut *self.0.borrow_mut();
        blocking.transfer(command, u64::from(block.0), &mut data.contents, idle)
    }
}

impl<I: Idle> BlockDevice for Volume<I> {
    type Error = Error;

    fn read(&self, blocks: &mut [Block], first: BlockIdx) -> Result<(), Error> {
        (first.0..)
            .zip(blocks)
            .try_for_each(|(index, block)| self.transfer(Command::Read, BlockIdx(index), block))
    }

    fn write(&self, blocks: &[Block], first: BlockIdx) -> Result<(), Error> {
        (first.0..).zip(blocks).try_for_each(|(index, block)| {
            self.transfer(Command::Write, BlockIdx(index), &mut block.clone())
        })
    }

    fn num_blocks(&self) -> Result<BlockCount, Error> {
        let sectors = self.0.borrow().0.disk().sectors();
        Ok(BlockCount(sectors.try_into().unwrap_or(u32::MAX)))
    }
}
