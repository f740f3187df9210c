//! An operation in a slot needs its borrow for ever. Only a scope can borrow for less.

use fakes::operation::Fill;
use wouldblock::job::Slot;

static SLOT: Slot<Fill<'static>> = Slot::new();

fn main() {
    let mut buffer = [0; 4];
    buffer[1] = 1;
    let job = SLOT.start(Fill(&mut buffer)).unwrap();
    job.detach();
    let _ = buffer[0];
}
