//! A reserved slot accepts one operation: its start uses the reservation up.

use fakes::operation::Transfer;
use wouldblock::job::Slots;

static SLOTS: Slots<Transfer, 3> = Slots::new();

fn main() {
    let (first, second) = (SLOTS.reserve().unwrap(), SLOTS.reserve().unwrap());
    first.start(Transfer).detach();
    first.start(Transfer).detach();
    let _ = second.ticket();
}
