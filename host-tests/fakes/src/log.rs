//! What happened, in which order: tests compare the whole sequence, not only its end.

use std::sync::{Arc, Mutex, PoisonError};

/// A sequence of names that any number of parties add to.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// `what` has happened.
    pub fn add(&self, what: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// What has happened since this was last asked.
    pub fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
