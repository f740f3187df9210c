//! An edge, which is gone when the handler returns: latched in flags by the handler.

use core::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use board::{counter::clock, idle::Park};
use firmware::task::block_on;
use wouldblock::{
    block::{Idle, WithAlarm},
    event::{AnyOf, Flags, Waiter},
    sync::Mutex,
    time::Clock,
};

use crate::{
    blocking::Never,
    placement::{Path, events, insist, waits},
};

pub const PATHS: &[Path] = &[
    of_edges("edge", asleep),
    of_edges("edge, awaited", awaited),
    of_edges("edge, in bounded efforts", in_efforts),
    of_edges("edge, after a poll that is given up", given_up),
];

/// A path whose events are edges.
pub const fn of_edges(name: &'static str, run: fn()) -> Path {
    Path::new(name, listen, rise, run)
}

pub static EDGES: Flags = Flags::new();
pub const ANY: u32 = u32::MAX;
/// Made before the path begins, and so before the first edge.
static EDGE: Mutex<Option<AnyOf<'static>>> = Mutex::new(None);

/// No edge so far, and from here on each of them counts.
pub fn listen() {
    *EDGE.try_lock().expect("free between two runs") = Some(EDGES.any_of(ANY));
    EDGES.raise(0);
}

/// Each event has a bit of its own: two of them are two.
fn rise() -> bool {
    EDGES.raise(1 << (events() % 32));
    true
}

/// The waits of a path, each for one edge; several that were taken at once end several waits.
pub fn edges(mut wait: impl FnMut(&mut Waiter<'_>, &mut AnyOf<'_>) -> u32) {
    let mut waiter = EDGES.waiter().expect("one waiter at a time");
    let mut edge = EDGE.try_lock().expect("the path's own").take().expect("made by `listen`");
    let (mut taken, mut left) = (0, 0);
    waits(|| {
        if left == 0 {
            let bits = wait(&mut waiter, &mut edge);
            insist(bits != 0 && bits & taken == 0);
            taken |= bits;
            left = bits.count_ones();
        }
        left -= 1;
    });
}

fn asleep() {
    edges(|waiter, edge| {
        let Ok(bits) = waiter.operation(edge).block(Park);
        bits
    });
}

fn awaited() {
    edges(|waiter, edge| {
        let Ok(bits) = block_on(waiter.operation(edge));
        bits
    });
}

/// A clock that advances by a tick at each look, so that an effort of it is always as long.
struct Looks(Cell<u64>);

impl Clock for Looks {
    fn now(&self) -> u64 {
        self.0.replace(self.0.get() + 1)
    }

    fn frequency(&self) -> u64 {
        1
    }

    fn ticks(&self, _: Duration) -> u64 {
        3
    }
}

/// Tries again at once. Not by [`Spin`](wouldblock::block::Spin): on QEMU a `pause` is not single-stepped.
struct Busy;

impl Idle for Busy {
    #[inline]
    fn idle(&mut self, _: impl Fn() -> bool) {}
}

/// An effort that is over soon.
pub fn short_effort(waiter: &mut Waiter<'_>, edge: &mut AnyOf<'_>) -> Option<u32> {
    let clock = Looks(Cell::new(0));
    let idle = WithAlarm::new(Busy, Never);
    waiter.operation(edge).block_for(idle, clock, Duration::ZERO).ok()
}

/// One that is over soon, and one that is long enough; the edge may come between them.
fn in_efforts() {
    edges(|waiter, edge| short_effort(waiter, edge).unwrap_or_else(|| long_effort(waiter, edge)));
}

/// An effort that is long enough.
pub fn long_effort(waiter: &mut Waiter<'_>, edge: &mut AnyOf<'_>) -> u32 {
    let idle = Park::until(Never);
    let end = waiter.operation(edge).block_for(idle, clock(), Duration::from_secs(1));
    end.unwrap_or(0)
}

fn given_up() {
    edges(|waiter, edge| {
        let given_up = block_on(poll_fn(|context| {
            let mut op = waiter.operation(&mut *edge);
            Poll::Ready(Pin::new(&mut op).poll(context))
        }));
        match given_up {
            Poll::Ready(Ok(bits)) => bits,
            Poll::Pending => {
                let Ok(bits) = block_on(waiter.operation(edge));
                bits
            }
        }
    });
}
