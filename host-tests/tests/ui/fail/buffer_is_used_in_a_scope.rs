//! An operation in a scope borrows its buffer until the scope ends.

use fakes::operation::Fill;
use wouldblock::job::ScopedSlot;

static SLOT: ScopedSlot = ScopedSlot::new();

fn main() {
    let (mut buffer, mut other) = (vec![0; 4], vec![0; 4]);
    let fill = Fill(&mut buffer);
    let ended = SLOT.scope(fill, wouldblock::block::Spin, |_| buffer[0] = 2);
    assert!(ended.is_ok());
    other.extend(buffer);
}
