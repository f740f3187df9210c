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
//! Each placement counts the instructions that were executed before its event. The next one, whose
//! alarm is at most one instruction later, must come at the same boundary or at the next one, unless
//! interrupts were masked. Where the processor has single steps, the path is also run in these, with
//! all events far. This gives the boundaries (the addresses between two instructions) at which the
//! processor accepts an interrupt. The sweep must then hit exactly these. A sleep is one boundary, the
//! address after its `hlt`. [`boundaries`](crate::boundaries) says which board does what.
//!
//! If event 1 comes before the path sleeps, the path continues differently from there. So for each
//! place of event 1, event 2 is swept again behind it: all pairs are tried. The boundaries that it
//! hits are compared in the same way, in single steps with a run that has event 1 at the same
//! boundary. A path with more than [`most_pairs`] pairs has them behind every n-th place of event 1
//! only; its report says which n.

use core::ptr;

use board::{
    alarm::{STEP, one_shot, stop},
    counter::{Stamp, between, stamp},
    interrupts::{self, Line, without_interrupts},
};
use portable_atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

pub use crate::run::{ended, events, hasten, insist, waits, waits_ended};
use crate::{
    boundaries::{Stretch, stepped},
    run::{ENDED, FIRED, INSIDE, LOST, WAITS},
};

/// Ticks from an event to a far event after it: more than any path takes, even in single steps.
const FAR: u32 = 1_000_000;
/// Ticks until a source that could not deliver its event is called again: more than its handler takes
/// to return.
const AGAIN: u64 = 256 * STEP;
/// A stretch ends when this many placements in a row hit where a far event hits.
const ASLEEP: u32 = 64;
/// The most placements of a stretch.
const MOST: u32 = FAR / 10;
/// The most pairs of a path, about, unless the command line says: all on the PC; elsewhere what time
/// allows.
const MOST_PAIRS: u32 = if cfg!(target_arch = "x86_64") { u32::MAX } else { 2_500 };
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

/// How much later each placement is than the one before.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Ticks from one placement to the next.
    pub step: u64,
    /// The alarm comes only at multiples of this many ticks.
    pub grain: u64,
}

impl Pace {
    /// No more than an instruction.
    pub const RIGHT: Self = Self { step: STEP, grain: 1 };

    const fn ticks(self, nth: u32) -> u32 {
        (nth * self.step as u32).next_multiple_of(self.grain as u32)
    }
}

/// What the sweep of a path did.
pub struct SweptAll {
    /// All placements.
    pub swept: Swept,
    /// The boundaries of the path.
    pub boundaries: usize,
    /// Event 2 was swept behind every n-th place of event 1; 1: all pairs.
    pub every: u32,
}

/// When each event comes, in ticks after the event before it; the first in ticks after the path
/// begins.
type Gaps = [u32; WAITS + 1];

const ALL_FAR: Gaps = [FAR; WAITS + 1];

static GAPS: [AtomicU32; WAITS + 1] = [const { AtomicU32::new(FAR) }; WAITS + 1];
/// The path that is running; null before the first one.
static PATH: AtomicPtr<Path> = AtomicPtr::new(ptr::null_mut());
/// Timer interrupts so far, including those that could not deliver an event.
static CALLS: AtomicUsize = AtomicUsize::new(0);
/// The address at which each event came; 0 if it was not on the path.
static HITS: [AtomicUsize; WAITS + 1] = [const { AtomicUsize::new(0) }; WAITS + 1];
/// How many waits had ended when each event came.
static ENDED_BEFORE: [AtomicUsize; WAITS + 1] = [const { AtomicUsize::new(0) }; WAITS + 1];
/// Whether events may come: they may not while everything is being emptied.
static RUNNING: AtomicBool = AtomicBool::new(false);
/// The [`Stamp`] of the start of the alarm for the next event.
static ARMED: AtomicUsize = AtomicUsize::new(0);
/// The instructions from the start of its alarm to each event; 0 if it came after the path.
static NUMBERS: [AtomicUsize; WAITS + 1] = [const { AtomicUsize::new(0) }; WAITS + 1];

/// The most pairs of a path, about: with `pairs=N` on the command line N, which is at least 1.
fn most_pairs() -> u32 {
    let said = board::board().command_line.value("pairs").and_then(|pairs| pairs.parse().ok());
    said.filter(|pairs| *pairs > 0).unwrap_or(MOST_PAIRS)
}

/// Makes the timer the sweep's.
pub fn install() {
    Line::Timer.set_handler(on_timer);
    Line::Timer.enable();
    stepped::install();
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

    /// Sweeps every stretch, and all pairs or, if these are more than [`most_pairs`], those of each
    /// n-th place of event 1.
    ///
    /// # Panics
    /// If the boundaries that were hit are not those of the path.
    pub fn sweep_all(&'static self) -> SweptAll {
        let mut swept = Swept::default();
        let (events, stretches) = self.sweep_single(Pace::RIGHT, &mut swept);
        self.compare();
        let counted = stretches.iter().map(|stretch| self.boundaries(stretch)).sum();

        let every = (events[0] * (events[1] + ASLEEP)).div_ceil(most_pairs()).max(1);
        let (mut number, mut last) = (0, 0);
        for nth in 1..=events[0] {
            let gaps = [Pace::RIGHT.ticks(nth), FAR, FAR];
            self.launch(gaps);
            let at = HITS[0].load(Relaxed);
            if at == last {
                continue; // With interrupts masked, it came at the same boundary as the last one.
            }
            last = at;
            number += 1;
            if number % every as usize != 0 {
                continue;
            }
            stepped::begin();
            let (_, stretch) = self.sweep_event(1, gaps, Pace::RIGHT, &mut swept);
            self.boundaries(&stretch);
            stepped::step(number, || self.launch(ALL_FAR));
            self.compare();
        }
        SweptAll { swept, boundaries: stepped::count().unwrap_or(counted), every }
    }

    /// Sweeps every stretch, and walks the path in single steps. Returns how many placements came
    /// before the sleep that ends each stretch.
    fn sweep_single(
        &'static self,
        pace: Pace,
        swept: &mut Swept,
    ) -> ([u32; WAITS + 1], [Stretch; WAITS + 1]) {
        stepped::forget();
        self.launch(ALL_FAR); // So that the next run is no longer a first one.
        stepped::step(0, || self.launch(ALL_FAR));
        let mut placements = [0; WAITS + 1];
        let stretches = core::array::from_fn(|event| {
            let stretch;
            (placements[event], stretch) = self.sweep_event(event, ALL_FAR, pace, swept);
            stretch
        });
        (placements, stretches)
    }

    /// Compares the boundaries stepped over with those hit.
    ///
    /// # Panics
    /// If they are not the same.
    fn compare(&'static self) {
        if let Some(address) = stepped::difference() {
            panic!("{}: {address:#x} is on the path or was hit, but not both", self.name);
        }
    }

    /// How many boundaries of a stretch were hit.
    ///
    /// # Panics
    /// If some were skipped.
    fn boundaries(&'static self, stretch: &Stretch) -> usize {
        let skipped = stretch.skipped();
        assert!(skipped == 0, "{}: {skipped} instructions without a placement", self.name);
        stretch.boundaries() as usize
    }

    /// Sweeps both waits, without comparing the boundaries that are hit.
    pub fn sweep(&'static self) -> Swept {
        let mut swept = Swept::default();
        for event in 0..WAITS {
            self.sweep_event(event, ALL_FAR, Pace::RIGHT, &mut swept);
        }
        swept
    }

    /// Sweeps every stretch at a pace that may be wrong. Returns what both checks have found in the
    /// first: the boundaries that the counter shows to have been skipped, and whether single steps
    /// have found one, too (`None` on a board without). `row` boundaries of it have to be hit one
    /// after the other.
    pub fn sweep_at(&'static self, pace: Pace, row: u32) -> (Swept, u64, Option<bool>) {
        let mut swept = Swept::default();
        let (_, [stretch, ..]) = self.sweep_single(pace, &mut swept);
        let missing = row.saturating_sub(stretch.longest_row());
        let stepped = stepped::count().map(|_| stepped::difference().is_some());
        (swept, stretch.skipped() + u64::from(missing), stepped)
    }

    /// Places one event later and later, until it comes where a far event comes. Returns the number
    /// of placements after which that began.
    ///
    /// Rarely, a handler executes some instructions more because a counter of the board carries
    /// into its upper half, and its placement seems late. That does not repeat; a boundary that is
    /// skipped is skipped each time. So a stretch with one is swept a second time.
    fn sweep_event(
        &'static self,
        event: usize,
        gaps: Gaps,
        pace: Pace,
        swept: &mut Swept,
    ) -> (u32, Stretch) {
        let first = self.place_event(event, gaps, pace, swept);
        if first.1.skipped() == 0 {
            return first;
        }
        self.place_event(event, gaps, pace, swept)
    }

    fn place_event(
        &'static self,
        event: usize,
        mut gaps: Gaps,
        pace: Pace,
        swept: &mut Swept,
    ) -> (u32, Stretch) {
        let mut place = |ticks| {
            gaps[event] = ticks;
            self.launch(gaps);
            swept.placements += 1;
            swept.lost += u64::from(LOST.load(Relaxed));
            // The address alone is not enough: both waits may sleep at the same one.
            (HITS[event].load(Relaxed), ENDED_BEFORE[event].load(Relaxed))
        };
        let far = place(FAR);
        let (mut asleep, mut stretch) = (0, Stretch::default());
        for nth in 1..MOST {
            let hit = place(pace.ticks(nth));
            stepped::hit(hit.0);
            assert!(nth > 1 || event > 0 || hit.0 == 0, "{}: begins unswept", self.name);
            stretch.place(NUMBERS[event].load(Relaxed) as u32, hit == far);
            asleep = if hit == far { asleep + 1 } else { 0 };
            if asleep == ASLEEP {
                return (nth - ASLEEP, stretch);
            }
        }
        panic!("{}: it does not fall asleep before event {event}", self.name);
    }

    /// Runs the path once. Never inlined, so that single steps and sweep run the same instructions.
    #[inline(never)]
    fn launch(&'static self, gaps: Gaps) {
        (self.empty)();
        for (gap, ticks) in GAPS.iter().zip(gaps) {
            gap.store(ticks, Relaxed);
        }
        PATH.store(ptr::from_ref(self).cast_mut(), Release);
        FIRED.store(0, Relaxed);
        CALLS.store(0, Relaxed);
        ENDED.store(0, Relaxed);
        LOST.store(false, Relaxed);
        [&HITS, &ENDED_BEFORE, &NUMBERS].into_iter().flatten().for_each(|at| at.store(0, Relaxed));
        stepped::enter();
        RUNNING.store(true, Relaxed);
        without_interrupts(|| arm(gaps[0].into()));
        nop(); // What is due by now comes here.
        INSIDE.store(true, Relaxed);
        (self.run)();
        INSIDE.store(false, Relaxed);
        stepped::leave();
        RUNNING.store(false, Relaxed);
        stop();
        insist((self.check)());
    }
}

/// One instruction that does nothing.
#[inline(always)]
pub fn nop() {
    // SAFETY: it does nothing.
    unsafe { core::arch::asm!("nop", options(nomem, nostack, preserves_flags)) };
}

/// The handler of the timer: an event.
fn on_timer(line: Line) {
    let now = stamp();
    line.acknowledge();
    if !RUNNING.load(Relaxed) {
        return;
    }
    let fired = FIRED.load(Relaxed);
    if gap(fired) == FAR && ENDED.load(Relaxed) < fired.min(WAITS) {
        LOST.store(true, Relaxed);
    }
    let inside = INSIDE.load(Relaxed);
    let address = interrupts::interrupted();
    if let Some(number) = NUMBERS.get(fired)
        && number.load(Relaxed) == 0
    {
        number.store(between(ARMED.load(Relaxed) as Stamp, now) as usize, Relaxed);
        if inside {
            HITS[fired].store(address, Relaxed);
            ENDED_BEFORE[fired].store(ENDED.load(Relaxed), Relaxed);
        }
    }
    if inside {
        stepped::came(address, fired);
    }
    // SAFETY: null, or the `&'static Path` that `launch` stored.
    let Some(path) = (unsafe { PATH.load(Acquire).as_ref() }) else { return };
    assert!(CALLS.fetch_add(1, Relaxed) < RESCUES, "{}: lost, and asleep forever", path.name);
    FIRED.store(fired + 1, Relaxed);
    if (path.source)() {
        arm(gap(fired + 1).into());
    } else {
        FIRED.store(fired, Relaxed);
        stepped::put_off(fired);
        arm(AGAIN);
    }
}

/// Starts the alarm for the next event, interrupts masked.
#[inline(always)]
fn arm(ticks: u64) {
    one_shot(ticks);
    ARMED.store(stamp() as usize, Relaxed);
}

fn gap(event: usize) -> u32 {
    GAPS.get(event).map_or(FAR, |gap| gap.load(Relaxed))
}
