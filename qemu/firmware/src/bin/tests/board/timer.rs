//! The timer under `-icount shift=0`, with which all tests run: time is the number of instructions
//! executed.

use core::{
    arch::asm,
    array,
    hint::spin_loop,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use board::{
    Board, alarm, counter,
    interrupts::{self, Line},
};
use x86_64::instructions::hlt;

static LANDED: AtomicU64 = AtomicU64::new(0);

fn land(line: Line) {
    LANDED.store(interrupts::interrupted() as u64, Relaxed);
    line.acknowledge();
}

const SLED: u64 = 1024;

/// Starts the timer, then runs through a sled of one-byte instructions. Returns the place in the
/// sled at which the interrupt arrived.
#[inline(never)]
fn landing(ticks: u64) -> Option<u64> {
    LANDED.store(0, Relaxed);
    alarm::one_shot(ticks);
    let start: u64;
    // SAFETY: `nop` has no effect.
    unsafe {
        asm!(
            "lea {start}, [rip + 2f]", "2:", ".rept {length}", "nop", ".endr",
            start = out(reg) start, length = const SLED, options(nostack, nomem),
        );
    }
    let landed = LANDED.load(Relaxed);
    (start..=start + SLED).contains(&landed).then(|| landed - start)
}

crate::registry::test!(one_shot_lands_on_every_instruction);
fn one_shot_lands_on_every_instruction(_: &'static Board) {
    Line::Timer.set_handler(land);
    Line::Timer.enable();
    let (first, place) = (2..100)
        .find_map(|ticks| Some((ticks, landing(ticks)?)))
        .expect("some number of ticks reaches the sled");
    let before = Line::Timer.taken();
    for more in 0..SLED - place {
        assert_eq!(landing(first + more), Some(place + more));
    }
    assert_eq!(Line::Timer.taken() - before, SLED - place);
}

crate::registry::test!(periodic);
fn periodic(_: &'static Board) {
    const ROUNDS: usize = 50;
    const PERIOD: u64 = 10_000;

    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static TIMES: [AtomicU64; ROUNDS] = [const { AtomicU64::new(0) }; ROUNDS];

    fn note(line: Line) {
        let now = counter::now();
        if let Some(time) = TIMES.get(COUNT.fetch_add(1, Relaxed)) {
            time.store(now, Relaxed);
        }
        line.acknowledge();
    }

    Line::Timer.set_handler(note);
    Line::Timer.enable();
    alarm::periodic(PERIOD);
    // Stay awake: while the processor sleeps, QEMU sometimes lets the clock jump a few ticks too
    // far.
    while COUNT.load(Relaxed) < ROUNDS {
        spin_loop();
    }
    alarm::stop();
    super::settle();
    assert_eq!(Line::Timer.taken(), ROUNDS as u64, "the timer continues after `stop`");
    let times: [u64; ROUNDS] = array::from_fn(|i| TIMES[i].load(Relaxed));
    // The first call of the handler executes one more instruction before it reads the clock.
    for pair in times[1..].windows(2) {
        assert_eq!(pair[1] - pair[0], PERIOD, "{times:?}");
    }
}

crate::registry::test!(stopped_in_time);
fn stopped_in_time(_: &'static Board) {
    Line::Timer.set_handler(land);
    Line::Timer.enable();
    alarm::one_shot(5_000);
    alarm::stop();
    super::settle();
    assert_eq!(Line::Timer.taken(), 0);
}

crate::registry::test!(long_one_shot);
fn long_one_shot(_: &'static Board) {
    // 10 s is more than the timer's counter holds at full speed. The test is still fast, since the
    // virtual clock jumps ahead while the processor sleeps.
    let ticks = 10 * alarm::ticks_per_second();
    Line::Timer.set_handler(land);
    Line::Timer.enable();
    let start = counter::now();
    alarm::one_shot(ticks);
    hlt();
    let passed = counter::now() - start;
    assert_eq!(Line::Timer.taken(), 1);
    assert!((ticks..ticks + 1000).contains(&passed), "{passed} instead of {ticks}");
}

crate::registry::test!(tsc_counts_instructions);
fn tsc_counts_instructions(_: &'static Board) {
    let (before, after): (u64, u64);
    // SAFETY: reads the time-stamp counter twice, with `nop` between.
    unsafe {
        asm!(
            "rdtsc", "shl rdx, 32", "or rax, rdx", "mov {before}, rax",
            ".rept 1000", "nop", ".endr",
            "rdtsc", "shl rdx, 32", "or rax, rdx",
            before = out(reg) before, out("rax") after, out("rdx") _,
            options(nostack, nomem),
        );
    }
    assert_eq!(after - before, 1000 + 4);
    assert_eq!(counter::frequency(), alarm::ticks_per_second());
}
