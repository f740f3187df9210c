//! A guard is shared only where its value can be.

use wouldblock::sync::MutexGuard;

fn is_shared<T: Sync>() {}

fn main() {
    is_shared::<MutexGuard<'static, u8>>();
}
