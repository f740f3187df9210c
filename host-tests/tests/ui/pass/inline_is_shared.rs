//! The operation in an `Inline` need not be `Sync`, so `Inline` is not `Sync`.

use std::convert::Infallible;

use fakes::operation::Transfer;
use wouldblock::job::Inline;

fn shared<T: Send>(_: T) {}

fn main() {
    shared(Inline::<(), Infallible, 8>::new(Transfer));
}
