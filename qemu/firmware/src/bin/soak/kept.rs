//! An operation that returns to its [`Home`] however it ends: collected, passed to a callback, or
//! dropped by the slot because its job was given up. Its end is counted where it happens: in the
//! try.

use core::{cell::Cell, convert::Infallible};

use critical_section::Mutex;
use wouldblock::{attempt::Attempt, job::Background};

use crate::counts::{COUNTS, Count, How};

/// An operation of one of the devices.
pub trait Work: Background {
    /// The count of its device, to which its ends are added as well.
    const DEVICE: &'static Count;

    /// How it ended with this result; `cancelled` says whether it was cancelled before.
    fn how(&self, result: &Result<Self::Output, Self::Error>, cancelled: bool) -> How;
}

/// The place of an operation while it does not run.
pub struct Home<A>(Mutex<Cell<Option<A>>>);

impl<A> Home<A> {
    /// An empty place.
    pub const fn new() -> Self {
        Self(Mutex::new(Cell::new(None)))
    }

    /// Takes the operation, if it is there.
    pub fn take(&self) -> Option<A> {
        critical_section::with(|section| self.0.borrow(section).take())
    }

    /// Puts the operation back.
    ///
    /// # Panics
    /// If there is an operation already.
    pub fn put(&self, op: A) {
        let before = critical_section::with(|section| self.0.borrow(section).replace(Some(op)));
        assert!(before.is_none(), "one operation has become two");
    }
}

/// An operation that returns to its home.
pub struct Kept<A: Work + 'static> {
    /// `None`: an empty operation, which ends at its first try.
    op: Option<A>,
    home: &'static Home<A>,
    cancelled: bool,
}

impl<A: Work> Kept<A> {
    /// An operation that was taken from its home, to be started.
    pub fn new(op: A, home: &'static Home<A>) -> Self {
        COUNTS.lent.add();
        COUNTS.started.add();
        Self { op: Some(op), home, cancelled: false }
    }

    /// An empty operation. Starting it makes the slot drop an operation whose end was given up.
    pub const fn nothing(home: &'static Home<A>) -> Self {
        Self { op: None, home, cancelled: false }
    }

    /// Puts the operation back into its home, but counts it as lost.
    #[cfg(not(device = "disk"))]
    pub fn lose(&mut self) {
        if let Some(op) = self.op.take() {
            self.home.put(op);
        }
    }

    /// Puts the operation back into its home.
    pub fn put_home(&mut self) {
        if let Some(op) = self.op.take() {
            COUNTS.returned.add();
            self.home.put(op);
        }
    }
}

impl<A: Work> Drop for Kept<A> {
    fn drop(&mut self) {
        if self.op.is_some() {
            COUNTS.given_up.add();
            self.put_home();
        }
    }
}

impl<A: Work> Attempt for Kept<A> {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        let Some(op) = &mut self.op else { return Ok(()) };
        let result = match op.attempt() {
            Err(nb::Error::WouldBlock) => return Err(nb::Error::WouldBlock),
            Err(nb::Error::Other(error)) => Err(error),
            Ok(output) => Ok(output),
        };
        COUNTS.end(op.how(&result, self.cancelled));
        A::DEVICE.add();
        Ok(())
    }

    fn arm(&mut self) {
        if let Some(op) = &mut self.op {
            op.arm();
        }
    }

    fn disarm(&mut self) {
        if let Some(op) = &mut self.op {
            op.disarm();
        }
    }
}

impl<A: Work> Background for Kept<A> {
    fn begin(&mut self) {
        if let Some(op) = &mut self.op {
            op.begin();
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        if let Some(op) = &mut self.op {
            op.cancel();
        }
    }
}
