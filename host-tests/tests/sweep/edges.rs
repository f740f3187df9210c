//! An edge is lost if nothing listens. Here `Flags` latches edges, and every kind of wait waits for
//! them.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    task::{Context, Poll},
    time::Duration,
};

use fakes::waker::counting;
use wouldblock::{
    Attempt,
    event::{AnyOf, Flags},
    nb,
    testing::{Cpu, Report, Sweep, World, boundary},
    time,
};

use crate::{Form, caught, clean, leak};

/// A pin: an edge interrupts if that is enabled, and is lost otherwise.
#[derive(Default)]
struct InputPin {
    enabled: AtomicBool,
    request: AtomicBool,
    lost: AtomicU32,
}

impl InputPin {
    fn enable(&self, on: bool) {
        boundary();
        self.enabled.store(on, Relaxed);
    }

    fn edge(&self) {
        if self.enabled.load(Relaxed) {
            self.request.store(true, Relaxed);
        } else {
            self.lost.fetch_add(1, Relaxed);
        }
    }
}

struct Edges {
    pin: &'static InputPin,
    flags: Flags,
}

impl World for Edges {
    fn event(&self) {
        self.pin.edge();
    }

    fn deliver(&self) -> bool {
        let requested = self.pin.request.swap(false, Relaxed);
        if requested {
            self.flags.raise(1);
        }
        requested
    }
}

fn edges() -> Edges {
    Edges { pin: leak(InputPin::default()), flags: Flags::new() }
}

/// The next edge of the pin, from when this is made until it is dropped. This is what the author of
/// a driver writes.
struct NextEdge<'f> {
    pin: &'static InputPin,
    raised: AnyOf<'f>,
}

impl<'f> NextEdge<'f> {
    fn new(edges: &'f Edges) -> Self {
        let raised = edges.flags.any_of(1);
        edges.pin.enable(true);
        Self { pin: edges.pin, raised }
    }
}

impl Attempt for NextEdge<'_> {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.raised.attempt().map(drop)
    }
}

impl Drop for NextEdge<'_> {
    fn drop(&mut self) {
        self.pin.enable(false);
    }
}

/// Waits for `op` in every way, one after the other, until one of the waits ends.
fn in_all_ways(edges: &Edges, cpu: &Cpu, last: Form, needs: u64, op: impl Attempt<Output = ()>) {
    if edges.pin.lost.load(Relaxed) > 0 {
        return; // The edge came before the attempt listened.
    }
    let mut waiter = edges.flags.waiter().unwrap();
    let mut op = waiter.operation(op);
    if op.attempt().is_ok() {
        return;
    }
    for _ in 0..2 {
        // A wait with a deadline, and some time after it.
        match op.block_for(cpu, cpu.clock(), Duration::from_millis(3)) {
            Ok(()) => return,
            Err(time::Error::TimedOut) => cpu.step(),
            Err(time::Error::Other(_)) => panic!("an edge does not fail"),
        }
    }
    let mut op = op.map(|()| 7);
    cpu.step();
    {
        // One poll, after which the task does something else.
        let (waker, _) = counting();
        if Pin::new(&mut op.by_ref()).poll(&mut Context::from_waker(&waker)).is_ready() {
            return;
        }
    }
    cpu.step();
    let other = edges.flags.any_of(2); // Nothing raises this bit.
    let quiet = wouldblock::event::Event::new();
    let mut quiet = quiet.waiter().unwrap();
    let op = quiet.operation(other).race(op).map(|_| 8);
    if needs > 0 || cpu.events() > 0 {
        assert!(matches!(last.run(cpu, op), Ok(8)));
    }
}

fn sweep(
    name: &str,
    op: impl for<'f> Fn(&'f Edges) -> Box<dyn Attempt<Output = (), Error = Infallible> + 'f>
    + Send
    + Sync
    + Copy
    + 'static,
) -> Vec<Report> {
    let mut reports = Vec::new();
    for last in Form::ALL {
        for needs in [0, 1] {
            let name = format!("{name}, then {last:?}, needs {needs}");
            reports.push(Sweep::new(&name).needs(needs).run(edges, move |edges, cpu| {
                // By reference, so that the attempt lives longer than its operation.
                let mut op = op(edges);
                in_all_ways(edges, cpu, last, needs, &mut *op);
            }));
        }
    }
    reports
}

#[test]
fn no_edge_is_lost_in_any_form() {
    for report in sweep("edge, all ways", |edges| Box::new(NextEdge::new(edges))) {
        clean(&report, 8);
    }
    for report in sweep("edge, mapped", |edges| Box::new(NextEdge::new(edges).map(|()| ()))) {
        clean(&report, 8);
    }
}

/// The twin: `arm` starts to listen and `disarm` stops it, so that an edge between two waits is
/// lost.
struct ArmedEdge<'f>(NextEdge<'f>);

impl Attempt for ArmedEdge<'_> {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.0.attempt()
    }

    fn arm(&mut self) {
        self.0.pin.enable(true);
    }

    fn disarm(&mut self) {
        self.0.pin.enable(false);
    }
}

#[test]
fn twin_an_edge_that_each_wait_arms_again() {
    let reports = sweep("edge armed by efforts", |edges| Box::new(ArmedEdge(NextEdge::new(edges))));
    for report in &reports {
        println!("{report}");
    }
    assert!(reports.iter().any(|report| report.lost() > 0), "the twin was not caught");
}

/// The twin: a wait clears the bits when it begins.
struct Forgetful<'f> {
    edges: &'f Edges,
    begun: bool,
}

impl Attempt for Forgetful<'_> {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if !self.begun {
            self.edges.flags.take(1);
            self.begun = true;
        }
        if self.edges.flags.take(1) == 0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }
}

#[test]
fn twin_bits_that_are_cleared_at_the_first_try() {
    let report = Sweep::new("edge cleared at the first try").run(edges, move |edges, cpu| {
        edges.pin.enable(true);
        cpu.step();
        let mut waiter = edges.flags.waiter().unwrap();
        waiter.operation(Forgetful { edges, begun: false }).block(cpu).unwrap();
    });
    caught(&report, Report::lost);
}

/// A second edge between two waits is not lost if the caller keeps the attempt.
#[test]
fn an_attempt_that_is_kept_counts_between_two_waits() {
    let report = Sweep::new("edge, two waits").needs(2).run(edges, move |edges, cpu| {
        let mut next = NextEdge::new(edges);
        if edges.pin.lost.load(Relaxed) > 0 {
            return;
        }
        let mut waiter = edges.flags.waiter().unwrap();
        waiter.operation(&mut next).block(cpu).unwrap();
        if cpu.events() == 2 {
            return; // Both edges may have come before the first wait ended: they are one bit then.
        }
        cpu.step();
        waiter.operation(&mut next).block(cpu).unwrap();
    });
    clean(&report, 8);
    // The same in a task that drops its operation after every poll.
    let report = Sweep::new("edge, an operation a poll").run(edges, move |edges, cpu| {
        let mut next = NextEdge::new(edges);
        if edges.pin.lost.load(Relaxed) > 0 {
            return;
        }
        let mut waiter = edges.flags.waiter().unwrap();
        cpu.block_on(poll_fn(|context| match waiter.poll(context, &mut next) {
            Poll::Ready(Ok(())) => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }));
    });
    clean(&report, 5);
}
