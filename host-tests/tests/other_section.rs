//! A program that brings a critical section of its own, as one does whose dependencies turn on the
//! feature `std` of `critical-section`: it links, that one is in force, and a sweep refuses to run,
//! since it would not see where handlers are held off.

#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::{
    cell::Cell,
    panic::catch_unwind,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use wouldblock::{
    sync::Mutex,
    testing::{World, sweep},
};

struct Other;

critical_section::set_impl!(Other);

static USES: AtomicU32 = AtomicU32::new(0);

// SAFETY: this program uses critical sections on one thread at a time: it has one test.
unsafe impl critical_section::Impl for Other {
    unsafe fn acquire() -> bool {
        USES.fetch_add(1, Relaxed);
        false
    }

    unsafe fn release(_: bool) {}
}

#[derive(Default)]
struct Line(Cell<bool>);

impl World for Line {
    fn event(&self) {
        self.0.set(true);
    }

    fn deliver(&self) -> bool {
        self.0.take()
    }
}

#[test]
fn a_sweep_refuses_to_run_with_another_critical_section() {
    critical_section::with(|_| ());
    assert_eq!(USES.load(Relaxed), 1, "the program's own is in force");
    let panic = catch_unwind(|| sweep("refused", Line::default, |_, cpu| cpu.step())).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains("turn off the feature `std` of `critical-section`"), "{said}");
    // What needs no sweep works.
    assert_eq!(*Mutex::<_>::new(7).try_lock().unwrap(), 7);
}
