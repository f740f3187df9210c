//! No disk: there is nothing in the queue, and the mistakes are made with the timer's ends.

use crate::{counts::Flaw, endpoint, random::Random};

/// Nothing.
pub struct Queue;

impl Queue {
    /// Remembers the mistake.
    pub fn take(flaw: Flaw) -> Option<Self> {
        endpoint::make(flaw);
        Some(Self)
    }

    pub const fn act(&mut self, _: &mut Random) {}

    pub const fn drain(&mut self) {}
}
