//! A mutex gives its value to other contexts, so the value is `Send`.

use std::{rc::Rc, cell::Cell};

use wouldblock::sync::Mutex;

fn is_shared<T: Sync>() {}

fn main() {
    let _ = Rc::new(Cell::new(0));
    is_shared::<Mutex<Cell<u8>>>();
}
