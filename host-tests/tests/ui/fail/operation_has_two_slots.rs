//! An operation is in one slot: a start moves it there, and its end gives it back.

use fakes::operation::Transfer;
use wouldblock::job::Slot;

static SLOTS: [Slot<Transfer>; 2] = [const { Slot::new() }; 2];

fn main() {
    let (one, _other) = (Transfer, Transfer);
    SLOTS[0].start(one).unwrap().detach();
    SLOTS[1].start(one).unwrap().detach();
    let _ = SLOTS[1].is_idle();
}
