//! The runs: what each promise is checked by.

use std::{format, vec::Vec};

use super::{
    super::{Finding, Found, broken, holds, unchecked},
    bus::{CanBus, Plain, every_kind},
    call::{Caller, Queued, insist, transmit_all},
};

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

pub(super) fn frames_are_as_they_were_given<C: Caller>(mut can: C, bus: &CanBus) -> Found {
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
pub(super) fn those_of_one_identifier<C: Caller>(mut can: C, bus: &CanBus) -> Found {
    let frames: Vec<_> = (0..20).map(|number| Plain::numbered(1, number)).collect();
    for frame in &frames {
        transmit_all(&mut can, frame)?;
    }
    can.run_out();
    compare(&frames, &bus.sent())
}

/// Frames are given up that would block.
pub(super) fn a_try_queues_nothing<C: Caller>(mut can: C, bus: &CanBus) -> Found {
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

pub(super) fn only_a_lower_priority<C: Caller>(mut can: C, bus: &CanBus) -> Found {
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
pub(super) fn what_is_displaced_is_returned<C: Caller>(mut can: C, bus: &CanBus) -> Found {
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
pub(super) fn at_random<C: Caller>(mut can: C, bus: &CanBus, seed: u64) -> Found {
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

/// Receptions that are tried whether there is a frame or not.
pub(super) fn receives<C: Caller>(mut can: C, bus: &CanBus, only_if_there: bool) -> Found {
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
