//! The job of a scope stays in the scope.

use fakes::operation::Transfer;
use wouldblock::job::ScopedSlot;

static SLOT: ScopedSlot = ScopedSlot::new();

fn main() {
    let mut kept = None;
    let ended = SLOT.scope(Transfer, wouldblock::block::Spin, |job| {
        kept = Some(job.attempt());
    });
    assert!(ended.is_ok() && kept.is_some());
}
