//! Placing events: the timer's one-shot comes before a chosen instruction, and is the event that
//! the path waits for.
//!
//! A path is two waits in a row. Event 1 ends the first, event 2 the second, and event 3 comes for
//! nobody. An event that is not placed is far: it comes when everything has long fallen asleep. So
//! each event has its stretch of the path:
//!
//! ```text
//!   begin ── wait 1 ── asleep ── wait 1 ends, wait 2 begins ── asleep ── wait 2 ends ── end
//!   ├─── event 1 placed ───┤├────────── event 2 placed ──────────┤├── event 3 placed ──┤
//! ```
//!
//! # How a loss is found
//! A far event is also the watchdog of the one before: if that one's wait has not ended by then, it
//! was lost. The loss is counted, and the far event rescues the wait; one that nothing rescues ends
//! the run. What must be so besides, wherever the events come, a path [`insist`]s on and a check
//! after each run: what is not so is counted as a loss, too.
//!
//! # How every boundary is shown to be hit
//! With all events far, the path is first run in single steps, which gives the boundaries at which
//! the processor accepts an interrupt; then the sweep must hit exactly these. A sleep is one
//! boundary, the one behind its `hlt`.
//!
//! A path that event 1 hits before its sleep goes on differently from there. So event 2 is also
//! swept behind event 1 at each of its places: all pairs. What it hits is compared in the same way,
//! with a run in single steps that has event 1 at the same boundary.

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

/// The waits of a path.
const WAITS: usize = 2;
/// Ticks from one event to the next that is far: more than any path takes, even in single steps.
const FAR: u64 = 1_000_000;
/// Ticks until a source that could not deliver its event is called again.
const AGAIN: u64 = 40;
/// A sweep ends when so many placements in a row were hit where a far event hits.
const ASLEEP: u64 = 64;
/// A wait that so many events, delivered or not, do not rescue sleeps for ever.
const RESCUES: usize = 1000;

/// A wait path and what it waits for.
pub struct Path {
    /// Its name in the report.
    pub name: &'static str,
    /// Empties everything, and leaves each event in one and the same state: signalled, with nobody
    /// waiting. What the last placement left behind must neither rescue the next one nor make its
    /// path another.
    pub empty: fn(),
    /// The event; called by the handler. `false`: not yet, call again.
    pub source: fn() -> bool,
    /// The path: two waits, made by [`waits`].
    pub run: fn(),
    /// Whether everything is where it should be after the path.
    pub check: fn() -> bool,
}

/// What a sweep did.
#[derive(Clone, Copy, Default)]
pub struct Swept {
    /// Placements tried.
    pub placements: u64,
    /// Placements whose event was lost, or that have left something where it should not be.
    pub lost: u64,
}

/// When each event comes, in ticks after the one before; the first in ticks after the path's begin.
type Gaps = [u64; WAITS + 1];

const ALL_FAR: Gaps = [FAR; WAITS + 1];

static GAPS: [AtomicU64; WAITS + 1] = [const { AtomicU64::new(FAR) }; WAITS + 1];
/// The path that is run; null before the first.
static PATH: AtomicPtr<Path> = AtomicPtr::new(core::ptr::null_mut());
/// Events so far.
static FIRED: AtomicUsize = AtomicUsize::new(0);
/// Interrupts so far, those included that delivered no event.
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// Waits ended so far.
static ENDED: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicBool = AtomicBool::new(false);
/// Where each event came; 0 if that was not on the path.
static HITS: [AtomicU64; WAITS + 1] = [const { AtomicU64::new(0) }; WAITS + 1];
/// Waits that had ended when each event came.
static ENDED_BEFORE: [AtomicUsize; WAITS + 1] = [const { AtomicUsize::new(0) }; WAITS + 1];
/// Whether events may come: not when everything is being emptied.
static RUNNING: AtomicBool = AtomicBool::new(false);
/// Whether the processor is on the path.
static INSIDE: AtomicBool = AtomicBool::new(false);
/// Whether the path is run in single steps.
static STEPPING: AtomicBool = AtomicBool::new(false);
/// In single steps, the boundary of event 1; 0 is far.
static FIRST: AtomicUsize = AtomicUsize::new(0);
/// Boundaries so far, in single steps.
static STEPS: AtomicUsize = AtomicUsize::new(0);
/// Event 1 could not be delivered when it came. It comes again some instructions later, which is
/// another number of them in single steps.
static PUT_OFF: AtomicBool = AtomicBool::new(false);
/// The boundary behind the `sti` that turns interrupts on, at which none is accepted yet.
static SHADOW: AtomicU64 = AtomicU64::new(0);
/// Held by the foreground only between two runs.
static ADDRESSES: Mutex<Addresses> = Mutex::new(Addresses::new());

/// Gives the timer to the sweep.
pub fn install() {
    Line::Timer.set_handler(on_timer);
    Line::Timer.enable();
    // SAFETY: `on_step` uses atomics, its frame, and what the foreground uses between two runs only.
    unsafe { exceptions::set_handler(Exception::Debug, on_step) };
}

/// The waits of a path.
#[inline(always)]
pub fn waits(mut wait: impl FnMut()) {
    for _ in 0..WAITS {
        wait();
        ended();
    }
}

/// A wait has ended. Called by [`waits`], or by a path whose waits are not in one function.
#[inline(always)]
pub fn ended() {
    ENDED.fetch_add(1, Relaxed);
}

/// Events so far, the one that is being handled included.
#[inline]
pub fn events() -> usize {
    FIRED.load(Relaxed)
}

/// What must be so. Otherwise this placement counts as lost.
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

/// The next event comes as soon as interrupts are on.
pub fn hasten() {
    one_shot(2);
}

impl Path {
    /// A path after which nothing is checked.
    pub const fn new(name: &'static str, empty: fn(), source: fn() -> bool, run: fn()) -> Self {
        Self { name, empty, source, run, check: || true }
    }

    /// With a check after each run.
    pub const fn checked(self, check: fn() -> bool) -> Self {
        Self { check, ..self }
    }

    /// Sweeps every stretch, and all pairs; answers also how many boundaries the path has.
    ///
    /// # Panics
    /// If the boundaries that were hit are not those of the path.
    pub fn sweep_all(&'static self) -> (Swept, usize) {
        let mut swept = Swept::default();
        with_addresses(Addresses::clear);
        self.launch(ALL_FAR); // What only a first run does is done after it.
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
                continue; // Put off to the end of a stretch with interrupts masked, as the last one.
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

    /// # Panics
    /// If what was stepped over is not what was hit.
    fn compare(&'static self) {
        if let Some(address) = with_addresses(|addresses| addresses.difference()) {
            panic!("{}: {address:#x} is on the path or was hit, but not both", self.name);
        }
    }

    /// Sweeps both waits, whatever is hit.
    pub fn sweep(&'static self) -> Swept {
        let mut swept = Swept::default();
        for event in 0..WAITS {
            self.sweep_event(event, ALL_FAR, &mut swept);
        }
        swept
    }

    /// Places one event at 1, 2, … ticks, until it comes where it would come if it were far;
    /// answers after how many ticks that began.
    fn sweep_event(&'static self, event: usize, mut gaps: Gaps, swept: &mut Swept) -> u64 {
        let mut place = |ticks| {
            gaps[event] = ticks;
            self.launch(gaps);
            swept.placements += 1;
            swept.lost += u64::from(LOST.load(Relaxed));
            // Both waits may sleep at one address, and be woken there by one interrupt after another.
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

    /// Runs the path in single steps, and learns its boundaries. With event 1 at boundary `first`
    /// those between events 1 and 2; all of them if that is 0.
    fn step(&'static self, first: usize) {
        FIRST.store(first, Relaxed);
        STEPS.store(0, Relaxed);
        PUT_OFF.store(false, Relaxed);
        STEPPING.store(true, Relaxed);
        self.launch(ALL_FAR);
        STEPPING.store(false, Relaxed);
    }

    /// Never inlined: what is stepped and what is swept are the same instructions.
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
        nop(); // The earliest one-shot comes two instructions on.
        INSIDE.store(true, Relaxed);
        (self.run)();
        INSIDE.store(false, Relaxed);
        set_trap_flag(false);
        RUNNING.store(false, Relaxed);
        stop();
        insist((self.check)());
    }
}

/// An event: the handler of the timer.
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
        let address = interrupts::interrupted();
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
    // SAFETY: null, or a `&'static Path` of `launch`.
    let Some(path) = (unsafe { PATH.load(Acquire).as_ref() }) else { return };
    assert!(CALLS.fetch_add(1, Relaxed) < RESCUES, "{}: lost, and asleep for ever", path.name);
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

/// After each instruction, when single-stepping.
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

/// The path has this boundary, after so many events.
fn learn(address: u64, events: RangeInclusive<usize>) {
    if FIRST.load(Relaxed) == 0 || events.contains(&1) {
        with_addresses(|addresses| addresses.step(address));
    }
}

fn with_addresses<T>(f: impl FnOnce(&mut Addresses) -> T) -> T {
    f(&mut ADDRESSES.try_lock().expect("the foreground holds it only between two runs"))
}

fn set_trap_flag(on: bool) {
    let flags = rflags::read();
    // SAFETY: the flag makes the processor call `on_step` after each instruction, nothing else.
    unsafe {
        rflags::write(if on { flags | RFlags::TRAP_FLAG } else { flags - RFlags::TRAP_FLAG })
    };
}
