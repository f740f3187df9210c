//! The other nodes on the bus, which a fake of a controller passes on to.

use std::{
    collections::VecDeque,
    format,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    vec,
    vec::Vec,
};

use embedded_can::{ExtendedId, Frame, Id, StandardId};

use super::super::{Finding, broken, tick};

/// The other nodes on the bus, for a fake of a CAN controller: it passes on each frame that it has
/// sent, and takes what arrives.
#[derive(Clone, Debug)]
pub struct CanBus(Arc<Mutex<Nodes>>);

#[derive(Debug, Default)]
struct Nodes {
    sent: Vec<Plain>,
    arriving: VecDeque<Plain>,
}

/// A frame, whatever its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plain {
    pub id: Id,
    /// The bytes, or the length of a request.
    pub content: Result<Vec<u8>, usize>,
}

impl Plain {
    /// A frame of this identifier with this number.
    pub(super) fn numbered(id: usize, number: u8) -> Self {
        let id = StandardId::new(0x100 + id as u16).unwrap_or(StandardId::MAX);
        Self { id: id.into(), content: Ok(vec![number]) }
    }

    pub(super) fn of(frame: &impl Frame) -> Self {
        let request = frame.is_remote_frame();
        let content = if request { Err(frame.dlc()) } else { Ok(frame.data().to_vec()) };
        Self { id: frame.id(), content }
    }

    pub(super) fn made<F: Frame>(&self) -> Result<F, Finding> {
        let made = match &self.content {
            Ok(data) => F::new(self.id, data),
            Err(length) => F::new_remote(self.id, *length),
        };
        made.map_or_else(|| broken(format!("its type cannot be {self:?}")), Ok)
    }
}

impl CanBus {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The controller has sent this frame.
    pub fn send(&self, frame: &impl Frame) {
        tick();
        self.nodes().sent.push(Plain::of(frame));
    }

    /// Another node has sent a frame, which the controller receives now. At most two frames come that
    /// the implementation has not yet returned, so a fake need not keep more.
    pub fn receive<F: Frame>(&self) -> Option<F> {
        tick();
        let next = self.nodes().arriving.pop_front()?;
        next.made().ok()
    }

    pub(super) fn arrive(&self, frame: Plain) {
        self.nodes().arriving.push_back(frame);
    }

    pub(super) fn sent(&self) -> Vec<Plain> {
        self.nodes().sent.clone()
    }
}

/// Frames of every kind and length.
pub(super) fn every_kind() -> Vec<Plain> {
    let standard = [0, 0x2aa, 0x7ff].map(|id| StandardId::new(id).map(Id::from));
    let extended = [0, 0x0aaa_5555, 0x1fff_ffff].map(|id| ExtendedId::new(id).map(Id::from));
    let ids = standard.into_iter().chain(extended).flatten();
    ids.enumerate()
        .flat_map(|(at, id)| {
            let data = (0..=8_u8).map(|length| Ok((0..length).map(|n| n ^ 0xa5).collect()));
            let request = [Err(at), Err(8 - at)];
            data.chain(request).map(move |content| Plain { id, content })
        })
        .collect()
}
