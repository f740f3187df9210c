//! Paths that wait for an edge. An edge is over when the handler returns, so the handler latches it
//! in flags.

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
/// The attempt of the path, made before the path begins and so before the first edge.
static EDGE: Mutex<Option<AnyOf<'static>>> = Mutex::new(None);

/// Forgets earlier edges; from here on each edge counts.
pub fn listen() {
    *EDGE.try_lock().expect("free between two runs") = Some(EDGES.any_of(ANY));
    EDGES.raise(0);
}

/// The attempt that [`listen`] made.
pub fn take() -> AnyOf<'static> {
    EDGE.try_lock().expect("the path's own").take().expect("made by `listen`")
}

/// Each event raises a bit of its own, so that two edges can be distinguished.
fn rise() -> bool {
    EDGES.raise(1 << (events() % 32));
    true
}

/// Makes the waits of a path, each for one edge. Edges that are taken together end one wait each.
pub fn edges(mut wait: impl FnMut(&mut Waiter<'_>, &mut AnyOf<'_>) -> u32) {
    let mut waiter = EDGES.waiter().expect("one waiter at a time");
    let mut edge = take();
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

/// A clock that advances by one tick at each reading, so that an effort always takes equally many
/// tries.
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

/// Retries at once. [`Spin`](wouldblock::block::Spin) cannot be used: QEMU does not single-step its
/// `pause`.
struct Busy;

impl Idle for Busy {
    #[inline]
    fn idle(&mut self, _: impl Fn() -> bool) {}
}

/// A bounded wait that times out after three tries.
pub fn short_effort(waiter: &mut Waiter<'_>, edge: &mut AnyOf<'_>) -> Option<u32> {
    let clock = Looks(Cell::new(0));
    let idle = WithAlarm::new(Busy, Never);
    waiter.operation(edge).block_for(idle, clock, Duration::ZERO).ok()
}

/// A short effort, then a long one; the edge may come between them.
fn in_efforts() {
    edges(|waiter, edge| short_effort(waiter, edge).unwrap_or_else(|| long_effort(waiter, edge)));
}

/// A bounded wait that is long enough for every event.
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
