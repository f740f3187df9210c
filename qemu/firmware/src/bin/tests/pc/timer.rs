//! The timer to the tick, and for long times.

use board::{
    Board, alarm,
    counter::{frequency, time},
    idle::sleep,
    interrupts::Line,
};

use crate::board::timer::{SLED, first_landing, land, landing};

crate::registry::test!(a_tick_is_an_instruction);
fn a_tick_is_an_instruction(_: &'static Board) {
    assert_eq!(frequency(), alarm::ticks_per_second());
    let (first, place) = first_landing();
    for more in 0..SLED - place {
        assert_eq!(landing(first + more as u64), Some(place + more));
    }
}

crate::registry::test!(long_one_shot);
fn long_one_shot(_: &'static Board) {
    // 10 s is more than the timer's counter holds at full speed. The test is still fast, since the
    // virtual clock jumps ahead while the processor sleeps.
    let ticks = 10 * alarm::ticks_per_second();
    Line::Timer.set_handler(land);
    Line::Timer.enable();
    let start = time();
    alarm::one_shot(ticks);
    sleep();
    let passed = time() - start;
    assert_eq!(Line::Timer.taken(), 1);
    assert!((ticks..ticks + 1000).contains(&passed), "{passed} instead of {ticks}");
}
