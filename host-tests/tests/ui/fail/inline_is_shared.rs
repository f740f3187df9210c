//! What is in an `Inline` need not be `Sync`, so neither is that.

use std::convert::Infallible;

use fakes::operation::Transfer;
use wouldblock::job::Inline;

fn shared<T: Sync>(_: T) {}

fn main() {
    shared(Inline::<(), Infallible, 8>::new(Transfer));
}
