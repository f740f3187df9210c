//! A vacancy has one tenant: its slot is given up to the operation that is started there.

use fakes::operation::Transfer;
use wouldblock::job::Slots;

static SLOTS: Slots<Transfer, 3> = Slots::new();

fn main() {
    let (first, second) = (SLOTS.reserve().unwrap(), SLOTS.reserve().unwrap());
    first.start(Transfer).detach();
    SLOTS.reserve().unwrap().start(Transfer).detach();
    let _ = second.ticket();
}
