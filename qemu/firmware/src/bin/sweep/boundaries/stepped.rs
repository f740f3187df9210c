//! Where the processor has single steps: the boundaries that it stops at, compared with those that
//! were hit.
//!
//! A boundary is an address, at which the processor accepts an interrupt. A run in single steps, all
//! events far, shows all of them.

use core::{
    ops::RangeInclusive,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use board::exceptions::{self, Exception, Frame};
use heapless::Vec;
use wouldblock::sync::Mutex;
use x86_64::registers::rflags::{self, RFlags};

use crate::run::{INSIDE, events, hasten};

/// The most boundaries that a path may have.
const MOST: usize = 4096;

struct Boundary {
    address: usize,
    stepped: bool,
    hit: bool,
}

/// The boundaries of the path, sorted by address. The foreground locks them only between two runs.
static BOUNDARIES: Mutex<Vec<Boundary, MOST>> = Mutex::new(Vec::new());
/// Whether the path is run in single steps.
static STEPPING: AtomicBool = AtomicBool::new(false);
/// The number of the boundary at which event 1 comes; 0 means far.
static FIRST: AtomicUsize = AtomicUsize::new(0);
/// The boundaries so far.
static STEPS: AtomicUsize = AtomicUsize::new(0);
/// Whether event 1 could not be delivered when it came. It is then tried again some ticks later,
/// which in single steps is another number of instructions, so the boundaries cannot be compared.
static PUT_OFF: AtomicBool = AtomicBool::new(false);
/// The boundary after the `sti` that enables interrupts: no interrupt is accepted there yet.
static SHADOW: AtomicU64 = AtomicU64::new(0);

/// Makes the debug exception the sweep's.
pub fn install() {
    // SAFETY: `on_step` uses atomics, its frame, and what the foreground uses between two runs
    // only.
    unsafe { exceptions::set_handler(Exception::Debug, on_step) };
}

/// Forgets all boundaries, before another path.
pub fn forget() {
    with_boundaries(Vec::clear);
}

/// Keeps the boundaries, and forgets what happened at them, before another comparison of the same
/// path.
pub fn begin() {
    with_boundaries(|boundaries| {
        for boundary in boundaries {
            (boundary.stepped, boundary.hit) = (false, false);
        }
    });
}

/// `run` runs the path, here in single steps. Records its boundaries: all of them if `first` is 0;
/// otherwise event 1 comes at boundary `first`, and only those between events 1 and 2 are recorded.
pub fn step(first: usize, run: impl FnOnce()) {
    FIRST.store(first, Relaxed);
    STEPS.store(0, Relaxed);
    PUT_OFF.store(false, Relaxed);
    STEPPING.store(true, Relaxed);
    run();
    STEPPING.store(false, Relaxed);
}

/// From here on the processor stops after each instruction, if the path is to be run so.
#[inline]
pub fn enter() {
    set_trap_flag(STEPPING.load(Relaxed));
}

/// Ends [`enter`].
#[inline]
pub fn leave() {
    set_trap_flag(false);
}

/// An event came on the path, at this address; `fired` before it.
pub fn came(address: usize, fired: usize) {
    if STEPPING.load(Relaxed) {
        learn(address, fired..=fired + 1);
    }
}

/// An event, `fired` before it, could not be delivered when it came.
pub fn put_off(fired: usize) {
    PUT_OFF.fetch_or(fired == 0, Relaxed);
}

/// Records that an event was placed at this boundary; 0 means that it did not come on the path.
pub fn hit(address: usize) {
    if address != 0 {
        with_boundaries(|boundaries| at(boundaries, address).hit = true);
    }
}

/// A boundary that was stepped over but not hit, or hit but not stepped over.
pub fn difference() -> Option<usize> {
    if PUT_OFF.load(Relaxed) {
        return None;
    }
    with_boundaries(|boundaries| {
        let differing = boundaries.iter().find(|boundary| boundary.stepped != boundary.hit);
        differing.map(|boundary| boundary.address)
    })
}

/// The number of boundaries.
pub fn count() -> Option<usize> {
    Some(with_boundaries(|boundaries| boundaries.len()))
}

/// Called by the processor after each instruction, in single steps.
fn on_step(frame: &mut Frame) -> bool {
    const STI: u8 = 0xfb;
    let enabled = frame.rflags() & RFlags::INTERRUPT_FLAG.bits() != 0;
    let turns_on = !enabled && frame.instruction().first() == Some(&STI);
    let shadow = SHADOW.swap(if turns_on { frame.rip() + 1 } else { 0 }, Relaxed);
    if enabled && frame.rip() != shadow && INSIDE.load(Relaxed) {
        learn(frame.rip() as usize, events()..=events());
        if STEPS.fetch_add(1, Relaxed) + 1 == FIRST.load(Relaxed) && events() == 0 {
            hasten();
        }
    }
    true
}

/// Records a boundary of the path that was reached after this many events.
fn learn(address: usize, events: RangeInclusive<usize>) {
    if FIRST.load(Relaxed) == 0 || events.contains(&1) {
        with_boundaries(|boundaries| at(boundaries, address).stepped = true);
    }
}

fn with_boundaries<T>(f: impl FnOnce(&mut Vec<Boundary, MOST>) -> T) -> T {
    f(&mut BOUNDARIES.try_lock().expect("the foreground locks it only between two runs"))
}

fn at(boundaries: &mut Vec<Boundary, MOST>, address: usize) -> &mut Boundary {
    let place = match boundaries.binary_search_by_key(&address, |boundary| boundary.address) {
        Ok(place) => place,
        Err(place) => {
            let new = Boundary { address, stepped: false, hit: false };
            assert!(boundaries.insert(place, new).is_ok(), "a path of more than {MOST} boundaries");
            place
        }
    };
    &mut boundaries[place]
}

#[inline]
fn set_trap_flag(on: bool) {
    let flags = rflags::read();
    // SAFETY: the flag makes the processor call `on_step` after each instruction, nothing else.
    unsafe {
        rflags::write(if on { flags | RFlags::TRAP_FLAG } else { flags - RFlags::TRAP_FLAG })
    };
}
