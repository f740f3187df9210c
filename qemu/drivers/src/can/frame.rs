//! A frame of CAN 2.0.

// Invariant: `length` is at most 8.

use embedded_can::Id;

/// A frame: an identifier, and up to eight bytes or a request for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    id: Id,
    remote: bool,
    length: u8,
    data: [u8; 8],
}

impl Frame {
    /// As it comes from the bus, where lengths of 9 to 15 mean 8.
    pub(super) fn clamped(id: Id, remote: bool, length: u8, data: [u8; 8]) -> Self {
        Self { id, remote, length: length.min(8), data }
    }
}

impl embedded_can::Frame for Frame {
    fn new(id: impl Into<Id>, data: &[u8]) -> Option<Self> {
        let mut bytes = [0; 8];
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        Some(Self { id: id.into(), remote: false, length: data.len() as u8, data: bytes })
    }

    fn new_remote(id: impl Into<Id>, dlc: usize) -> Option<Self> {
        let length = u8::try_from(dlc).ok().filter(|length| *length <= 8)?;
        Some(Self { id: id.into(), remote: true, length, data: [0; 8] })
    }

    fn is_extended(&self) -> bool {
        matches!(self.id, Id::Extended(_))
    }

    fn is_remote_frame(&self) -> bool {
        self.remote
    }

    fn id(&self) -> Id {
        self.id
    }

    fn dlc(&self) -> usize {
        self.length.into()
    }

    fn data(&self) -> &[u8] {
        if self.remote { &[] } else { &self.data[..self.dlc()] }
    }
}
