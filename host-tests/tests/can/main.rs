//! `can`: no frame is lost, doubled, or reordered within its identifier, also when operations are given up
//! at any place; and the same of the driver for the SJA1000 in `qemu/drivers`, on a strict fake.

#[path = "../../../qemu/drivers/src/can/frame.rs"]
mod frame;
#[path = "../../../qemu/drivers/src/can/registers.rs"]
mod registers;
#[path = "../../../qemu/drivers/src/can/sja1000.rs"]
mod sja1000;

mod adapter;
mod driver;
mod fake;
mod mailboxes;
mod promises;
mod sweep;

use embedded_can::{Frame as _, Id, StandardId};
use frame::Frame;

fn standard(id: u16) -> Id {
    StandardId::new(id).unwrap().into()
}

/// A frame of this identifier with this number.
fn numbered(id: u16, number: u8) -> Frame {
    Frame::new(standard(id), &[number]).unwrap()
}

/// What is wrong with the frames that were sent, of those that were queued: each is sent once, and those of
/// one identifier in their order.
fn compare(queued: &[Frame], sent: &[Frame]) -> Result<(), String> {
    let ids = |frames: &[Frame]| {
        let mut ids: Vec<_> = frames.iter().map(|frame| frame.id()).collect();
        ids.sort();
        ids.dedup();
        ids
    };
    for id in ids(&[queued, sent].concat()) {
        let of_id = |frames: &[Frame]| -> Vec<u8> {
            frames.iter().filter(|frame| frame.id() == id).map(|frame| frame.data()[0]).collect()
        };
        let (queued, sent) = (of_id(queued), of_id(sent));
        if queued != sent {
            return Err(format!("{id:?}: queued {queued:?}, sent {sent:?}"));
        }
    }
    Ok(())
}
