//! The edu device's DMA engine.

use board::{edu::Direction, idle::Park};
use drivers::dma::LONGEST;
use firmware::{
    dma::{self, SLOT},
    measure::{count::Counted, masked::longest},
};
use static_cell::ConstStaticCell;

use crate::report_window;

pub fn cases() {
    static MEMORY: ConstStaticCell<[u8; LONGEST]> = ConstStaticCell::new([0; LONGEST]);

    let dma = dma::take().expect("there is an edu device");
    board::interrupts::enable();
    let transfer = Counted::new(dma.into_transfer(MEMORY.take(), Direction::ToDevice));
    let mut job = None;
    report_window("edu: a transfer started", longest(|| job = SLOT.start(transfer).ok()));
    assert!(job.expect("the slot is idle").wait(Park).result.is_ok());
}
