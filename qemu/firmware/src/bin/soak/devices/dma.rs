//! The DMA engine.

use board::interrupts::Line;
use drivers::dma::{self, Direction, Dma};
use static_cell::ConstStaticCell;
use wouldblock::job::Slot;

use crate::{
    counts::{COUNTS, Count, How},
    endpoint::Endpoint,
    kept::{Home, Kept, Work},
    random::Random,
};

static DMA: Slot<Kept<dma::Transfer>> = Slot::new();

/// The engine.
pub struct Engine(Endpoint<dma::Transfer>);

impl Engine {
    /// The engine, once.
    pub fn take() -> Option<Self> {
        static ENGINE: Home<dma::Transfer> = Home::new();
        static MEMORY: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);

        let engine = Dma::take()?.into_transfer(MEMORY.take(), Direction::ToDevice);
        dma::line()?.set_handler(on_dma);
        Some(Self(Endpoint::new(&DMA, &ENGINE, engine, transfer_again, true)))
    }

    /// Does something at random.
    pub fn act(&mut self, random: &mut Random) {
        self.0.act(random);
    }

    /// Whether no transfer runs.
    pub fn is_drained(&mut self) -> bool {
        self.0.is_drained()
    }
}

fn on_dma(line: Line) {
    dma::quiet();
    let stepped = DMA.on_interrupt();
    COUNTS.handled(&[&stepped]);
    line.acknowledge();
    drop(stepped);
}

fn transfer_again(last: dma::Transfer, random: &mut Random) -> dma::Transfer {
    let direction = if random.below(2) == 0 { Direction::ToDevice } else { Direction::ToMemory };
    let (dma, memory) = last.into_parts().expect("the transfer is not running");
    dma.into_transfer(memory, direction)
}

impl Work for dma::Transfer {
    const DEVICE: &Count = &COUNTS.dma;

    fn how(&self, _: &Result<(), core::convert::Infallible>, _: bool) -> How {
        How::Completed
    }
}
