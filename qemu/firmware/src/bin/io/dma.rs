//! The edu device's DMA engine.

use firmware::{
    count::Counted,
    dma::{Dma, LONGEST, SLOT},
    masked::longest,
};
use board::edu::Direction;
use static_cell::ConstStaticCell;
use wouldblock::x86_64::Park;

use crate::report_window;

pub fn cases() {
    static MEMORY: ConstStaticCell<[u8; LONGEST]> = ConstStaticCell::new([0; LONGEST]);

    let dma = Dma::take().expect("there is an edu device");
    x86_64::instructions::interrupts::enable();
    let transfer = Counted::new(dma.into_transfer(MEMORY.take(), Direction::ToDevice));
    let mut job = None;
    report_window("edu: a transfer started", longest(|| job = SLOT.start(transfer).ok()));
    assert!(job.expect("the slot is idle").wait(Park).result.is_ok());
}
