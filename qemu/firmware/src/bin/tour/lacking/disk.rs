//! No disk.

use crate::tour::{Kind::Asynchronous, Tour};

pub const ROW: &str = "32 disk reads in flight at once";

pub fn rows(tour: &Tour) {
    let why = if cfg!(target_arch = "x86_64") {
        "no virtio disk (it is plugged into q35)"
    } else {
        "no virtio disk"
    };
    tour.absent(Asynchronous, ROW, why);
}
