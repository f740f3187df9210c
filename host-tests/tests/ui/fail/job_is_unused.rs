//! A job that is dropped cancels its operation.

#![deny(unused_must_use)]

use fakes::operation::Transfer;
use wouldblock::job::Slot;

static SLOT: Slot<Transfer> = Slot::new();

fn main() {
    SLOT.start(Transfer).unwrap();
}
