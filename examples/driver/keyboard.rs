use wouldblock::event::{Event, Operation, OwedWake, Waiter, wait::Wait};
use wouldblock::{attempt, nb};

use super::ports::{BROKEN, OUTPUT_FULL, Ports};

/// A byte came broken on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// The keyboard, in a `static`.
pub struct Keyboard<P> {
    pub ports: P,
    received: Event,
}

impl<P: Ports> Keyboard<P> {
    pub const fn new(ports: P) -> Self {
        Self { ports, received: Event::new() }
    }

    /// One try: all of the register logic. A byte that is not there yet costs one look at the
    /// status; one that is there is taken by the try that returns it, and by no other.
    pub fn try_code(&self) -> nb::Result<u8, Broken> {
        let status = self.ports.status();
        if status & OUTPUT_FULL == 0 {
            return Err(nb::Error::WouldBlock);
        }
        let code = self.ports.take_data();
        if status & BROKEN == 0 { Ok(code) } else { Err(nb::Error::Other(Broken)) }
    }

    /// The one reader, or `None` while it is handed out.
    pub fn keys(&self) -> Option<Keys<'_, P>> {
        Some(Keys { waiter: self.received.waiter()?, keyboard: self })
    }

    /// For the handler: dropping what this returns wakes the reader.
    pub fn on_interrupt(&self) -> OwedWake<'_> {
        OwedWake::new(&self.received)
    }
}

/// The end that reads.
pub struct Keys<'k, P> {
    pub keyboard: &'k Keyboard<P>,
    waiter: Waiter<'k>,
}

impl<P: Ports> Keys<'_, P> {
    /// One scan code, in every form.
    ///
    /// # Cancel safety
    /// Readiness: nothing is taken until the try that succeeds.
    pub fn code(&mut self) -> Operation<impl Wait<Output = u8, Error = Broken>> {
        self.waiter.operation(attempt::from_fn(|| self.keyboard.try_code()))
    }
}
