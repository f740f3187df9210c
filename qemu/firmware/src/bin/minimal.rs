//! The smallest use of the library: one blocking operation. The bench shows by this binary's
//! symbols that nothing else of the library is linked.

#![no_std]
#![no_main]

use core::convert::Infallible;

use board::{
    Board,
    alarm::{is_running, one_shot},
    exit,
};
use wouldblock::{attempt::from_fn, block::block};

board::entry!(main);

fn main(_: &'static Board) -> ! {
    one_shot(1_000);
    let over = || {
        if is_running() { Err(nb::Error::WouldBlock) } else { Ok::<_, nb::Error<Infallible>>(()) }
    };
    let Ok(()) = block(from_fn(over));
    exit::success()
}
