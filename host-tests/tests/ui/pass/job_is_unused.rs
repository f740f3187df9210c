//! The drop of a job cancels its operation, so an unused job is a mistake.

#![deny(unused_must_use)]

use fakes::operation::Transfer;
use wouldblock::job::Slot;

static SLOT: Slot<Transfer> = Slot::new();

fn main() {
    let _job = SLOT.start(Transfer).unwrap();
}
