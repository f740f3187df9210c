//! One bus, a blocking driver and an awaited one at the same time, both of other authors.

use core::{
    cell::Cell,
    convert::Infallible,
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use board::{
    Board, alarm,
    counter::clock,
    i2c::I2C,
    idle::Park,
    interrupts::{Line, without_interrupts},
};
use critical_section::Mutex;
use drivers::i2c::{ByteController, on_interrupt};
use embassy_executor::Spawner;
use embedded_hal::i2c::Operation;
use firmware::executor::{Executor, start_in_handler};
use lm75::Lm75;
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use static_cell::StaticCell;
use tmp1075::Tmp1075;
use wouldblock::{
    adapter::{For, I2cDevice, SharedBus},
    attempt,
    event::Event,
    i2c::{Bus, Error},
};

use super::{FREEZER, THERMOMETER, WARM, is_right, keep};

type Shared = SharedBus<Bus<'static, ByteController>, 2>;

fn share() -> &'static Shared {
    static BUS: StaticCell<Shared> = StaticCell::new();
    BUS.init(SharedBus::new(drivers::i2c::take().expect("the first")))
}

/// Says that the task is to read.
static TURN: Event = Event::new();
static IS_ITS_TURN: AtomicBool = AtomicBool::new(false);
static IS_OVER: AtomicBool = AtomicBool::new(false);

static READ: AtomicU32 = AtomicU32::new(0);
static FOUND_IT_TAKEN: AtomicU32 = AtomicU32::new(0);

fn its_turn() {
    IS_ITS_TURN.store(true, Relaxed);
    TURN.signal();
}

fn take_turn() -> nb::Result<(), Infallible> {
    if IS_ITS_TURN.swap(false, Relaxed) { Ok(()) } else { Err(nb::Error::WouldBlock) }
}

/// The foreground's driver blocks, asleep. At every third interrupt of its transactions a task in a handler
/// wants to read: it preempts the foreground, finds the bus taken, and is suspended until the foreground has
/// freed it.
fn a_blocking_driver_beside_an_awaited_one_of_a_higher_priority(_: &'static Board) {
    const READS: u32 = 1000;

    #[embassy_executor::task]
    async fn task(bus: &'static Shared) {
        let mut waiter = TURN.waiter().expect("the first");
        let device = I2cDevice::new(bus, Park).expect("two");
        let mut thermometer = Tmp1075::with_address(THERMOMETER, device);
        loop {
            let Ok(()) = waiter.operation(attempt::from_fn(take_turn)).await;
            if IS_OVER.load(Relaxed) {
                return;
            }
            if bus.try_lock().is_err() {
                FOUND_IT_TAKEN.fetch_add(1, Relaxed);
            }
            assert_eq!(thermometer.get_temperature_float().await, Ok(23.5));
            READ.fetch_add(1, Relaxed);
        }
    }

    let bus = share();
    I2C.line().set_handler(|line| {
        on_interrupt(line);
        if line.taken() % 3 == 0 {
            its_turn();
        }
    });
    start_in_handler().spawn(task(bus).expect("the task is not running"));
    let mut freezer = Lm75::new(I2cDevice::new(bus, Park).expect("two"), FREEZER);
    for _ in 0..READS {
        assert_eq!(freezer.read_temperature().ok(), Some(-12.5));
    }
    let (read, taken) = (READ.load(Relaxed), FOUND_IT_TAKEN.load(Relaxed));
    defmt::info!(
        "{=u32} blocking reads, {=u32} awaited, {=u32} found it taken",
        READS,
        read,
        taken
    );
    assert!(read > READS / 2 && taken > READS / 2, "{read} awaited, {taken} found it taken");
    IS_OVER.store(true, Relaxed);
    its_turn();
}
crate::registry::test!(a_blocking_driver_beside_an_awaited_one_of_a_higher_priority);

/// The task is suspended in the middle of its transaction: its interrupt is held off. The blocking driver waits,
/// asleep, until an alarm lets the interrupt in.
fn a_blocking_driver_waits_for_a_suspended_task(_: &'static Board) {
    #[embassy_executor::task]
    async fn task(bus: &'static Shared) {
        let device = I2cDevice::new(bus, Park).expect("two");
        let mut thermometer = Tmp1075::with_address(THERMOMETER, device);
        assert_eq!(thermometer.get_temperature_float().await, Ok(23.5));
        READ.fetch_add(1, Relaxed);
    }

    let bus = share();
    // The interrupts of the bus are not heard until the alarm.
    static HELD_OFF: AtomicBool = AtomicBool::new(true);
    I2C.line().set_handler(|line| match HELD_OFF.load(Relaxed) {
        true => line.disable(),
        false => on_interrupt(line),
    });
    Line::Timer.set_handler(|line| {
        line.acknowledge();
        HELD_OFF.store(false, Relaxed);
        I2C.line().enable();
    });
    Line::Timer.enable();
    start_in_handler().spawn(task(bus).expect("the task is not running"));
    let mut freezer = Lm75::new(I2cDevice::new(bus, Park).expect("two"), FREEZER);
    assert!(bus.try_lock().is_err() && READ.load(Relaxed) == 0, "the task has the bus");
    alarm::one_shot(alarm::ticks_per_second() / 1000);
    assert_eq!(freezer.read_temperature().ok(), Some(-12.5));
    assert_eq!(READ.load(Relaxed), 1, "the task came first");
}
crate::registry::test!(a_blocking_driver_waits_for_a_suspended_task);

/// A blocking driver in a task of the same executor keeps the task that holds the bus from running. Its limit
/// ends that, and does not touch the other's transaction.
fn in_one_executor_a_limit_ends_what_would_wait_for_ever(_: &'static Board) {
    static OVER: AtomicBool = AtomicBool::new(false);

    // Spawned last, so it runs first.
    #[embassy_executor::task]
    async fn awaiting(bus: &'static Shared) {
        let device = I2cDevice::new(bus, Park).expect("two");
        let mut thermometer = Tmp1075::with_address(THERMOMETER, device);
        assert_eq!(thermometer.get_temperature_float().await, Ok(23.5));
        READ.fetch_add(1, Relaxed);
    }

    #[embassy_executor::task]
    async fn blocking(bus: &'static Shared) {
        assert!(bus.try_lock().is_err() && READ.load(Relaxed) == 0, "the other one has the bus");
        let limit = For::new(alarm::park_until(), clock(), Duration::from_millis(2));
        let mut freezer = Lm75::new(I2cDevice::new(bus, limit).expect("two"), FREEZER);
        let end = freezer.read_temperature();
        assert!(matches!(end, Err(lm75::Error::I2C(Error::TimedOut))), "{end:?}");
        core::future::poll_fn(|context| {
            if READ.load(Relaxed) == 1 {
                return core::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            core::task::Poll::Pending
        })
        .await;
        assert_eq!(freezer.read_temperature().ok(), Some(-12.5));
        OVER.store(true, Relaxed);
    }

    let bus = share();
    let mut executor = Executor::take();
    let spawner: Spawner = executor.spawner();
    spawner.spawn(blocking(bus).expect("it is not running"));
    spawner.spawn(awaiting(bus).expect("it is not running"));
    executor.run_until(|| OVER.load(Relaxed).then_some(()), Park);
}
crate::registry::test!(in_one_executor_a_limit_ends_what_would_wait_for_ever);

/// The future of the awaited driver, dropped after any number of polls: the bus is free, and the next drivers
/// read what is right.
fn an_awaited_driver_is_dropped_after_any_poll(_: &'static Board) {
    let bus = share();
    keep(&mut bus.try_lock().expect("it is free"));
    let mut thermometer =
        Tmp1075::with_address(THERMOMETER, I2cDevice::new(bus, Park).expect("two"));
    let (mut cuts, mut ends) = (0, 0);
    for polls in 0..8 {
        // With interrupts held off and let in, the tries fall elsewhere.
        for masked in [false, true] {
            let mut poll = || {
                let mut read = pin!(thermometer.get_temperature_float());
                let mut context = Context::from_waker(Waker::noop());
                (0..polls).any(|_| read.as_mut().poll(&mut context).is_ready())
            };
            let ended = match masked {
                true => without_interrupts(&mut poll),
                false => poll(),
            };
            (cuts, ends) = (cuts + u32::from(!ended), ends + u32::from(ended));
            let mut bus = bus.try_lock().expect("the call that was dropped has freed it");
            assert!(is_right(&mut bus), "after {polls} polls");
        }
    }
    assert!(cuts >= 4 && ends >= 4, "{cuts} cuts, {ends} ends");
}
crate::registry::test!(an_awaited_driver_is_dropped_after_any_poll);

/// Room for the bus that a handler uses.
static FOR_A_HANDLER: Mutex<Cell<Option<&'static Shared>>> = Mutex::new(Cell::new(None));
static HELD: AtomicU32 = AtomicU32::new(0);

/// A handler makes one try to lock the bus, and tries of a transaction, and never waits. The foreground's
/// driver blocks meanwhile, asleep.
fn a_handler_uses_the_bus_by_tries(_: &'static Board) {
    /// More than the transaction takes.
    const TRIES: u32 = 10;

    fn read_by_tries(line: Line) {
        line.acknowledge();
        alarm::one_shot(alarm::ticks_per_second() / 50_000);
        let bus = critical_section::with(|section| FOR_A_HANDLER.borrow(section).get());
        let Ok(mut bus) = bus.expect("it was put there").try_lock() else {
            HELD.fetch_add(1, Relaxed);
            return;
        };
        let mut two = [0; 2];
        let mut operations = [Operation::Write(&[0]), Operation::Read(&mut two)];
        let mut read = bus.transaction(THERMOMETER, &mut operations);
        let end = (0..TRIES).find_map(|_| match read.attempt() {
            Err(nb::Error::WouldBlock) => None,
            end => Some(end),
        });
        drop(read);
        assert_eq!((end, two), (Some(Ok(())), WARM));
        READ.fetch_add(1, Relaxed);
    }

    let bus = share();
    critical_section::with(|section| FOR_A_HANDLER.borrow(section).set(Some(bus)));
    Line::Timer.set_handler(read_by_tries);
    Line::Timer.enable();
    alarm::one_shot(alarm::ticks_per_second() / 50_000);
    let mut freezer = Lm75::new(I2cDevice::new(bus, Park).expect("two"), FREEZER);
    for _ in 0..1000 {
        assert_eq!(freezer.read_temperature().ok(), Some(-12.5));
        (0..100).for_each(|pause| _ = black_box(pause));
    }
    alarm::stop();
    let (read, held) = (READ.load(Relaxed), HELD.load(Relaxed));
    defmt::info!("{=u32} reads in a handler, {=u32} times the bus was held", read, held);
    assert!(read > 0 && held > 0, "{read} reads, {held} times held");
}
crate::registry::test!(a_handler_uses_the_bus_by_tries);
