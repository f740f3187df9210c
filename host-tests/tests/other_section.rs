//! A program that brings a critical section of its own, as one does whose dependencies turn on the
//! feature `std` of `critical-section`: it links, that one is in force, and a sweep holds handlers
//! off inside of it, but has no boundary at its ends, and says so.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::{
    cell::Cell,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use wouldblock::{
    attempt,
    event::Event,
    nb,
    testing::{Report, Sweep, World, boundary},
};

/// A lock that its thread may take again. As that of `critical-section`, it keeps in the state that it
/// returns whether it was taken before.
struct Other;

critical_section::set_impl!(Other);

static TAKEN: Mutex<bool> = Mutex::new(false);
static FREE: Condvar = Condvar::new();
static USES: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static MINE: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: a thread holds the section while it has set `TAKEN`, which only it then clears.
unsafe impl critical_section::Impl for Other {
    unsafe fn acquire() -> bool {
        USES.fetch_add(1, Relaxed);
        if MINE.replace(true) {
            return true;
        }
        let lock = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        *FREE.wait_while(lock, |taken| *taken).unwrap_or_else(PoisonError::into_inner) = true;
        false
    }

    unsafe fn release(nested: bool) {
        if !nested {
            *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) = false;
            MINE.set(false);
            FREE.notify_all();
        }
    }
}

/// A handler that counts, and signals.
#[derive(Default)]
struct Counter {
    requested: Cell<bool>,
    handled: Cell<u32>,
    signalled: Event,
}

impl Counter {
    fn look(&self) -> nb::Result<(), ()> {
        if self.handled.get() != 0 { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

impl World for Counter {
    fn event(&self) {
        self.requested.set(true);
    }

    fn deliver(&self) -> bool {
        let requested = self.requested.take();
        if requested {
            self.handled.set(self.handled.get() + 1);
            self.signalled.signal();
        }
        requested
    }
}

fn clean(report: &Report) {
    report.assert_clean();
    let said = report.to_string();
    assert!(said.contains("no boundary at the critical sections of other crates"), "{said}");
}

#[test]
fn handlers_are_held_off_in_it() {
    let report = Sweep::new("other section").run(Counter::default, |world, cpu| {
        let before = USES.load(Relaxed);
        critical_section::with(|_| {
            let before = world.handled.get();
            boundary();
            critical_section::with(|_| boundary());
            boundary();
            assert_eq!(world.handled.get(), before, "a handler ran in a critical section");
        });
        assert!(USES.load(Relaxed) > before, "it is not the one in force");
        let mut waiter = world.signalled.waiter().unwrap();
        assert_eq!(waiter.operation(attempt::from_fn(|| world.look())).block(cpu), Ok(()));
    });
    clean(&report);
}

#[test]
fn a_run_that_is_given_up_in_it_leaves_it() {
    let report = Sweep::new("given up").budget(50).limit(3).run(Counter::default, |_, cpu| {
        critical_section::with(|_| {
            while cpu.events() != 0 {
                boundary();
            }
        });
        cpu.step();
    });
    assert!(report.stuck() == 0, "{report}");
    let report = Sweep::new("given up").budget(50).limit(3).run(Counter::default, |_, _| {
        critical_section::with(|_| (0..100).for_each(|_| boundary()));
    });
    assert_eq!(report.stuck(), report.runs(), "{report}");
    critical_section::with(|_| ());
}
