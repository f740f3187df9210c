//! Placing events: a one-shot timer interrupts before a chosen instruction, and its handler is the
//! event that the path waits for.
//!
//! A path is two waits in a row. Event 1 ends the first wait, event 2 the second, and nothing waits
//! for event 3. One event is placed at a time. The others are *far*: they come when the path has
//! long been asleep. So each event has its stretch of the path:
//!
//! ```text
//!   begin ── wait 1 ── asleep ── wait 1 ends, wait 2 begins ── asleep ── wait 2 ends ── end
//!   ├─── event 1 placed ───┤├────────── event 2 placed ──────────┤├── event 3 placed ──┤
//! ```
//!
//! # How a loss is found
//! A far event is also the watchdog of the event before it: if that event's wait has not ended when
//! the far event comes, the event was lost. The loss is counted, and the far event rescues the
//! wait. A wait that no event rescues ends the run with a panic. A path states what else must hold
//! with [`insist`], and in a check after each run: if it does not hold, that counts as a loss, too.
//!
//! # How every boundary is shown to be hit
//! The path is first run in single steps, with all events far. This gives the boundaries (the
//! addresses between two instructions) at which the processor accepts an interrupt. The sweep must
//! then hit exactly these. A sleep is one boundary, the address after its `hlt`.
//!
//! If event 1 comes before the path sleeps, the path continues differently from there. So for each
//! place of event 1, event 2 is swept again behind it: all pairs are tried. The boundaries that it
//! hits are compared in the same way, with a run in single steps that has event 1 at the same
//! boundary.

use core::{
    ops::RangeInclusive,
    sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU64, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use board::{
    alarm::{one_shot, stop},
    exceptions::{self, Exception, Frame},
    interrupts::{self, Line},
};
use wouldblock::sync::Mutex;
use x86_64::{
    instructions::nop,
    registers::rflags::{self, RFlags},
};

use crate::addresses::Addresses;

/// How many waits a path makes.
const WAITS: usize = 2;
/// Ticks from an event to a far event after it: more than any path takes, even in single steps.
const FAR: u64 = 1_000_000;
/// Ticks until a source that could not deliver its event is called again.
const AGAIN: u64 = 40;
/// A sweep ends when this many placements in a row hit where a far event hits.
const ASLEEP: u64 = 64;
/// A wait that this many events, delivered or not, have not rescued counts as asleep forever.
const RESCUES: usize = 1000;

/// A wait path, and the event that it waits for.
pub struct Path {
    /// Its name in the report.
    pub name: &'static str,
    /// Removes everything that the last placement left behind, which must neither rescue the next
    /// one nor change its path. Leaves each event in the same state: signalled, without a waiter.
    pub empty: fn(),
    /// Makes the event; the handler calls it. `false`: not possible yet, call again.
    pub source: fn() -> bool,
    /// Runs the path: two waits, made by [`waits`].
    pub run: fn(),
    /// Checks, after the path, that everything is where it should be.
    pub check: fn() -> bool,
}

/// What a sweep did.
#[derive(Clone, Copy, Default)]
pub struct Swept {
    /// Placements tried.
    pub placements: u64,
    /// Placements whose event was lost, or after which something was not where it should be.
    pub lost: u64,
}

/// When each event comes, in ticks after the event before it; the first in ticks after the path
/// begins.
type Gaps = [u64; WAITS + 1];

const ALL_FAR: Gaps = [FAR; WAITS + 1];

static GAPS: [AtomicU64; WAITS + 1] = [const { AtomicU64::new(FAR) }; WAITS + 1];
/// The path that is running; null before the first one.
static PATH: AtomicPtr<Path> = AtomicPtr::new(core::ptr::null_mut());
/// Events so far.
static FIRED: AtomicUsize = AtomicUsize::new(0);
/// Timer interrupts so far, including those that could not deliver an event.
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// Waits ended so far.
static ENDED: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicBool = AtomicBool::new(false);
/// The address at which each event came; 0 if it was not on the path.
static HITS: [AtomicU64; WAITS + 1] = [const { AtomicU64::new(0) }; WAITS + 1];
/// How many waits had ended when each event came.
static ENDED_BEFORE: [AtomicUsize; WAITS + 1] = [const { AtomicUsize::new(0) }; WAITS + 1];
/// Whether events may come: they may not while everything is being emptied.
static RUNNING: AtomicBool = AtomicBool::new(false);
/// Whether the processor is on the path.
static INSIDE: AtomicBool = AtomicBool::new(false);
/// Whether the path is run in single steps.
static STEPPING: AtomicBool = AtomicBool::new(false);
/// In single steps: the number of the boundary at which event 1 comes; 0 means far.
static FIRST: AtomicUsize = AtomicUsize::new(0);
/// In single steps: the boundaries so far.
static STEPS: AtomicUsize = AtomicUsize::new(0);
/// Whether event 1 could not be delivered when it came. It is then tried again some ticks later,
/// which in single steps is another number of instructions, so the boundaries cannot be compared.
static PUT_OFF: AtomicBool = AtomicBool::new(false);
/// The boundary after the `sti` that enables interrupts: no interrupt is accepted there yet.
static SHADOW: AtomicU64 = AtomicU64::new(0);
/// The boundaries of the path. The foreground locks them only between two runs.
static ADDRESSES: Mutex<Addresses> = Mutex::new(Addresses::new());

/// Makes the timer and the debug exception the sweep's.
pub fn install() {
    Line::Timer.set_handler(on_timer);
    Line::Timer.enable();
    // SAFETY: `on_step` uses atomics, its frame, and what the foreground uses between two runs
    // only.
    unsafe { exceptions::set_handler(Exception::Debug, on_step) };
}

/// Makes the waits of a path.
#[inline(always)]
pub fn waits(mut wait: impl FnMut()) {
    for _ in 0..WAITS {
        wait();
        ended();
    }
}

/// Counts a wait that has ended. Called by [`waits`], or by a path whose waits are not in one
/// function.
#[inline(always)]
pub fn ended() {
    ENDED.fetch_add(1, Relaxed);
}

/// Events so far, including the one that is being handled.
#[inline]
pub fn events() -> usize {
    FIRED.load(Relaxed)
}

/// States what must hold. If it does not, this placement counts as lost.
#[inline]
pub fn insist(holds: bool) {
    if !holds {
        LOST.store(true, Relaxed);
    }
}

/// Waits ended so far.
#[inline]
pub fn waits_ended() -> usize {
    ENDED.load(Relaxed)
}

/// Makes the next event come as soon as interrupts are enabled.
pub fn hasten() {
    one_shot(2);
}

impl Path {
    /// A path without a check after its runs.
    pub const fn new(name: &'static str, empty: fn(), source: fn() -> bool, run: fn()) -> Self {
        Self { name, empty, source, run, check: || true }
    }

    /// The same path with a check after each run.
    pub const fn checked(self, check: fn() -> bool) -> Self {
        Self { check, ..self }
    }

    /// Sweeps every stretch and all pairs. Also returns how many boundaries the path has.
    ///
    /// # Panics
    /// If the boundaries that were hit are not those of the path.
    pub fn sweep_all(&'static self) -> (Swept, usize) {
        let mut swept = Swept::default();
        with_addresses(Addresses::clear);
        self.launch(ALL_FAR); // So that the next run is no longer a first one.
        self.step(0);
        let way_in = self.sweep_event(0, ALL_FAR, &mut swept);
        self.sweep_event(1, ALL_FAR, &mut swept);
        self.sweep_event(2, ALL_FAR, &mut swept);
        self.compare();

        let (mut number, mut last) = (0, 0);
        for first in 1..=way_in {
            let gaps = [first, FAR, FAR];
            self.launch(gaps);
            let at = HITS[0].load(Relaxed);
            if at == last {
                continue; // With interrupts masked, it came at the same boundary as the last one.
            }
            last = at;
            number += 1;
            with_addresses(Addresses::begin);
            self.sweep_event(1, gaps, &mut swept);
            self.step(number);
            if !PUT_OFF.load(Relaxed) {
                self.compare();
            }
        }
        (swept, with_addresses(|addresses| addresses.count()))
    }

    /// Compares the boundaries stepped over with those hit.
    ///
    /// # Panics
    /// If they are not the same.
    fn compare(&'static self) {
        if let Some(address) = with_addresses(|addresses| addresses.difference()) {
            panic!("{}: {address:#x} is on the path or was hit, but not both", self.name);
        }
    }

    /// Sweeps both waits, without comparing the boundaries that are hit.
    pub fn sweep(&'static self) -> Swept {
        let mut swept = Swept::default();
        for event in 0..WAITS {
            self.sweep_event(event, ALL_FAR, &mut swept);
        }
        swept
    }

    /// Places one event at 1, 2, … ticks, until it comes where a far event comes. Returns the
    /// number of ticks after which that began.
    fn sweep_event(&'static self, event: usize, mut gaps: Gaps, swept: &mut Swept) -> u64 {
        let mut place = |ticks| {
            gaps[event] = ticks;
            self.launch(gaps);
            swept.placements += 1;
            swept.lost += u64::from(LOST.load(Relaxed));
            // The address alone is not enough: both waits may sleep at the same one.
            (HITS[event].load(Relaxed), ENDED_BEFORE[event].load(Relaxed))
        };
        let far = place(FAR);
        let mut asleep = 0;
        for ticks in 1..FAR / 10 {
            let hit = place(ticks);
            with_addresses(|addresses| addresses.hit(hit.0));
            asleep = if hit == far { asleep + 1 } else { 0 };
            if asleep == ASLEEP {
                return ticks - ASLEEP;
            }
        }
        panic!("{}: it does not fall asleep before event {event}", self.name);
    }

    /// Runs the path in single steps, and records its boundaries: all of them if `first` is 0;
    /// otherwise event 1 comes at boundary `first`, and only those between events 1 and 2 are
    /// recorded.
    fn step(&'static self, first: usize) {
        FIRST.store(first, Relaxed);
        STEPS.store(0, Relaxed);
        PUT_OFF.store(false, Relaxed);
        STEPPING.store(true, Relaxed);
        self.launch(ALL_FAR);
        STEPPING.store(false, Relaxed);
    }

    /// Runs the path once. Never inlined, so that single steps and sweep run the same instructions.
    #[inline(never)]
    fn launch(&'static self, gaps: Gaps) {
        (self.empty)();
        for (gap, ticks) in GAPS.iter().zip(gaps) {
            gap.store(ticks, Relaxed);
        }
        PATH.store(core::ptr::from_ref(self).cast_mut(), Release);
        FIRED.store(0, Relaxed);
        CALLS.store(0, Relaxed);
        ENDED.store(0, Relaxed);
        LOST.store(false, Relaxed);
        HITS.iter().for_each(|hit| hit.store(0, Relaxed));
        ENDED_BEFORE.iter().for_each(|ended| ended.store(0, Relaxed));
        set_trap_flag(STEPPING.load(Relaxed));
        RUNNING.store(true, Relaxed);
        one_shot(gaps[0]);
        nop(); // The earliest one-shot comes two instructions later.
        INSIDE.store(true, Relaxed);
        (self.run)();
        INSIDE.store(false, Relaxed);
        set_trap_flag(false);
        RUNNING.store(false, Relaxed);
        stop();
        insist((self.check)());
    }
}

/// The handler of the timer: an event.
fn on_timer(line: Line) {
    line.acknowledge();
    if !RUNNING.load(Relaxed) {
        return;
    }
    let fired = FIRED.load(Relaxed);
    if gap(fired) == FAR && ENDED.load(Relaxed) < fired.min(WAITS) {
        LOST.store(true, Relaxed);
    }
    if INSIDE.load(Relaxed) {
        let address = interrupts::interrupted() as u64;
        if let Some(hit) = HITS.get(fired)
            && hit.load(Relaxed) == 0
        {
            hit.store(address, Relaxed);
            ENDED_BEFORE[fired].store(ENDED.load(Relaxed), Relaxed);
        }
        if STEPPING.load(Relaxed) {
            learn(address, fired..=fired + 1);
        }
    }
    // SAFETY: null, or the `&'static Path` that `launch` stored.
    let Some(path) = (unsafe { PATH.load(Acquire).as_ref() }) else { return };
    assert!(CALLS.fetch_add(1, Relaxed) < RESCUES, "{}: lost, and asleep forever", path.name);
    FIRED.store(fired + 1, Relaxed);
    if (path.source)() {
        one_shot(gap(fired + 1));
    } else {
        FIRED.store(fired, Relaxed);
        PUT_OFF.fetch_or(fired == 0, Relaxed);
        one_shot(AGAIN);
    }
}

fn gap(event: usize) -> u64 {
    GAPS.get(event).map_or(FAR, |gap| gap.load(Relaxed))
}

/// Called by the processor after each instruction, in single steps.
fn on_step(frame: &mut Frame) -> bool {
    const STI: u8 = 0xfb;
    let enabled = frame.rflags() & RFlags::INTERRUPT_FLAG.bits() != 0;
    let turns_on = !enabled && frame.instruction().first() == Some(&STI);
    let shadow = SHADOW.swap(if turns_on { frame.rip() + 1 } else { 0 }, Relaxed);
    if enabled && frame.rip() != shadow && INSIDE.load(Relaxed) {
        learn(frame.rip(), events()..=events());
        if STEPS.fetch_add(1, Relaxed) + 1 == FIRST.load(Relaxed) && events() == 0 {
            hasten();
        }
    }
    true
}

/// Records a boundary of the path that was reached after this many events.
fn learn(address: u64, events: RangeInclusive<usize>) {
    if FIRST.load(Relaxed) == 0 || events.contains(&1) {
        with_addresses(|addresses| addresses.step(address));
    }
}

fn with_addresses<T>(f: impl FnOnce(&mut Addresses) -> T) -> T {
    f(&mut ADDRESSES.try_lock().expect("the foreground locks it only between two runs"))
}

fn set_trap_flag(on: bool) {
    let flags = rflags::read();
    // SAFETY: the flag makes the processor call `on_step` after each instruction, nothing else.
    unsafe {
        rflags::write(if on { flags | RFlags::TRAP_FLAG } else { flags - RFlags::TRAP_FLAG })
    };
}
