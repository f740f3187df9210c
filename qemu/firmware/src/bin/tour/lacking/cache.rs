//! No instruction that flushes the cache.

use crate::tour::{Kind::Asynchronous, Tour};

pub fn flush(tour: &Tour) {
    let row = "CLFLUSHOPT of 256 lines (a no-op in QEMU), other work, the fence";
    tour.absent(Asynchronous, row, "an instruction of x86");
}
