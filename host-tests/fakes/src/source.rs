//! A source of news with nothing behind it: tokens, and one place inside each call of an attempt
//! where a test can let something happen.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use wouldblock::attempt::Attempt;

use crate::log::Log;

/// A place inside an attempt, at which an interrupt may come.
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

/// Tokens to be taken, and what is done to the attempts that take them.
#[derive(Default)]
pub struct Source {
    tokens: AtomicU32,
    hook: Mutex<Option<Hook>>,
    /// "try", "arm" and "disarm", in order.
    pub log: Log,
}

impl Source {
    /// One with no token.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more token.
    pub fn put(&self) {
        self.tokens.fetch_add(1, SeqCst);
    }

    /// Tokens that nobody has taken.
    pub fn tokens(&self) -> u32 {
        self.tokens.load(SeqCst)
    }

    /// Calls `hook` at every [`Place`] from now on; not from within itself.
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
