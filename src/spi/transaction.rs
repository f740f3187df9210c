//! One transaction, as one try.

use core::{convert::Infallible, fmt, hint::spin_loop, mem, time::Duration};

use embedded_hal::digital::{self, OutputPin};

use super::{Controller, Cursor, Error, Words, cursor::Next};
use crate::{
    attempt::{Attempt, Progress},
    event::Event,
    time::{Clock, Deadline},
};

/// How often a drop looks whether the words that were begun have left, before it resets the controller. A
/// tuning value: far more than a FIFO takes on a slow clock, and a bound if the controller is stuck.
const LOOKS: u32 = 1 << 20;

/// One transaction: some operations with one device, whose chip select is low from the first to the last
/// bit.
///
/// [`Bus::transaction`](super::Bus::transaction) makes it, tied to its event. Its
/// [`progress`](Progress::progress) is the number of words that were sent and have come back.
///
/// After its end every further try returns `WouldBlock`, and nothing is sent again.
///
/// # Cancel safety
/// Dropped before its end, it [aborts](Controller::abort), waits for the words that were begun, and lets the
/// chip select rise: see [the module](super). What was sent is sent, and what was received is in the
/// buffers. One that is forgotten leaves its chip select low.
#[must_use = "an attempt does nothing until it is tried"]
pub struct Transaction<'a, 'b, W: 'static, C: Controller, S: OutputPin, K: Clock> {
    controller: &'a mut C,
    event: &'a Event,
    /// The chip select, and the clock for delays; `None`: the bus by itself.
    device: Option<(&'a mut S, &'a K)>,
    cursor: Cursor<'a, 'b, W>,
    phase: Phase<'a, K>,
    /// Why it ends.
    error: Option<Error<C::Error, S::Error>>,
    armed: bool,
}

enum Phase<'a, K> {
    /// The clock may not be idle yet. Nothing is selected.
    Settling,
    /// In an operation with words.
    Moving,
    /// Of a delay that has not begun, its length in nanoseconds: the last bit may not have left.
    Waiting(u32),
    Delaying(Deadline<&'a K>),
    /// The operations are over, but perhaps not the last bit.
    Flushing,
    Ended,
}

impl<'a, 'b, W: Copy, C: Words<W>, S: OutputPin, K: Clock> Transaction<'a, 'b, W, C, S, K> {
    #[inline]
    pub(super) fn new(
        controller: &'a mut C,
        event: &'a Event,
        device: Option<(&'a mut S, &'a K)>,
        cursor: Cursor<'a, 'b, W>,
    ) -> Self {
        let phase = Phase::Settling;
        Self { controller, event, device, cursor, phase, error: None, armed: false }
    }

    /// The next operation.
    #[inline]
    fn next(&mut self) {
        self.phase = match self.cursor.next() {
            Next::Words => Phase::Moving,
            Next::Delay(ns) => Phase::Waiting(ns),
            Next::End => Phase::Flushing,
        };
    }

    /// Ends the transaction for this reason.
    #[cold]
    fn fail(&mut self, error: C::Error) {
        self.controller.abort();
        self.error = Some(Error::Bus(error));
        self.phase = Phase::Flushing;
    }

    #[inline]
    fn advance(&mut self) -> nb::Result<(), Error<C::Error, S::Error>> {
        loop {
            let step = match &mut self.phase {
                Phase::Moving => self.controller.step(&mut self.cursor),
                Phase::Settling | Phase::Waiting(_) => self.controller.flush(),
                // Without a chip select, words may be left in the FIFO.
                Phase::Flushing if self.device.is_none() && self.error.is_none() => Ok(()),
                Phase::Flushing => self.controller.flush(),
                Phase::Delaying(end) if end.has_passed() => Ok(()),
                Phase::Delaying(_) | Phase::Ended => return Err(nb::Error::WouldBlock),
            };
            match (step, &self.phase) {
                (Err(nb::Error::WouldBlock), _) => return Err(nb::Error::WouldBlock),
                (Ok(()), Phase::Settling) => {
                    // From here on the pin may be low, also if it fails or panics.
                    self.phase = Phase::Flushing;
                    match self.device.as_mut().map_or(Ok(()), |(select, _)| select.set_low()) {
                        Ok(()) => self.next(),
                        Err(error) => self.error = Some(Error::ChipSelect(error)),
                    }
                }
                (Ok(()), &Phase::Waiting(ns)) => match &self.device {
                    Some((_, clock)) => {
                        let length = Duration::from_nanos(ns.into());
                        self.phase = Phase::Delaying(Deadline::after(clock, length));
                    }
                    None => self.next(),
                },
                (Ok(()), Phase::Moving | Phase::Delaying(_)) => self.next(),
                (Err(nb::Error::Other(error)), Phase::Moving | Phase::Waiting(_)) => {
                    self.fail(error);
                }
                (end, _) => {
                    // Nothing is selected while it settles; otherwise the last bit has left.
                    let settling = matches!(self.phase, Phase::Settling);
                    self.phase = Phase::Ended;
                    if let Err(nb::Error::Other(error)) = end {
                        self.error.get_or_insert(Error::Bus(error));
                    }
                    if !settling && let Err(error) = self.release() {
                        self.error.get_or_insert(Error::ChipSelect(error));
                    }
                    return self.error.take().map_or(Ok(()), |error| Err(nb::Error::Other(error)));
                }
            }
        }
    }
}

impl<W, C: Controller, S: OutputPin, K: Clock> Transaction<'_, '_, W, C, S, K> {
    /// Gives the transaction up on a controller that is stuck: [resets](Controller::reset) it, and lets the
    /// chip select rise. As an operation it is `operation.into_inner().reset()`.
    pub fn reset(self) {
        _ = self.timed_out();
    }

    /// The same, for a call whose limit has passed: how it fails.
    pub(crate) fn timed_out(mut self) -> Error<C::Error, S::Error> {
        self.controller.reset();
        self.give_up();
        self.error.take().unwrap_or(Error::TimedOut)
    }

    /// The clock is idle: lets the chip select rise, if this has let it fall.
    fn give_up(&mut self) {
        if !matches!(mem::replace(&mut self.phase, Phase::Ended), Phase::Settling | Phase::Ended) {
            _ = self.release();
        }
    }

    #[inline]
    fn release(&mut self) -> Result<(), S::Error> {
        self.device.as_mut().map_or(Ok(()), |(select, _)| select.set_high())
    }

    /// Whether the controller's interrupt announces the next try. If not, the next one is due at once.
    /// After the end there is none, so the event must not be signalled either.
    #[inline]
    fn is_announced(&self) -> bool {
        matches!(self.phase, Phase::Moving | Phase::Ended)
    }
}

impl<W: Copy, C: Words<W>, S: OutputPin, K: Clock> Attempt for Transaction<'_, '_, W, C, S, K> {
    type Output = ();
    type Error = Error<C::Error, S::Error>;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Self::Error> {
        let was_announced = self.is_announced();
        let end = self.advance();
        // It was armed for a word, and a poll does not arm again after this try.
        if self.armed && was_announced && !self.is_announced() {
            self.event.signal();
        }
        end
    }

    fn arm(&mut self) {
        self.armed = true;
        if self.is_announced() {
            self.controller.arm();
        } else {
            self.event.signal();
        }
    }

    fn disarm(&mut self) {
        self.armed = false;
        self.controller.disarm();
    }
}

impl<W: Copy, C: Controller, S: OutputPin, K: Clock> Progress for Transaction<'_, '_, W, C, S, K> {
    fn progress(&self) -> usize {
        self.cursor.moved()
    }
}

impl<W, C: Controller, S: OutputPin, K: Clock> Drop for Transaction<'_, '_, W, C, S, K> {
    #[inline]
    fn drop(&mut self) {
        if matches!(self.phase, Phase::Settling | Phase::Ended) {
            return;
        }
        self.controller.abort();
        let mut looks = 0;
        while let Err(nb::Error::WouldBlock) = self.controller.flush() {
            looks += 1;
            if looks == LOOKS {
                self.controller.reset();
                break;
            }
            spin_loop();
        }
        self.give_up();
    }
}

impl<W, C: Controller, S: OutputPin, K: Clock> fmt::Debug for Transaction<'_, '_, W, C, S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

/// The chip select and the clock of a bus by itself: there are none.
#[derive(Debug)]
pub(crate) enum Nothing {}

impl digital::ErrorType for Nothing {
    type Error = Infallible;
}

impl OutputPin for Nothing {
    fn set_low(&mut self) -> Result<(), Infallible> {
        match *self {}
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        match *self {}
    }
}

impl Clock for Nothing {
    fn now(&self) -> u64 {
        match *self {}
    }

    fn frequency(&self) -> u64 {
        match *self {}
    }
}
