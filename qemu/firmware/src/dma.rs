//! The DMA engine, with the tries of its transfers counted.

use core::hint::black_box;

use drivers::dma::{Direction, Dma, End, Transfer, line, on_interrupt};
use wouldblock::{
    attempt::{Attempt, from_fn},
    block::{Idle, block},
    job::Slot,
};

use crate::measure::{count::Counted, record};

/// Room for one transfer in the background.
pub static SLOT: Slot<Counted<Transfer>> = Slot::new();

/// The engine, once; `None` after that, and on a machine that has none. Its interrupt steps
/// [`SLOT`].
pub fn take() -> Option<Dma> {
    let dma = Dma::take()?;
    line()?.set_handler(|line| on_interrupt(&SLOT, line));
    Some(dma)
}

/// The blocking form of a transfer. Returns its tries.
pub fn transfer(dma: &mut Dma, memory: &mut [u8], direction: Direction, idle: impl Idle) -> u64 {
    dma.with_transfer(memory, direction, End::Interrupts, |waiter, transfer| {
        let mut transfer = Counted::new(transfer);
        record::flight_begins(&raw const transfer);
        let Ok(()) = waiter.operation(&mut transfer).block(idle);
        transfer.tries
    })
}

/// The same with no interrupt at all, retried by a bare loop. Returns its tries.
///
/// Each try reads a register of the device, for which QEMU leaves the code that it has translated. So the
/// loop looks away for some hundred instructions between two tries; without that, this one transfer
/// takes the host longer than everything else that a tour does.
pub fn transfer_spinning(dma: &mut Dma, memory: &mut [u8], direction: Direction) -> u64 {
    dma.with_transfer(memory, direction, End::Silent, |_, transfer| {
        let mut transfer = Counted::in_a_loop(transfer);
        record::flight_begins(&raw const transfer);
        record::trying(|| {
            let Ok(()) = block(from_fn(|| {
                pause();
                transfer.attempt()
            }));
            transfer.tries
        });
        record::flight_ends(&raw const transfer);
        transfer.tries
    })
}

/// Some hundred instructions.
fn pause() {
    for count in 0..100 {
        black_box(count);
    }
}
