//! Paths that wait for CAN: for a frame, and for room for one. Both halves of the controller are variables
//! here. The timer's handler is the bus: it brings the next frame, or sends the one that is queued, and
//! signals if the interrupt of that half is enabled.

use core::convert::Infallible;

use board::idle::Park;
use embedded_can::{Id, StandardId, blocking::Can as _};
use firmware::task::block_on;
use portable_atomic::{AtomicU8, AtomicU16, Ordering::Relaxed};
use wouldblock::can::{Can, Receive, Receiver, Transmit, Transmitter};

use crate::{
    placement::{Path, ended, insist, waits},
    soft::{Arming, Interrupt},
};

pub const PATHS: &[Path] = &[
    Path::new("can receive", empty, bring, receive),
    Path::new("can receive, awaited", empty, bring, receive_awaited),
    of_room("can transmit", transmit),
    of_room("can transmit, awaited", transmit_awaited),
    of_room("can transmit, in place of another frame", displace),
    of_room("can transmit, in place of another frame, awaited", displace_awaited),
];

pub const TWINS: &[Path] = &[
    Path::new("can: a frame that is there does not interrupt when armed", empty, bring, edge_only),
    of_room("can: the interrupt is enabled for the first room only", armed_once),
    of_room("can: a frame is displaced that was sent meanwhile", displace_what_is_sent),
];

/// A path that begins without room, and has three frames in all.
const fn of_room(name: &'static str, run: fn()) -> Path {
    Path::new(name, fill, send, run).checked(is_sent)
}

static RECEIVED: Interrupt = Interrupt::new();
/// Frames that came, and those of them that were taken.
static CAME: AtomicU8 = AtomicU8::new(0);
static TAKEN: AtomicU8 = AtomicU8::new(0);

static SENT: Interrupt = Interrupt::new();
/// The one buffer, which holds [`Frame::bits`] or is [`FREE`].
static BUFFER: AtomicU16 = AtomicU16::new(FREE);
const FREE: u16 = 0;
/// Frames that were sent, of each identifier.
static COUNTS: [AtomicU8; 2] = [const { AtomicU8::new(0) }; 2];

/// A frame of one byte, which counts the frames of its identifier.
#[derive(Clone, Copy, PartialEq)]
struct Frame {
    id: u8,
    number: [u8; 1],
}

/// The identifiers.
const URGENT: u8 = 1;
const LAZY: u8 = 2;

impl Frame {
    const fn new(id: u8, number: u8) -> Self {
        Self { id, number: [number] }
    }

    fn bits(self) -> u16 {
        u16::from_le_bytes([self.number[0], self.id])
    }

    fn of_bits(bits: u16) -> Option<Self> {
        let [number, id] = bits.to_le_bytes();
        (bits != FREE).then_some(Self::new(id, number))
    }
}

impl embedded_can::Frame for Frame {
    fn new(_: impl Into<Id>, _: &[u8]) -> Option<Self> {
        None // Nothing here asks for one in this way.
    }

    fn new_remote(_: impl Into<Id>, _: usize) -> Option<Self> {
        None
    }

    fn is_extended(&self) -> bool {
        false
    }

    fn is_remote_frame(&self) -> bool {
        false
    }

    fn id(&self) -> Id {
        StandardId::new(self.id.into()).expect("11 bits").into()
    }

    fn dlc(&self) -> usize {
        self.number.len()
    }

    fn data(&self) -> &[u8] {
        &self.number
    }
}

/// Neither a frame that came nor one that is queued.
fn empty() {
    [&CAME, &TAKEN].into_iter().chain(&COUNTS).for_each(|count| count.store(0, Relaxed));
    BUFFER.store(FREE, Relaxed);
    RECEIVED.empty();
    SENT.empty();
}

/// A frame is queued.
fn fill() {
    empty();
    BUFFER.store(Frame::new(LAZY, 0).bits(), Relaxed);
}

/// A frame comes.
fn bring() -> bool {
    CAME.fetch_add(1, Relaxed);
    RECEIVED.raise();
    RECEIVED.announce_lost();
    true
}

/// The frame is sent that is queued, if one is. Room that is there already is announced again if that was
/// lost.
fn send() -> bool {
    let Some(frame) = Frame::of_bits(BUFFER.swap(FREE, Relaxed)) else {
        return SENT.announce_lost();
    };
    let count = &COUNTS[usize::from(frame.id == LAZY)];
    insist(count.fetch_add(1, Relaxed) == frame.number[0]);
    SENT.raise();
    true
}

/// Each frame was sent once, or is still queued.
fn is_sent() -> bool {
    send();
    COUNTS.iter().map(|count| count.load(Relaxed)).sum::<u8>() == 3
}

#[derive(Default)]
struct Half {
    arming: Arming,
    /// A twin's: it displaces the frame that it has seen, which may have been sent meanwhile.
    late: bool,
}

impl Receive for Half {
    type Frame = Frame;
    type Error = Infallible;

    fn receive(&mut self) -> nb::Result<Frame, Infallible> {
        let taken = TAKEN.load(Relaxed);
        if taken == CAME.load(Relaxed) {
            return Err(nb::Error::WouldBlock);
        }
        TAKEN.store(taken + 1, Relaxed);
        Ok(Frame::new(LAZY, taken))
    }

    fn arm(&mut self) {
        self.arming.arm(&RECEIVED, || TAKEN.load(Relaxed) != CAME.load(Relaxed));
    }

    fn disarm(&mut self) {
        RECEIVED.disable();
    }
}

impl Transmit for Half {
    type Frame = Frame;
    type Error = Infallible;

    fn transmit(&mut self, frame: &Frame) -> nb::Result<Option<Frame>, Infallible> {
        let seen = Frame::of_bits(BUFFER.load(Relaxed));
        if seen.is_some_and(|queued| queued.id <= frame.id) {
            return Err(nb::Error::WouldBlock);
        }
        let displaced = Frame::of_bits(BUFFER.swap(frame.bits(), Relaxed));
        Ok(if self.late { seen } else { displaced })
    }

    fn arm(&mut self) {
        self.arming.arm(&SENT, || BUFFER.load(Relaxed) == FREE);
    }

    fn disarm(&mut self) {
        SENT.disable();
    }
}

fn receiver(half: Half) -> Receiver<'static, Half> {
    Receiver::new(half, RECEIVED.waiter())
}

fn transmitter(half: Half) -> Transmitter<'static, Half> {
    Transmitter::new(half, SENT.waiter())
}

/// Takes two frames, each by `take`.
fn receive_by(
    half: Half,
    mut take: impl FnMut(&mut Receiver<'_, Half>) -> Result<Frame, Infallible>,
) {
    let mut receiver = receiver(half);
    let mut number = 0;
    waits(|| {
        insist(take(&mut receiver) == Ok(Frame::new(LAZY, number)));
        number += 1;
    });
}

fn receive() {
    receive_by(Half::default(), |receiver| receiver.receive().block(Park));
}

/// The operation stays where it is: to move it may take one instruction that is many boundaries.
fn receive_awaited() {
    receive_by(Half::default(), |receiver| block_on(&mut receiver.receive()));
}

/// Queues two frames behind the one that is queued, each by `queue`.
fn transmit_by(
    half: Half,
    mut queue: impl FnMut(&mut Transmitter<'_, Half>, &Frame) -> Result<(), Infallible>,
) {
    let mut transmitter = transmitter(half);
    let mut number = 1;
    waits(|| {
        insist(queue(&mut transmitter, &Frame::new(LAZY, number)).is_ok());
        number += 1;
    });
}

fn transmit() {
    transmit_by(Half::default(), |transmitter, frame| transmitter.transmit(frame).block(Park));
}

fn transmit_awaited() {
    transmit_by(Half::default(), |transmitter, frame| block_on(&mut transmitter.transmit(frame)));
}

/// Queues an urgent frame, and what it has displaced, if anything; then the next frame.
fn displace_by(half: Half) {
    let (transmitter, receiver) = (transmitter(half), receiver(Half::default()));
    let mut can = Can { transmitter, receiver, idle: Park };
    for frame in [Frame::new(URGENT, 0), Frame::new(LAZY, 1)] {
        insist(can.transmit(&frame).is_ok());
        ended();
    }
}

fn displace() {
    displace_by(Half::default());
}

fn displace_awaited() {
    let mut transmitter = transmitter(Half::default());
    for frame in [Frame::new(URGENT, 0), Frame::new(LAZY, 1)] {
        insist(block_on(&mut transmitter.transmit(&frame)).is_ok());
        insist(block_on(&mut transmitter.flush()).is_ok());
        ended();
    }
}

/// Mistake: an interrupt that comes with a frame, and not while one is there.
fn edge_only() {
    receive_by(Half { arming: Arming::edge_only(), ..Half::default() }, |receiver| {
        receiver.receive().block(Park)
    });
}

/// Mistake: it is armed once, although each interrupt disables it.
fn armed_once() {
    let half = Half { arming: Arming::once(), ..Half::default() };
    transmit_by(half, |transmitter, frame| transmitter.transmit(frame).block(Park));
}

/// Mistake: takes back a frame that is no longer there, and so it is sent twice.
fn displace_what_is_sent() {
    displace_by(Half { late: true, ..Half::default() });
}
