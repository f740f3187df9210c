//! The result of a step owes the wake: a handler drops it after the end of interrupt.

#![deny(unused_must_use)]

use fakes::operation::Transfer;
use wouldblock::job::Slot;

static SLOT: Slot<Transfer> = Slot::new();

fn handler() {
    let _driven = SLOT.on_interrupt();
}

fn main() {
    handler();
}
