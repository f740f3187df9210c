//! A source of tokens without a device. A test can run code at a place inside each call of an
//! attempt.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use wouldblock::attempt::Attempt;

use crate::log::Log;

/// A place inside an attempt where an interrupt may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a try, before it looks.
    BeforeLook,
    /// In a try, after it has looked.
    AfterLook,
    /// In `arm`.
    Arm,
    /// In `disarm`.
    Disarm,
}

type Hook = Box<dyn FnMut(Place) + Send>;

/// Tokens, and a log of the calls of the attempts that take them.
#[derive(Default)]
pub struct Source {
    tokens: AtomicU32,
    hook: Mutex<Option<Hook>>,
    /// "try", "arm" and "disarm", in order.
    pub log: Log,
}

impl Source {
    /// A source with no token.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a token.
    pub fn put(&self) {
        self.tokens.fetch_add(1, SeqCst);
    }

    /// The number of tokens that were not taken.
    pub fn tokens(&self) -> u32 {
        self.tokens.load(SeqCst)
    }

    /// Calls `hook` at every [`Place`] from now on, but not while `hook` runs.
    pub fn at_each_place(&self, hook: impl FnMut(Place) + Send + 'static) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }

    /// An attempt to take one token. Fails with the number of tokens if there are 100 or more.
    pub fn take(&self) -> Take<'_> {
        Take(self)
    }

    fn at(&self, place: Place) {
        if let Ok(mut hook) = self.hook.try_lock()
            && let Some(hook) = &mut *hook
        {
            hook(place);
        }
    }
}

/// See [`Source::take`].
pub struct Take<'s>(&'s Source);

impl Attempt for Take<'_> {
    type Output = ();
    type Error = u32;

    fn attempt(&mut self) -> wouldblock::nb::Result<(), u32> {
        self.0.log.add("try");
        self.0.at(Place::BeforeLook);
        let looked = match self.0.tokens() {
            0 => Err(wouldblock::nb::Error::WouldBlock),
            tokens if tokens >= 100 => Err(wouldblock::nb::Error::Other(tokens)),
            tokens => {
                self.0.tokens.store(tokens - 1, SeqCst);
                Ok(())
            }
        };
        self.0.at(Place::AfterLook);
        looked
    }

    fn arm(&mut self) {
        self.0.log.add("arm");
        self.0.at(Place::Arm);
    }

    fn disarm(&mut self) {
        self.0.log.add("disarm");
        self.0.at(Place::Disarm);
    }
}
