//! The timer.

use board::{counter::frequency, interrupts::Line};
use drivers::timer::{Cancelled, Countdown, Timer};
use wouldblock::job::Slot;

use crate::{
    counts::{COUNTS, Count, How},
    endpoint::Endpoint,
    kept::{Home, Kept, Work},
    random::Random,
};

static TIMER: Slot<Kept<Countdown>> = Slot::new();

/// The timer's endpoint, once.
pub fn take() -> Option<Endpoint<Countdown>> {
    static CLOCK: Home<Countdown> = Home::new();

    let clock = Timer::take()?.after(0);
    Line::Timer.set_handler(on_timer);
    Some(Endpoint::new(&TIMER, &CLOCK, clock, count_again, true))
}

fn on_timer(line: Line) {
    let stepped = TIMER.on_interrupt();
    COUNTS.handled(&[&stepped]);
    line.acknowledge();
    drop(stepped);
}

/// A countdown of up to 100 µs.
fn count_again(last: Countdown, random: &mut Random) -> Countdown {
    last.into_timer().after(random.below(frequency() / 10_000))
}

impl Work for Countdown {
    const DEVICE: &Count = &COUNTS.timer;

    fn how(&self, result: &Result<(), Cancelled>, _: bool) -> How {
        if result.is_ok() { How::Completed } else { How::Cancelled }
    }
}
