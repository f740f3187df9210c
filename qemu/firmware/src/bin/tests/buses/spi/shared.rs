//! One bus, a blocking driver and an awaited one at the same time, both of another author.

use core::{
    convert::Infallible,
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use board::{Board, idle::Park, interrupts::without_interrupts};
use drivers::spi::{FLASH, Select, on_interrupt};
use firmware::executor::start_in_handler;
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use static_cell::StaticCell;
use w25q32jv::SECTOR_SIZE;
use wouldblock::{adapter::SharedBus, attempt, event::Event};

use super::{
    drivers::{FREE, Shared, flash},
    is_of_the_host, is_right,
};

fn share() -> (&'static Shared<'static>, Select) {
    static BUS: StaticCell<Shared<'static>> = StaticCell::new();
    let (bus, select) = FLASH.take().expect("the first");
    (BUS.init(SharedBus::new(bus)), select)
}

/// Says that the task is to read.
static TURN: Event = Event::new();
static IS_ITS_TURN: AtomicBool = AtomicBool::new(false);
static IS_OVER: AtomicBool = AtomicBool::new(false);

static ROUNDS: AtomicU32 = AtomicU32::new(0);
static FOUND_IT_TAKEN: AtomicU32 = AtomicU32::new(0);

fn its_turn() {
    IS_ITS_TURN.store(true, Relaxed);
    TURN.signal();
}

fn take_turn() -> nb::Result<(), Infallible> {
    if IS_ITS_TURN.swap(false, Relaxed) { Ok(()) } else { Err(nb::Error::WouldBlock) }
}

/// The foreground's driver blocks, asleep. At every third interrupt of its transactions a task in a handler
/// wants to write and read: it preempts the foreground, finds the bus taken, and is suspended until the
/// foreground has freed it.
fn a_blocking_driver_beside_an_awaited_one_of_a_higher_priority(_: &'static Board) {
    const READS: u32 = 1000;
    const PLACE: u32 = (FREE + 2) * SECTOR_SIZE;

    #[embassy_executor::task]
    async fn task(bus: &'static Shared<'static>, select: Select) {
        let mut waiter = TURN.waiter().expect("the first");
        let mut flash = flash(bus, select, Park);
        flash.erase_sector_async(PLACE / SECTOR_SIZE).await.expect("it can be erased");
        for round in 0.. {
            let Ok(()) = waiter.operation(attempt::from_fn(take_turn)).await;
            if IS_OVER.load(Relaxed) {
                return;
            }
            if bus.try_lock().is_err() {
                FOUND_IT_TAKEN.fetch_add(1, Relaxed);
            }
            // Bits can be cleared only: the word is written once.
            let (place, word) = (PLACE + round % 1000 * 4, (round % 1000).to_le_bytes());
            if round < 1000 {
                flash.write_async(place, &word).await.expect("it can be written");
            }
            let mut read = [0; 4];
            flash.read_async(place, &mut read).await.expect("it is there");
            assert_eq!(read, word);
            ROUNDS.fetch_add(1, Relaxed);
        }
    }

    let (bus, select) = share();
    FLASH.line().set_handler(|line| {
        on_interrupt(line);
        if line.taken() % 3 == 0 {
            its_turn();
        }
    });
    start_in_handler().spawn(task(bus, select.clone()).expect("the task is not running"));
    let mut flash = flash(bus, select, Park);
    let mut read = [0; 40];
    for round in 0..READS {
        let address = round * 13;
        flash.read(address, &mut read).expect("it is there");
        assert!(is_of_the_host(&read, address), "round {round}");
    }
    let (rounds, taken) = (ROUNDS.load(Relaxed), FOUND_IT_TAKEN.load(Relaxed));
    defmt::info!(
        "{=u32} blocking reads, {=u32} awaited rounds, {=u32} found it taken",
        READS,
        rounds,
        taken
    );
    assert!(rounds > 100 && taken > 100, "{rounds} awaited, {taken} found it taken");
    IS_OVER.store(true, Relaxed);
    its_turn();
}
crate::registry::test!(a_blocking_driver_beside_an_awaited_one_of_a_higher_priority);

/// The future of the awaited driver, dropped after any number of polls: the bus is free, and the next reads
/// are right, those of the blocking driver, too.
fn an_awaited_driver_is_dropped_after_any_poll(_: &'static Board) {
    let (bus, select) = share();
    let mut pin = select.clone();
    let mut blocking = flash(bus, select.clone(), Park);
    let mut awaited = flash(bus, select, Park);
    let (mut cuts, mut ends) = (0, 0);
    for polls in 0..24 {
        // With interrupts held off and let in, the tries fall elsewhere.
        for masked in [false, true] {
            let mut read = [0; 100];
            let mut poll = || {
                let mut read = pin!(awaited.read_async(0x80, &mut read));
                let mut context = Context::from_waker(Waker::noop());
                (0..polls).any(|_| read.as_mut().poll(&mut context).is_ready())
            };
            let ended = match masked {
                true => without_interrupts(&mut poll),
                false => poll(),
            };
            assert!(!ended || is_of_the_host(&read, 0x80));
            (cuts, ends) = (cuts + u32::from(!ended), ends + u32::from(ended));
            let mut bus = bus.try_lock().expect("the call that was dropped has freed it");
            assert!(is_right(&mut bus, &mut pin), "after {polls} polls");
            drop(bus);
            blocking.read(0x99, &mut read).expect("it is there");
            assert!(is_of_the_host(&read, 0x99), "after {polls} polls");
        }
    }
    assert!(cuts >= 8 && ends >= 8, "{cuts} cuts, {ends} ends");
}
crate::registry::test!(an_awaited_driver_is_dropped_after_any_poll);
