//! A guard is `Sync` only if its value is.

use wouldblock::sync::MutexGuard;

fn is_shared<T: Sync>() {}

fn main() {
    is_shared::<MutexGuard<'static, u8>>();
}
