//! `sync::Mutex`: exclusion, and that what one holder wrote the next one sees.
//!
//! Not that a mutex is free again: loom orders a plain store and another thread's read-modify-write
//! that fails, which both follow the same one, either way, so to it a try that fails may come after the
//! holder's release and leave the mutex held for ever. In C++11's order it cannot: a read-modify-write
//! comes right after what it read. That blocked lockers get their turn is `host-tests`' to show.

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering::*},
    thread,
};
use wouldblock::sync::Mutex;

use crate::run::{TORN, explores, finds, leak};

/// What the models are run over.
trait Subject: Send + Sync + 'static {
    fn new() -> Self;
    /// One try to add 1: the sum, if the mutex was free.
    fn try_add(&self) -> Option<u32>;
}

impl Subject for Mutex<u32> {
    fn new() -> Self {
        Self::new(0)
    }

    fn try_add(&self) -> Option<u32> {
        let mut sum = self.try_lock().ok()?;
        *sum += 1;
        Some(*sum)
    }
}

const SOUND: u8 = 0;
/// Looks, and then takes, in two accesses.
const TWO_STEPS: u8 = 1;
/// Frees without publishing.
const RELAXED: u8 = 2;

struct Twin<const FLAW: u8> {
    locked: AtomicU32,
    value: UnsafeCell<u32>,
}

// SAFETY: that it is, but for its flaw, is what the models show.
unsafe impl<const FLAW: u8> Sync for Twin<FLAW> {}

impl<const FLAW: u8> Subject for Twin<FLAW> {
    fn new() -> Self {
        Self { locked: AtomicU32::new(0), value: UnsafeCell::new(0) }
    }

    fn try_add(&self) -> Option<u32> {
        if FLAW == TWO_STEPS {
            if self.locked.load(Acquire) != 0 {
                return None;
            }
            self.locked.store(1, Relaxed);
        } else if self.locked.swap(1, Acquire) != 0 {
            return None;
        }
        let sum = self.value.with_mut(|value| {
            // SAFETY: but for the flaw, there is one holder.
            let value = unsafe { &mut *value };
            *value += 1;
            *value
        });
        self.locked.store(0, if FLAW == RELAXED { Relaxed } else { Release });
        Some(sum)
    }
}

/// Three threads try, one of them twice: each that held it saw the sum of another number of holders.
fn tries<S: Subject>() {
    let subject = leak(S::new());
    let others = [(); 2].map(|()| thread::spawn(|| subject.try_add()));
    let mut sums = vec![subject.try_add(), subject.try_add()];
    sums.extend(others.map(|other| other.join().unwrap()));
    let mut sums: Vec<u32> = sums.into_iter().flatten().collect();
    sums.sort_unstable();
    let held = u32::try_from(sums.len()).unwrap();
    assert!(held > 0 && sums.iter().copied().eq(1..=held), "{sums:?}");
}

#[test]
fn one_holder_at_a_time_and_it_sees_what_the_last_one_wrote() {
    explores("mutex", Some(3), 500, tries::<Mutex<u32>>);
    explores("mutex, twin", Some(3), 100, tries::<Twin<SOUND>>);
    let in_two_steps = [TORN, &["assertion"]].concat();
    finds("lock in two steps", &in_two_steps, tries::<Twin<TWO_STEPS>>);
    finds("relaxed unlock", TORN, tries::<Twin<RELAXED>>);
}
