//! A simulated serial line with a FIFO and an interrupt in each direction. It has its own time,
//! which advances by one step at each try, at each call of an idler, and at each turn of an
//! executor that has nothing to do.
//!
//! A wait for something that can never come panics.

use std::{cell::RefCell, collections::VecDeque, fmt, rc::Rc};

use embedded_io::ErrorKind;
use wouldblock::{
    attempt::Attempt,
    block::Idle,
    event::{Event, Operation, Waiter, wait::Wait},
    io, nb,
};

use super::conformance::Peer;

/// The number of bytes that a FIFO holds.
pub const DEPTH: usize = 4;
/// The number of steps without an event that counts as for ever.
const FOR_EVER: u32 = 1000;

/// A fault on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fault on the line")
    }
}

impl core::error::Error for Fault {}

impl embedded_io::Error for Fault {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidData
    }
}

impl embedded_hal_nb::serial::Error for Fault {
    fn kind(&self) -> embedded_hal_nb::serial::ErrorKind {
        embedded_hal_nb::serial::ErrorKind::FrameFormat
    }
}

#[derive(Default)]
struct State {
    /// Sent by the far end and not arrived yet.
    coming: VecDeque<Result<u8, Fault>>,
    received: VecDeque<Result<u8, Fault>>,
    to_send: VecDeque<u8>,
    /// The byte on its way out: it has not left, although the FIFO may be empty.
    leaving: Option<u8>,
    left: Vec<u8>,
    stopped: bool,
    steps: u32,
    steps_without_news: u32,
}

/// The line.
#[derive(Default)]
pub struct Line {
    state: RefCell<State>,
    received: Event,
    emptied: Event,
    news: Event,
}

impl Line {
    /// A quiet line, which lives for ever.
    pub fn leak() -> &'static Self {
        Box::leak(Box::default())
    }

    /// The two halves of the near end.
    pub fn split(&'static self) -> (Rx, Tx) {
        let waiter = |event: &'static Event| event.waiter().expect("it is split once");
        (
            Rx { line: self, waiter: waiter(&self.received) },
            Tx { line: self, waiter: waiter(&self.emptied) },
        )
    }

    /// The event that both interrupts signal, for code that does not have the waiter of a half.
    pub fn news(&self) -> &Event {
        &self.news
    }

    /// Sends a fault, which arrives after what was sent before.
    pub fn send_fault(&self) {
        self.state.borrow_mut().coming.push_back(Err(Fault));
    }

    /// An idler that sleeps until there is news.
    pub fn sleep(&'static self) -> Sleep {
        Sleep { line: self, slept: Rc::default() }
    }
}

impl Peer for &'static Line {
    fn send(&self, bytes: &[u8]) {
        self.state.borrow_mut().coming.extend(bytes.iter().copied().map(Ok));
    }

    fn left(&self) -> Vec<u8> {
        self.state.borrow().left.clone()
    }

    fn stop(&self, stopped: bool) {
        let state = &mut *self.state.borrow_mut();
        (state.stopped, state.steps_without_news) = (stopped, 0);
    }

    /// A byte arrives at every seventh step, and leaves at every fifth.
    fn step(&self) {
        let mut state = self.state.borrow_mut();
        state.steps += 1;
        let (mut received, mut emptied) = (false, false);
        if !state.stopped && state.steps.is_multiple_of(7) && state.received.len() < DEPTH {
            let arrival = state.coming.pop_front();
            received = arrival.is_some();
            state.received.extend(arrival);
        }
        if !state.stopped && state.steps.is_multiple_of(5) {
            let (left, next) = (state.leaving.take(), state.to_send.pop_front());
            emptied = left.is_some() || next.is_some();
            state.left.extend(left);
            state.leaving = next;
        }
        let news = received || emptied;
        state.steps_without_news = if news { 0 } else { state.steps_without_news + 1 };
        assert!(state.steps_without_news < FOR_EVER, "waits for ever");
        drop(state);
        if received {
            self.received.signal();
        }
        if emptied {
            self.emptied.signal();
        }
        if news {
            self.news.signal();
        }
    }
}

/// See [`Line::sleep`].
#[derive(Clone)]
pub struct Sleep {
    line: &'static Line,
    /// The number of times that it slept.
    pub slept: Rc<RefCell<u32>>,
}

impl Idle for Sleep {
    fn idle(&mut self, news: impl Fn() -> bool) {
        *self.slept.borrow_mut() += u32::from(!news());
        while !news() {
            self.line.step();
        }
    }
}

/// The receiving half.
pub struct Rx {
    line: &'static Line,
    waiter: Waiter<'static>,
}

/// The sending half.
pub struct Tx {
    line: &'static Line,
    waiter: Waiter<'static>,
}

/// An attempt to take bytes: those before a fault, or the fault.
pub struct Take<'a>(&'static Line, &'a mut [u8]);

impl Attempt for Take<'_> {
    type Output = usize;
    type Error = Fault;

    fn attempt(&mut self) -> nb::Result<usize, Fault> {
        self.0.step();
        let received = &mut self.0.state.borrow_mut().received;
        let mut taken = 0;
        while taken < self.1.len() {
            match received.front() {
                Some(&Ok(byte)) => self.1[taken] = byte,
                Some(&Err(fault)) if taken == 0 => {
                    received.pop_front();
                    return Err(nb::Error::Other(fault));
                }
                None if taken == 0 => return Err(nb::Error::WouldBlock),
                _ => break,
            }
            received.pop_front();
            taken += 1;
        }
        Ok(taken)
    }
}

/// An attempt to give bytes.
pub struct Give<'a>(&'static Line, &'a [u8]);

impl Attempt for Give<'_> {
    type Output = usize;
    type Error = Fault;

    fn attempt(&mut self) -> nb::Result<usize, Fault> {
        self.0.step();
        let to_send = &mut self.0.state.borrow_mut().to_send;
        match self.1.len().min(DEPTH - to_send.len()) {
            0 if !self.1.is_empty() => Err(nb::Error::WouldBlock),
            given => {
                to_send.extend(&self.1[..given]);
                Ok(given)
            }
        }
    }
}

/// An attempt that succeeds when all bytes have left.
pub struct Left(&'static Line);

impl Attempt for Left {
    type Output = ();
    type Error = Fault;

    fn attempt(&mut self) -> nb::Result<(), Fault> {
        self.0.step();
        let state = self.0.state.borrow();
        let left = state.to_send.is_empty() && state.leaving.is_none();
        if left { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

impl io::Read for Rx {
    type Error = Fault;

    fn read<'a>(
        &'a mut self,
        buffer: &'a mut [u8],
    ) -> Operation<impl Wait<Output = usize, Error = Fault>> {
        self.waiter.operation(Take(self.line, buffer))
    }

    fn is_readable(&mut self) -> bool {
        !self.line.state.borrow().received.is_empty()
    }
}

impl io::Write for Tx {
    type Error = Fault;

    fn write<'a>(
        &'a mut self,
        bytes: &'a [u8],
    ) -> Operation<impl Wait<Output = usize, Error = Fault>> {
        self.waiter.operation(Give(self.line, bytes))
    }

    fn flush(&mut self) -> Operation<impl Wait<Output = (), Error = Fault>> {
        Left(self.line).polled()
    }

    fn is_writable(&mut self) -> bool {
        self.line.state.borrow().to_send.len() < DEPTH
    }
}
