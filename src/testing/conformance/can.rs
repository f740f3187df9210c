//! The suites of `embedded_can`.

use std::{
    collections::VecDeque,
    format,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    vec,
    vec::Vec,
};

use embedded_can::{ExtendedId, Frame, Id, StandardId, blocking, nb as nonblocking};

use super::{Every, Finding, Found, Promises, alone, broken, holds, run_out, tick, unchecked};
use crate::nb;

/// The other nodes on the bus, for a fake of a CAN controller: it passes on each frame that it has
/// sent, and takes what arrives.
#[derive(Clone, Debug)]
pub struct CanBus(Arc<Mutex<Nodes>>);

#[derive(Debug, Default)]
struct Nodes {
    sent: Vec<Plain>,
    arriving: VecDeque<Plain>,
}

/// A frame, whatever its type.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plain {
    id: Id,
    /// The bytes, or the length of a request.
    content: Result<Vec<u8>, usize>,
}

impl Plain {
    /// A frame of this identifier with this number.
    fn numbered(id: usize, number: u8) -> Self {
        let id = StandardId::new(0x100 + id as u16).unwrap_or(StandardId::MAX);
        Self { id: id.into(), content: Ok(vec![number]) }
    }

    fn of(frame: &impl Frame) -> Self {
        let request = frame.is_remote_frame();
        let content = if request { Err(frame.dlc()) } else { Ok(frame.data().to_vec()) };
        Self { id: frame.id(), content }
    }

    fn made<F: Frame>(&self) -> Result<F, Finding> {
        let made = match &self.content {
            Ok(data) => F::new(self.id, data),
            Err(length) => F::new_remote(self.id, *length),
        };
        made.map_or_else(|| broken(format!("its type cannot be {self:?}")), Ok)
    }
}

impl CanBus {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The controller has sent this frame.
    pub fn send(&self, frame: &impl Frame) {
        tick();
        self.nodes().sent.push(Plain::of(frame));
    }

    /// Another node has sent a frame, which the controller receives now. At most two frames come that
    /// the implementation has not yet returned, so a fake need not keep more.
    pub fn receive<F: Frame>(&self) -> Option<F> {
        tick();
        let next = self.nodes().arriving.pop_front()?;
        next.made().ok()
    }

    fn arrive(&self, frame: Plain) {
        self.nodes().arriving.push_back(frame);
    }

    fn sent(&self) -> Vec<Plain> {
        self.nodes().sent.clone()
    }
}

/// Numbers that are the same in every run.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }
}

/// Each frame is there once, and those of one identifier in their order.
fn compare(expected: &[Plain], seen: &[Plain]) -> Found {
    let mut ids: Vec<_> = expected.iter().chain(seen).map(|frame| frame.id).collect();
    ids.sort();
    ids.dedup();
    ids.into_iter().try_for_each(|id| {
        let numbers = |frames: &[Plain]| -> Vec<Vec<u8>> {
            let of_id = frames.iter().filter(|frame| frame.id == id);
            of_id.map(|frame| frame.content.clone().unwrap_or_default()).collect()
        };
        let (expected, seen) = (numbers(expected), numbers(seen));
        holds(expected == seen, || format!("of {id:?}: {expected:?} became {seen:?}"))
    })
}

/// Frames of every kind and length.
fn every_kind() -> Vec<Plain> {
    let standard = [0, 0x2aa, 0x7ff].map(|id| StandardId::new(id).map(Id::from));
    let extended = [0, 0x0aaa_5555, 0x1fff_ffff].map(|id| ExtendedId::new(id).map(Id::from));
    let ids = standard.into_iter().chain(extended).flatten();
    ids.enumerate()
        .flat_map(|(at, id)| {
            let data = (0..=8_u8).map(|length| Ok((0..length).map(|n| n ^ 0xa5).collect()));
            let request = [Err(at), Err(8 - at)];
            data.chain(request).map(move |content| Plain { id, content })
        })
        .collect()
}

/// Both traits, as the suites call them.
trait Caller {
    type Frame: Frame;

    /// # Errors
    /// The controller's error. [`Queued::WouldBlock`]: nothing was queued.
    fn transmit(&mut self, frame: &Self::Frame) -> Result<Queued<Self::Frame>, Finding>;

    /// `None`: it would block.
    ///
    /// # Errors
    /// The controller's error.
    fn receive(&mut self) -> Result<Option<Self::Frame>, Finding>;

    fn step(&mut self);

    fn run_out(&mut self);
}

/// What a try to transmit has done.
enum Queued<F> {
    Yes,
    Displaced(F),
    WouldBlock,
}

fn fails<T>(error: impl std::fmt::Debug) -> Result<T, Finding> {
    broken(format!("it fails: {error:?}"))
}

struct Nonblocking<C, S>(C, S);

impl<C: nonblocking::Can, S: FnMut()> Caller for Nonblocking<C, S> {
    type Frame = C::Frame;

    fn transmit(&mut self, frame: &C::Frame) -> Result<Queued<C::Frame>, Finding> {
        match self.0.transmit(frame) {
            Ok(None) => Ok(Queued::Yes),
            Ok(Some(displaced)) => Ok(Queued::Displaced(displaced)),
            Err(nb::Error::WouldBlock) => Ok(Queued::WouldBlock),
            Err(nb::Error::Other(error)) => fails(error),
        }
    }

    fn receive(&mut self) -> Result<Option<C::Frame>, Finding> {
        match self.0.receive() {
            Ok(frame) => Ok(Some(frame)),
            Err(nb::Error::WouldBlock) => Ok(None),
            Err(nb::Error::Other(error)) => fails(error),
        }
    }

    fn step(&mut self) {
        (self.1)();
    }

    fn run_out(&mut self) {
        run_out(&mut self.1);
    }
}

struct Blocking<C, S>(C, S);

impl<C: blocking::Can, S: FnMut()> Caller for Blocking<C, S> {
    type Frame = C::Frame;

    fn transmit(&mut self, frame: &C::Frame) -> Result<Queued<C::Frame>, Finding> {
        self.0.transmit(frame).map_or_else(fails, |()| Ok(Queued::Yes))
    }

    fn receive(&mut self) -> Result<Option<C::Frame>, Finding> {
        self.0.receive().map_or_else(fails, |frame| Ok(Some(frame)))
    }

    fn step(&mut self) {
        (self.1)();
    }

    fn run_out(&mut self) {
        run_out(&mut self.1);
    }
}

/// Transmits, where there is nothing that it could displace.
fn transmit_all<C: Caller>(can: &mut C, frame: &Plain) -> Found {
    let mut displaced = Vec::new();
    insist(can, frame, &mut displaced)?;
    holds(displaced.is_empty(), || format!("{frame:?} has displaced {displaced:?}"))
}

fn frames_are_as_they_were_given<C: Caller>(mut can: C, bus: &CanBus) -> Found {
    for plain in every_kind() {
        let before = bus.sent().len();
        transmit_all(&mut can, &plain)?;
        can.run_out();
        let sent = bus.sent().split_off(before);
        holds(sent == [plain.clone()], || format!("{plain:?} was sent as {sent:?}"))?;
        bus.arrive(plain.clone());
        can.run_out();
        let received = can.receive()?.map(|frame| Plain::of(&frame));
        holds(received.as_ref() == Some(&plain), || format!("{plain:?} became {received:?}"))?;
    }
    Ok(())
}

/// Of one identifier, so that none displaces another one.
fn those_of_one_identifier<C: Caller>(mut can: C, bus: &CanBus) -> Found {
    let frames: Vec<_> = (0..20).map(|number| Plain::numbered(1, number)).collect();
    for frame in &frames {
        transmit_all(&mut can, frame)?;
    }
    can.run_out();
    compare(&frames, &bus.sent())
}

/// Frames are given up that would block.
fn a_try_queues_nothing<C: Caller>(mut can: C, bus: &CanBus) -> Found {
    let (mut queued, mut blocked) = (Vec::new(), 0);
    for number in 0..40 {
        let frame = Plain::numbered(1, number);
        match can.transmit(&frame.made()?)? {
            Queued::Yes => queued.push(frame),
            Queued::Displaced(_) => return broken("it displaces a frame of its own identifier"),
            Queued::WouldBlock => blocked += 1,
        }
        if number % 4 == 3 {
            can.step();
        }
    }
    can.run_out();
    compare(&queued, &bus.sent())?;
    if blocked == 0 { unchecked("it never blocks") } else { Ok(()) }
}

/// Fills the buffers with frames of a low priority, the first of which may begin to be sent. Returns
/// those that they take.
fn fill<C: Caller>(can: &mut C, id: usize, begins: bool) -> Result<Vec<Plain>, Finding> {
    let mut queued = Vec::new();
    for number in 0..100 {
        let frame = Plain::numbered(id, number);
        if !matches!(can.transmit(&frame.made()?)?, Queued::Yes) {
            break;
        }
        queued.push(frame);
        if number == 0 && begins {
            can.step();
        }
    }
    Ok(queued)
}

fn only_a_lower_priority<C: Caller>(mut can: C, bus: &CanBus) -> Found {
    let mut queued = fill(&mut can, 2, true)?;
    for id in [2, 3] {
        let frame = Plain::numbered(id, 99);
        match can.transmit(&frame.made()?)? {
            Queued::Yes => queued.push(frame), // There is still room.
            Queued::WouldBlock => {}
            Queued::Displaced(other) => {
                let other = Plain::of(&other);
                return broken(format!("a frame of priority {id} has displaced {other:?}"));
            }
        }
    }
    can.run_out();
    compare(&queued, &bus.sent())
}

/// A more urgent frame than those in the buffers. (A controller may have to give a frame up before it
/// can say that it is displaced: so there are several tries.)
fn what_is_displaced_is_returned<C: Caller>(mut can: C, bus: &CanBus) -> Found {
    let mut any = false;
    let mut all = Vec::new();
    for begins in [true, false] {
        let mut queued = fill(&mut can, 2, begins)?;
        let urgent = Plain::numbered(1, 99);
        for _ in 0..3 {
            match can.transmit(&urgent.made()?)? {
                Queued::WouldBlock => continue,
                Queued::Yes => {}
                Queued::Displaced(other) => {
                    any = true;
                    let other = Plain::of(&other);
                    let Some(place) = queued.iter().position(|frame| *frame == other) else {
                        return broken(format!("it returns {other:?}, which is not queued"));
                    };
                    queued.remove(place);
                }
            }
            queued.push(urgent);
            break;
        }
        can.run_out();
        all.extend(queued);
        compare(&all, &bus.sent())?;
    }
    if any { Ok(()) } else { unchecked("a more urgent frame displaces none") }
}

/// Frames of four identifiers, some given up. What is displaced is queued again before any other frame
/// of its identifier.
fn at_random<C: Caller>(mut can: C, bus: &CanBus, seed: u64) -> Found {
    let mut random = Xorshift(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut queued: Vec<Plain> = Vec::new();
    let mut again: Vec<Plain> = Vec::new();
    for number in 0..16 {
        let frame = Plain::numbered(random.below(4), number);
        queue_again(&mut can, &mut again, |other| other.id == frame.id)?;
        for _ in 0..=random.below(3) {
            let end = can.transmit(&frame.made()?)?;
            (0..random.below(2)).for_each(|_| can.step());
            match end {
                Queued::WouldBlock => continue,
                Queued::Yes => {}
                Queued::Displaced(other) => again.push(Plain::of(&other)),
            }
            queued.push(frame);
            break;
        }
    }
    queue_again(&mut can, &mut again, |_| true)?;
    can.run_out();
    compare(&queued, &bus.sent())
}

/// Queues these of the displaced frames. Of several of one identifier the last one was displaced first.
fn queue_again<C: Caller>(
    can: &mut C,
    again: &mut Vec<Plain>,
    which: impl Fn(&Plain) -> bool,
) -> Found {
    for _ in 0..1000 {
        let Some(n) = again.iter().rposition(&which) else { return Ok(()) };
        let frame = again.remove(n);
        insist(can, &frame, again)?;
    }
    broken("frames displace each other for ever")
}

/// Transmits, with steps between the tries.
fn insist<C: Caller>(can: &mut C, frame: &Plain, again: &mut Vec<Plain>) -> Found {
    for _ in 0..1000 {
        match can.transmit(&frame.made()?)? {
            Queued::Yes => return Ok(()),
            Queued::Displaced(other) => {
                again.push(Plain::of(&other));
                return Ok(());
            }
            Queued::WouldBlock => can.step(),
        }
    }
    broken("it would block for ever")
}

/// Receptions that are tried whether there is a frame or not.
fn receives<C: Caller>(mut can: C, bus: &CanBus, only_if_there: bool) -> Found {
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let (mut expected, mut received) = (Vec::new(), Vec::new());
    for number in 0..60 {
        let missing = expected.len() - received.len();
        for more in 0..random.below(3 - missing) as u8 {
            let frame = Plain::numbered(random.below(4), 2 * number + more);
            bus.arrive(frame.clone());
            expected.push(frame);
        }
        (0..random.below(4)).for_each(|_| can.step());
        let there = expected.len() > received.len();
        if random.below(2) == 0 && (there || !only_if_there) {
            received.extend(can.receive()?.map(|frame| Plain::of(&frame)));
        }
        if received.len() > expected.len() {
            return broken(format!("{:?} has not come", received.last()));
        }
    }
    can.run_out();
    for _ in received.len()..expected.len() {
        received.extend(can.receive()?.map(|frame| Plain::of(&frame)));
    }
    // Of all identifiers together: the oldest comes first.
    holds(received == expected, || {
        let differs = received.iter().zip(&expected).position(|(one, other)| one != other);
        let at = differs.unwrap_or_else(|| received.len().min(expected.len()));
        let (got, expected) = (received.get(at), expected.get(at));
        format!("frame {at}: {got:?}, and not {expected:?}")
    })
}

const AS_GIVEN: &str = "a frame is sent and received as it was given";
const IN_ORDER: &str = "frames of one identifier are sent once each, in their order";
const PRIORITIES: &str =
    "frames of several priorities are sent once each, in order within their identifier";
const RECEIVED: &str = "every frame is received once, in order";

/// The suites of `embedded_can`. `make` makes the implementation over a fake that passes on to the
/// [`CanBus`], and the step: a frame's time, in which a frame may be sent and one be received.
impl Promises {
    /// `nb::Can`:
    ///
    /// | promise | |
    /// |---|---|
    /// | a frame is sent and received as it was given | the trait: identifier, kind, length, data |
    /// | frames of one identifier are sent once each, in their order | the trait |
    /// | a try that would block queues nothing, also if it is given up | the trait |
    /// | only a frame of lower priority is displaced | the trait |
    /// | a displaced frame is returned, and is not sent | the trait |
    /// | frames of several priorities are sent once each, in order within their identifier | the trait: they may displace each other |
    /// | every frame is received once, in order | the trait |
    ///
    /// For an awaited CAN there is no trait. A wrapper whose tries poll a new future once, and drop
    /// it, checks what it does when it is given up.
    pub fn of_can<C: nonblocking::Can + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(CanBus) -> (C, S) + Send + Sync + 'static,
    ) -> Self {
        let make = caller(make, Nonblocking);
        let mut promises = Self::new(name);
        for (name, check) in [
            (AS_GIVEN, frames_are_as_they_were_given as fn(_, &_) -> _),
            (IN_ORDER, those_of_one_identifier),
            ("a try that would block queues nothing", a_try_queues_nothing),
            ("only a frame of lower priority is displaced", only_a_lower_priority),
            ("a displaced frame is returned, and is not sent", what_is_displaced_is_returned),
        ] {
            promises.of_can_check(name, &make, check);
        }
        promises.record(PRIORITIES, random_runs(&make));
        promises.of_can_check(RECEIVED, &make, |can, bus| receives(can, bus, false));
        promises
    }

    /// `blocking::Can`:
    ///
    /// - a frame is sent and received as it was given
    /// - frames of one identifier are sent once each, in their order
    /// - frames of several priorities are sent once each, in order within their identifier
    /// - every frame is received once, in order
    pub fn of_can_blocking<C: blocking::Can + 'static, S: FnMut() + 'static>(
        name: &str,
        make: impl Fn(CanBus) -> (C, S) + Send + Sync + 'static,
    ) -> Self {
        let make = caller(make, Blocking);
        let mut promises = Self::new(name);
        promises.of_can_check(AS_GIVEN, &make, frames_are_as_they_were_given);
        promises.of_can_check(IN_ORDER, &make, those_of_one_identifier);
        promises.record(PRIORITIES, random_runs(&make));
        promises.of_can_check(RECEIVED, &make, |can, bus| receives(can, bus, true));
        promises
    }

    fn of_can_check<C: Caller>(
        &mut self,
        name: &'static str,
        make: &Arc<impl Fn(CanBus) -> C + Send + Sync + 'static>,
        check: impl FnOnce(C, &CanBus) -> Found + Send + 'static,
    ) {
        let make = make.clone();
        self.check(name, move || {
            let bus = CanBus::new();
            check(make(bus.clone()), &bus)
        });
    }
}

fn caller<C, S, K>(
    make: impl Fn(CanBus) -> (C, S),
    kind: impl Fn(C, S) -> K,
) -> Arc<impl Fn(CanBus) -> K> {
    Arc::new(move |bus| {
        let (can, step) = make(bus);
        kind(can, step)
    })
}

fn random_runs<C: Caller>(make: &Arc<impl Fn(CanBus) -> C + Send + Sync + 'static>) -> Found {
    let mut every = Every::default();
    for seed in 0..200 {
        let make = make.clone();
        let run = alone(move || {
            let bus = CanBus::new();
            at_random(make(bus.clone()), &bus, seed)
        });
        every.keeps(&run.unwrap_or_else(broken), || format!("run {seed}"));
    }
    every.end("")
}
