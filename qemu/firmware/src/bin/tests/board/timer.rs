//! The timer and the counter under `-icount`, with which all tests run: time is the number of
//! instructions executed.

use core::{array, hint::spin_loop};

use board::{
    Board, alarm,
    counter::{EMPTY_PAIR, between, frequency, stamp, time},
    interrupts::{self, Line},
};
use firmware::wide::AtomicU64;
use portable_atomic::{AtomicUsize, Ordering::Relaxed};

use super::nops;

static LANDED: AtomicUsize = AtomicUsize::new(0);

pub fn land(line: Line) {
    LANDED.store(interrupts::interrupted(), Relaxed);
    line.acknowledge();
}

/// Instructions of the sled.
pub const SLED: usize = 1024;
/// The length of a `nop` in bytes.
const NOP: usize = if cfg!(target_arch = "x86_64") { 1 } else { 2 };

/// Starts the timer, then runs through a sled of `nop`s. Returns the place in the sled at which the
/// interrupt arrived.
#[inline(never)]
pub fn landing(ticks: u64) -> Option<usize> {
    LANDED.store(0, Relaxed);
    alarm::one_shot(ticks);
    nops::<SLED>();
    let start = nops::<SLED> as *const () as usize & !(NOP - 1);
    let landed = LANDED.load(Relaxed);
    (start..=start + SLED * NOP).contains(&landed).then(|| (landed - start) / NOP)
}

/// The first number of ticks that reaches the sled, and the place.
pub fn first_landing() -> (u64, usize) {
    Line::Timer.set_handler(land);
    Line::Timer.enable();
    (2..10_000)
        .find_map(|ticks| Some((ticks, landing(ticks)?)))
        .expect("some number of ticks reaches the sled")
}

crate::registry::test!(one_shot_lands_on_every_instruction);
/// [`STEP`](alarm::STEP) is at most one instruction: no place of the sled is left out.
fn one_shot_lands_on_every_instruction(_: &'static Board) {
    let (mut ticks, mut last) = first_landing();
    assert!(last < SLED / 2, "it begins at {last}");
    let (before, mut landings) = (Line::Timer.taken(), 0);
    while last < SLED - 1 {
        ticks += alarm::STEP;
        landings += 1;
        let place = landing(ticks).expect("it is still in the sled");
        assert!(place == last || place == last + 1, "from {last} to {place}");
        last = place;
    }
    assert_eq!(Line::Timer.taken() - before, landings);
}

crate::registry::test!(periodic);
fn periodic(_: &'static Board) {
    const ROUNDS: usize = 50;

    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static TIMES: [AtomicU64; ROUNDS] = [const { AtomicU64::new(0) }; ROUNDS];

    fn note(line: Line) {
        let now = time();
        if let Some(time) = TIMES.get(COUNT.fetch_add(1, Relaxed)) {
            time.store(now, Relaxed);
        }
        line.acknowledge();
    }

    Line::Timer.set_handler(note);
    Line::Timer.enable();
    alarm::periodic(alarm::ticks_per_second() / 10_000);
    // Stay awake: while the processor sleeps, QEMU sometimes lets the clock jump a few ticks too
    // far.
    while COUNT.load(Relaxed) < ROUNDS {
        spin_loop();
    }
    alarm::stop();
    super::settle();
    assert_eq!(Line::Timer.taken(), ROUNDS as u64, "the timer continues after `stop`");
    let times: [u64; ROUNDS] = array::from_fn(|i| TIMES[i].load(Relaxed));
    let (period, jitter) = (frequency() / 10_000, super::time_of(10));
    for pair in times.windows(2) {
        let length = pair[1] - pair[0];
        assert!(length.abs_diff(period) <= jitter, "{length} of {period}: {times:?}");
    }
    // They do not drift.
    let (all, periods) = (times[ROUNDS - 1] - times[0], (ROUNDS - 1) as u64 * period);
    assert!(all.abs_diff(periods) <= jitter, "{all} of {periods}");
}

crate::registry::test!(stopped_in_time);
fn stopped_in_time(_: &'static Board) {
    Line::Timer.set_handler(land);
    Line::Timer.enable();
    alarm::one_shot(5_000);
    alarm::stop();
    assert!(!alarm::is_running());
    super::settle();
    assert_eq!(Line::Timer.taken(), 0);
}

crate::registry::test!(the_counter_counts_instructions);
fn the_counter_counts_instructions(_: &'static Board) {
    #[inline(never)]
    fn count<const COUNT: usize>() -> u64 {
        let start = stamp();
        nops::<COUNT>();
        between(start, stamp())
    }

    assert!(count::<0>() >= EMPTY_PAIR);
    for (counted, nops) in [(count::<1>(), 1), (count::<10>(), 10), (count::<1000>(), 1000)] {
        assert_eq!(counted - count::<0>(), nops);
    }
}
