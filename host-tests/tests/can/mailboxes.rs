//! A controller with several transmit buffers, and the same with one fault each.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use embedded_can::{ErrorKind, Frame as _};
use wouldblock::{
    can::{Receive, Transmit},
    nb,
};

use crate::frame::Frame;

/// How a controller, or its driver, breaks a promise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Flaw {
    #[default]
    None,
    /// Of several pending frames of one identifier, it displaces the first.
    DisplacesTheFirst,
    /// It displaces a frame of the same priority.
    DisplacesTheSame,
    /// Of several pending frames of one identifier, it sends the last first.
    SendsTheLastFirst,
    /// It displaces the frame that is being sent.
    DisplacesOnTheWire,
    /// It does not give a displaced frame back.
    LosesTheDisplaced,
    /// It queues the frame and says that it would block.
    QueuesAndBlocks,
    /// It takes a received frame and says that it would block.
    TakesAndBlocks,
    /// It leaves a received frame where it is.
    LeavesTheReceived,
}

#[derive(Debug, Default)]
struct State {
    flaw: Flaw,
    pending: Vec<Frame>,
    on_the_wire: Option<Frame>,
    sent: Vec<Frame>,
    received: VecDeque<Frame>,
    broken: bool,
}

/// Three transmit buffers, one of which holds the frame that is being sent.
#[derive(Clone, Debug)]
pub struct Mailboxes(Rc<RefCell<State>>);

impl Mailboxes {
    pub fn new(flaw: Flaw) -> Self {
        Self(Rc::new(RefCell::new(State { flaw, ..State::default() })))
    }

    /// A frame's time.
    pub fn tick(&self) {
        let mut state = self.0.borrow_mut();
        let frame = state.on_the_wire.take();
        state.sent.extend(frame);
        let place = |n| if state.flaw == Flaw::SendsTheLastFirst { usize::MAX - n } else { n };
        let next = (0..state.pending.len()).min_by_key(|&n| (state.pending[n].id(), place(n)));
        state.on_the_wire = next.map(|next| state.pending.remove(next));
    }

    pub fn sent(&self) -> Vec<Frame> {
        self.0.borrow().sent.clone()
    }

    pub fn receive(&self, frame: Frame) {
        self.0.borrow_mut().received.push_back(frame);
    }

    /// From now on, every try to transmit fails, or no longer.
    pub fn break_down(&self, broken: bool) {
        self.0.borrow_mut().broken = broken;
    }
}

impl Transmit for Mailboxes {
    type Frame = Frame;
    type Error = ErrorKind;

    fn transmit(&mut self, frame: &Frame) -> nb::Result<Option<Frame>, ErrorKind> {
        let state = &mut *self.0.borrow_mut();
        if state.broken {
            return Err(nb::Error::Other(ErrorKind::Bit));
        }
        if state.pending.len() + usize::from(state.on_the_wire.is_some()) < 3 {
            state.pending.push(*frame);
            return Ok(None);
        }
        if state.flaw == Flaw::DisplacesOnTheWire
            && let Some(displaced) = state.on_the_wire.filter(|wire| wire.id() > frame.id())
        {
            state.sent.push(displaced); // It cannot be stopped.
            state.on_the_wire = Some(*frame);
            return Ok(Some(displaced));
        }
        let lowest = state.pending.iter().map(|frame| frame.id()).max().unwrap();
        let same = state.flaw == Flaw::DisplacesTheSame && lowest == frame.id();
        if lowest <= frame.id() && !same {
            if state.flaw == Flaw::QueuesAndBlocks {
                state.pending.push(*frame);
            }
            return Err(nb::Error::WouldBlock);
        }
        let is_lowest = |pending: &Frame| pending.id() == lowest;
        let place = if state.flaw == Flaw::DisplacesTheFirst {
            state.pending.iter().position(is_lowest)
        } else {
            state.pending.iter().rposition(is_lowest)
        };
        let displaced = state.pending.remove(place.unwrap());
        state.pending.push(*frame);
        Ok(Some(displaced).filter(|_| state.flaw != Flaw::LosesTheDisplaced))
    }
}

impl Receive for Mailboxes {
    type Frame = Frame;
    type Error = ErrorKind;

    fn receive(&mut self) -> nb::Result<Frame, ErrorKind> {
        let state = &mut *self.0.borrow_mut();
        match state.flaw {
            Flaw::TakesAndBlocks => {
                let frame = state.received.pop_front();
                frame.filter(|frame| frame.data()[0] % 4 != 0).ok_or(nb::Error::WouldBlock)
            }
            Flaw::LeavesTheReceived => state.received.front().copied().ok_or(nb::Error::WouldBlock),
            _ => state.received.pop_front().ok_or(nb::Error::WouldBlock),
        }
    }
}
