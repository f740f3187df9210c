//! Two handlers, one of which interrupts the other, step one slot.

use core::convert::Infallible;

use board::{
    Board,
    alarm::{STEP, one_shot},
    interrupts::{Line, Priority, deepest, raise_self},
};
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Slot, Step},
};

use crate::board::soon;

/// Ends when both handlers have brought their event.
struct Both {
    got: u32,
}

/// Events that no try has taken.
static EVENTS: AtomicU32 = AtomicU32::new(0);
static SLOT: Slot<Both> = Slot::new();
static ENDED: AtomicU32 = AtomicU32::new(0);
/// The low handler runs.
static LOW_RUNS: AtomicBool = AtomicBool::new(false);
/// How often the high handler came while the low one ran, and how often it found the slot claimed.
static INSIDE: AtomicU32 = AtomicU32::new(0);
static CONTENDED: AtomicU32 = AtomicU32::new(0);

impl Attempt for Both {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.got += EVENTS.swap(0, Relaxed);
        if self.got == 2 { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Both {
    fn begin(&mut self) {}

    fn cancel(&mut self) {}
}

fn low(line: Line) {
    LOW_RUNS.store(true, Relaxed);
    EVENTS.fetch_add(1, Relaxed);
    let stepped = SLOT.on_interrupt();
    line.acknowledge();
    drop(stepped);
    LOW_RUNS.store(false, Relaxed);
}

fn high(line: Line) {
    EVENTS.fetch_add(1, Relaxed);
    let stepped = SLOT.on_interrupt();
    INSIDE.fetch_add(LOW_RUNS.load(Relaxed).into(), Relaxed);
    CONTENDED.fetch_add((stepped.step() == Step::Contended).into(), Relaxed);
    line.acknowledge();
    drop(stepped);
}

/// The high handler at every instruction of the low one: no event is lost, and none counts twice.
fn at_every_instruction_of_the_other(_: &'static Board) {
    const PLACES: u32 = 700;

    Line::Software.set_handler(low);
    Line::Software.enable();
    Line::Timer.set_priority(Priority::High);
    Line::Timer.set_handler(high);
    Line::Timer.enable();
    for place in 1..=PLACES {
        let started = SLOT.start_with(Both { got: 0 }, |done| {
            assert_eq!(done.op.got, 2);
            ENDED.fetch_add(1, Relaxed);
        });
        assert!(started.is_ok(), "the slot is idle");
        one_shot(u64::from(place) * STEP);
        raise_self();
        soon("both events have come", || ENDED.load(Relaxed) == place);
    }
    let (inside, contended) = (INSIDE.load(Relaxed), CONTENDED.load(Relaxed));
    defmt::info!("{=u32} inside the low handler, {=u32} contended", inside, contended);
    assert!(contended > 10 && inside > contended, "{contended} of {inside}");
    assert_eq!(Line::Timer.taken() + Line::Software.taken(), 2 * u64::from(PLACES));
    assert_eq!(deepest(), 2);
}
crate::registry::test!(at_every_instruction_of_the_other);
