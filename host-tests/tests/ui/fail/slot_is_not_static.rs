//! A job points to its slot, so the slot lives for ever.

use fakes::operation::Transfer;
use wouldblock::job::Slot;

static SLOT: Slot<Transfer> = Slot::new();

fn main() {
    let slot = Slot::new();
    let _ = slot.start(Transfer);
    let _: &Slot<Transfer> = &slot;
}
