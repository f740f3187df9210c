//! Runs of a sweep that end in the middle of the library: in every case no value is dropped twice,
//! and nothing is used after it was freed. `sanitizer` runs these tests under the address
//! sanitizer. Without it they show that the sweep continues and counts.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use wouldblock::{
    attempt::{self, Attempt},
    block::Spin,
    event::Event,
    job::{Background, Inline, ScopedSlot, Slot},
    sync::Channel,
    testing::{Fault, Report, Sweep, World, boundary},
};

/// A value on the heap, so that the sanitizer finds a second drop.
type Value = Box<u32>;

/// An interrupt whose handler a test chooses.
struct Handler<S> {
    shared: S,
    requested: Cell<bool>,
    handler: fn(&S),
}

impl<S> Handler<S> {
    fn new(shared: S, handler: fn(&S)) -> Self {
        Self { shared, requested: Cell::new(false), handler }
    }
}

impl<S: 'static> World for Handler<S> {
    fn event(&self) {
        self.requested.set(true);
    }

    fn deliver(&self) -> bool {
        let requested = self.requested.take();
        if requested {
            (self.handler)(&self.shared);
        }
        requested
    }
}

fn panicked(report: &Report) -> u64 {
    let faults = report.failures().iter().map(|failure| &failure.fault);
    faults.filter(|fault| matches!(fault, Fault::Panicked(_))).count() as u64
}

/// Ends runs at boundaries in every way: the budget is spent at each of the first 120 steps, and a
/// handler panics at each boundary.
fn ended_everywhere<S: 'static>(
    shared: impl Fn() -> S + Send + Sync + Copy + 'static,
    foreground: impl Fn(&S) + Send + Sync + Copy + 'static,
) {
    let (mut stuck, mut whole) = (0, 0);
    for budget in 1..120 {
        let world = move || Handler::new(shared(), |_| ());
        let sweep = Sweep::new("budget").needs(0).budget(budget).limit(1);
        let report = sweep.run(world, move |world, _| foreground(&world.shared));
        stuck += report.stuck();
        whole += report.runs() - report.failures().len() as u64;
        assert_eq!(report.stuck(), report.failures().len() as u64, "{report}");
    }
    assert!(stuck > 10 && whole > 10, "{stuck} stuck, {whole} whole");
    let world = move || Handler::new(shared(), |_| resume_unwind(Box::new("in a handler")));
    let sweep = Sweep::new("a handler that panics").needs(0).limit(200);
    let report = sweep.run(world, move |world, _| foreground(&world.shared));
    println!("{report}");
    assert!(panicked(&report) > 10, "{report}");
    assert_eq!(panicked(&report), report.failures().len() as u64, "{report}");
}

#[test]
fn a_channel() {
    ended_everywhere(Channel::<Value, 4>::new, |channel| {
        let (mut sender, mut receiver) = channel.split().unwrap();
        sender.try_send(Box::new(1)).unwrap();
        sender.try_send(Box::new(2)).unwrap();
        assert_eq!(receiver.try_recv().map(|value| *value), Ok(1));
    });
}

/// An operation whose output is its value.
struct Give(Option<Value>);

impl Attempt for Give {
    type Output = Value;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<Value, ()> {
        boundary();
        self.0.take().ok_or(nb::Error::WouldBlock)
    }
}

impl Background for Give {
    fn begin(&mut self) {
        boundary();
    }

    fn cancel(&mut self) {}
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[test]
fn a_slot() {
    ended_everywhere(
        || leak(Slot::new()),
        |slot| {
            let done = slot.start(Give(Some(Box::new(3)))).unwrap().wait(Spin);
            assert_eq!(done.result.map(|value| *value), Ok(3));
            slot.start(Give(Some(Box::new(4)))).unwrap().detach();
            _ = slot.on_interrupt();
            drop(slot.start(Give(Some(Box::new(5)))).unwrap()); // Drops the 4.
        },
    );
    ended_everywhere(
        || leak(Slot::<Inline<Value, (), 8>>::new()),
        |slot| {
            let give = Inline::new(Give(Some(Box::new(6))));
            assert_eq!(slot.start(give).unwrap().wait(Spin).result.map(|value| *value), Ok(6));
        },
    );
}

/// An operation that writes to borrowed values.
struct Write<'b>(&'b mut [Value]);

impl Attempt for Write<'_> {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        boundary();
        self.0.iter_mut().for_each(|value| **value += 1);
        if *self.0[0] < 3 { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }
}

impl Background for Write<'_> {
    fn begin(&mut self) {
        boundary();
    }

    fn cancel(&mut self) {}
}

/// One slot for all runs: the handler of a later run steps what an earlier run has left.
#[test]
fn a_frame_that_is_left() {
    static SLOT: ScopedSlot = ScopedSlot::new();
    let step: fn(&()) = |()| drop(SLOT.on_interrupt());
    let world = move || Handler::new((), step);
    let foreground = |_: &Handler<()>, _: &wouldblock::testing::Cpu| {
        let mut buffer = [Box::new(0), Box::new(0)];
        _ = SLOT.scope(Write(&mut buffer), Spin, |_| ());
        drop(SLOT.on_interrupt());
    };
    for budget in 1..60 {
        let report = Sweep::new("scope").needs(0).budget(budget).limit(4).run(world, foreground);
        assert_eq!(report.stuck(), report.failures().len() as u64, "{report}");
    }
}

/// A foreground that panics unwinds, as on a host. Its scope waits for the device, which the world
/// ends.
#[test]
fn a_scope_in_a_foreground_that_panics() {
    let step: fn(&&'static ScopedSlot) = |slot| drop(slot.on_interrupt());
    let report = Sweep::new("scope, unwinding").needs(3).limit(20).run(
        move || Handler::new(leak(ScopedSlot::new()), step),
        |world, _| {
            let mut buffer = [Box::new(0)];
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                _ = world.shared.scope(Write(&mut buffer), Spin, |_| {
                    resume_unwind(Box::new("in the foreground"));
                });
            }));
            assert!(unwound.is_err() && *buffer[0] >= 3);
            assert!(world.shared.is_idle());
        },
    );
    println!("{report}");
    report.assert_clean();
    // The scope waits for a device that never ends until the budget is spent.
    let report = Sweep::new("scope, unwinding for ever").limit(1).run(
        || Handler::new(leak(ScopedSlot::new()), |_| ()),
        |world, _| {
            let never = attempt::from_fn(|| Err::<(), nb::Error<()>>(nb::Error::WouldBlock));
            _ = world.shared.scope(Never(never), Spin, |_| panic!("in the foreground"));
        },
    );
    println!("{report}");
    assert_eq!(panicked(&report), report.runs(), "{report}");
}

struct Never<A>(A);

impl<A: Attempt> Attempt for Never<A> {
    type Output = A::Output;
    type Error = A::Error;

    fn attempt(&mut self) -> nb::Result<A::Output, A::Error> {
        self.0.attempt()
    }
}

impl<A: Attempt<Output: Send, Error: Send> + Send> Background for Never<A> {
    fn begin(&mut self) {}
    fn cancel(&mut self) {}
}

/// A run that is given up in a critical section does not stay in the section.
#[test]
fn a_section_that_is_left() {
    let report = Sweep::new("section").needs(0).budget(20).limit(3).run(
        || Handler::new((), |()| ()),
        |_, _| critical_section::with(|_| (0..100).for_each(|_| boundary())),
    );
    assert_eq!(report.stuck(), report.runs(), "{report}");
    critical_section::with(|_| ());
}

/// The values of a run that was given up are neither dropped nor used again.
#[test]
fn nothing_of_a_run_that_is_given_up_is_dropped() {
    static DROPPED: AtomicU32 = AtomicU32::new(0);
    struct Counted;
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, SeqCst);
        }
    }
    let captured = Arc::new(Counted);
    let weak = Arc::downgrade(&captured);
    let report = Sweep::new("asleep for ever").limit(5).run(
        || Handler::new(Event::new(), |_| ()),
        move |world, cpu| {
            let _counted = (Counted, captured.clone());
            let mut waiter = world.shared.waiter().unwrap();
            let never = attempt::from_fn(|| Err::<(), nb::Error<()>>(nb::Error::WouldBlock));
            _ = waiter.operation(never).block(cpu);
        },
    );
    println!("{report}");
    assert_eq!((report.lost(), DROPPED.load(SeqCst)), (report.runs(), 0), "{report}");
    assert!(weak.upgrade().is_some(), "the values that the scenario has captured stay, too");
}

/// The twin: a boundary that unwinds between the read of a value and the note that it was read.
#[test]
#[ignore = "is a fault, for the sanitizer to find"]
fn planted_double_drop() {
    use std::{cell::UnsafeCell, mem::MaybeUninit};

    struct Twin {
        value: UnsafeCell<MaybeUninit<Value>>,
        full: Cell<bool>,
    }
    impl Twin {
        fn pop(&self, boundary: impl Fn()) -> Value {
            // SAFETY: none. If the boundary unwinds, the value is dropped a second time.
            let value = unsafe { (*self.value.get()).assume_init_read() };
            boundary();
            self.full.set(false);
            value
        }
    }
    impl Drop for Twin {
        fn drop(&mut self) {
            if self.full.get() {
                // SAFETY: as above.
                unsafe { self.value.get_mut().assume_init_drop() };
            }
        }
    }
    let twin =
        Twin { value: UnsafeCell::new(MaybeUninit::new(Box::new(7))), full: Cell::new(true) };
    _ = catch_unwind(AssertUnwindSafe(move || {
        twin.pop(|| resume_unwind(Box::new("the budget is spent")));
    }));
}
