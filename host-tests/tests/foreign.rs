//! The sweep on drivers that use nothing of this library but, where said, the atomics of
//! `wouldblock::sync`: a transmitter on `embassy-sync`, and counters that a handler shares. Each comes
//! with its mistake, which the sweep finds and names by its line, and without it.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::Poll,
};

use embassy_sync::{
    blocking_mutex::{Mutex, raw::CriticalSectionRawMutex},
    waitqueue::AtomicWaker,
};
use wouldblock::{
    sync::atomic::{AtomicU32, Ordering},
    testing::{Failure, Report, Sweep, World},
};

/// A line of this file.
fn named(failure: &Failure, line: u32) -> bool {
    failure.to_string().contains(&format!("tests/foreign.rs:{line}:"))
}

/// Asserts that all failures are lost wake-ups, and that one of a single event names `line`, on the side
/// of it that `side` says.
#[track_caller]
fn lost_at(report: &Report, line: u32, side: &str) {
    println!("found: {report}");
    assert!(report.lost() > 0, "not found: {report}");
    assert_eq!(report.lost(), report.failures().len() as u64, "other faults, too: {report}");
    let mut single = report.failures().iter().filter(|failure| failure.placements.len() == 1);
    let found = single.any(|failure| named(failure, line) && failure.to_string().contains(side));
    assert!(found, "line {line} is not named: {:#?}", report.failures());
}

#[track_caller]
fn clean(report: &Report) {
    println!("clean: {report}");
    report.assert_clean();
}

/// The transmitter of a UART: it requests an interrupt while its FIFO is empty and that is enabled.
#[derive(Default)]
struct Transmitter {
    empty: Cell<bool>,
    enabled: Cell<bool>,
    sent: RefCell<Vec<u8>>,
}

/// Its driver: a ring of two bytes, which the handler drains into the FIFO.
struct Uart {
    device: Rc<Transmitter>,
    ring: Mutex<CriticalSectionRawMutex, RefCell<VecDeque<u8>>>,
    waker: AtomicWaker,
}

/// The line of `Uart::push` at which the ring is looked at.
const LOOKED: u32 = line!() + 4;

impl Uart {
    fn push(&self, byte: u8) -> bool {
        self.ring.lock(|ring| {
            let mut ring = ring.borrow_mut();
            let free = ring.len() < 2;
            if free {
                ring.push_back(byte);
                self.device.enabled.set(true);
            }
            free
        })
    }

    /// As published in a HAL: an interrupt after the look finds no waker, and none follows.
    async fn write_check_first(&self, byte: u8) {
        poll_fn(|context| {
            if self.push(byte) {
                return Poll::Ready(());
            }
            self.waker.register(context.waker());
            Poll::Pending
        })
        .await;
    }

    async fn write_register_first(&self, byte: u8) {
        poll_fn(|context| {
            self.waker.register(context.waker());
            if self.push(byte) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn on_interrupt(&self) {
        self.ring.lock(|ring| {
            self.device.sent.borrow_mut().extend(ring.borrow_mut().drain(..));
            self.device.enabled.set(false);
        });
        self.waker.wake();
    }
}

struct UartWorld {
    device: Rc<Transmitter>,
    uart: Uart,
}

impl UartWorld {
    fn new() -> Self {
        let device = Rc::<Transmitter>::default();
        let (ring, waker) = (Mutex::new(RefCell::default()), AtomicWaker::new());
        Self { uart: Uart { device: device.clone(), ring, waker }, device }
    }

    fn assert_in_order(&self) {
        self.uart.ring.lock(|ring| {
            let (sent, ring) = (self.device.sent.borrow(), ring.borrow());
            assert!(sent.iter().chain(&*ring).eq(&[0, 1, 2]), "{sent:?}, then {ring:?}");
        });
    }
}

impl World for UartWorld {
    fn event(&self) {
        self.device.empty.set(true);
    }

    fn deliver(&self) -> bool {
        let requested = self.device.empty.get() && self.device.enabled.get();
        if requested {
            self.device.empty.set(false);
            self.uart.on_interrupt();
        }
        requested
    }
}

#[test]
fn check_then_register_loses_a_wake_up() {
    let report = Sweep::new("check, then register").run(UartWorld::new, |world, cpu| {
        (0..3).for_each(|byte| cpu.block_on(world.uart.write_check_first(byte)));
        world.assert_in_order();
    });
    lost_at(&report, LOOKED, "after the critical section");
}

#[test]
fn register_then_check_is_clean() {
    let report = Sweep::new("register, then check").run(UartWorld::new, |world, cpu| {
        (0..3).for_each(|byte| cpu.block_on(world.uart.write_register_first(byte)));
        world.assert_in_order();
    });
    clean(&report);
}

/// Counts the interrupts of a device, for one task.
struct Counter {
    requested: Cell<u32>,
    word: AtomicU32,
    word_of_core: std::sync::atomic::AtomicU32,
    cell: critical_section::Mutex<Cell<u32>>,
    waker: AtomicWaker,
}

impl Counter {
    fn new() -> Self {
        Self {
            requested: Cell::new(0),
            word: AtomicU32::new(0),
            word_of_core: 0.into(),
            cell: critical_section::Mutex::new(Cell::new(0)),
            waker: AtomicWaker::new(),
        }
    }

    fn on_interrupt(&self) {
        self.word.fetch_add(1, Ordering::Relaxed);
        self.word_of_core.fetch_add(1, Ordering::Relaxed);
        critical_section::with(|section| {
            let cell = self.cell.borrow(section);
            cell.set(cell.get() + 1);
        });
        self.waker.wake();
    }

    /// Waits until `take` has taken `wanted`.
    async fn take(&self, wanted: u32, take: fn(&Self) -> u32) {
        let mut taken = 0;
        poll_fn(|context| {
            self.waker.register(context.waker());
            taken += take(self);
            assert!(taken <= wanted);
            if taken == wanted { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl World for Counter {
    fn event(&self) {
        self.requested.set(self.requested.get() + 1);
    }

    fn deliver(&self) -> bool {
        let requested = self.requested.get();
        if requested != 0 {
            self.requested.set(requested - 1);
            self.on_interrupt();
        }
        requested != 0
    }
}

fn count(name: &str, take: fn(&Counter) -> u32) -> Report {
    Sweep::new(name).needs(2).run(Counter::new, move |counter, cpu| {
        cpu.block_on(counter.take(2, take));
    })
}

#[test]
fn a_load_and_a_store_lose_what_comes_between() {
    const STORED: u32 = line!() + 3;
    let report = count("load, store", |counter| {
        let taken = counter.word.load(Ordering::Relaxed);
        counter.word.store(0, Ordering::Relaxed);
        taken
    });
    lost_at(&report, STORED, "(boundary");
    clean(&count("swap", |counter| counter.word.swap(0, Ordering::Relaxed)));
}

#[test]
fn two_critical_sections_lose_what_comes_between() {
    const READ: u32 = line!() + 2;
    let report = count("read, write", |counter| {
        let taken = critical_section::with(|section| counter.cell.borrow(section).get());
        critical_section::with(|section| counter.cell.borrow(section).set(0));
        taken
    });
    lost_at(&report, READ, "after the critical section");
    lost_at(&report, READ + 1, "before the critical section");
    clean(&count("take", |counter| {
        critical_section::with(|section| counter.cell.borrow(section).take())
    }));
}

/// The limit: with the atomics of `core` there is no place for an interrupt between the two accesses, and
/// the same mistake is not seen.
#[test]
fn what_is_between_two_boundaries_is_not_seen() {
    clean(&count("load, store, of core", |counter| {
        let taken = counter.word_of_core.load(Ordering::Relaxed);
        counter.word_of_core.store(0, Ordering::Relaxed);
        taken
    }));
}

/// Every method of the atomics does what that of `core` does, and each but those of an exclusive
/// reference is a boundary.
#[test]
fn the_atomics_do_what_those_of_core_do() {
    use std::sync::atomic as core;

    use wouldblock::{sync::atomic as ours, testing::check};

    fn boundaries<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> u64 {
        let mut act = Some(act);
        let op = move || {
            wouldblock::attempt::from_fn(move || {
                if let Some(act) = act.take() {
                    act();
                }
                Ok::<_, wouldblock::nb::Error<()>>(())
            })
        };
        check::a_try_is_bounded(op, 100).unwrap()
    }

    macro_rules! same {
        ($atomic:ident, $values:expr, $($method:ident($($arg:expr),*);)*) => {$(
            for value in $values {
                let (ours, core) = (ours::$atomic::new(value), core::$atomic::from(value));
                assert_eq!(ours.$method($($arg),*), core.$method($($arg),*), stringify!($method));
                assert_eq!(format!("{ours:?}"), format!("{core:?}"));
                let its = boundaries(move || ours::$atomic::new(value).$method($($arg),*));
                assert!(its > 0, stringify!($method));
                assert_eq!(ours.into_inner(), core.into_inner(), stringify!($method));
            }
        )*};
    }
    use Ordering::{Relaxed, SeqCst};
    macro_rules! integers {
        ($($atomic:ident)*) => {$(
            same!($atomic, [0, 1, 7, 200],
                load(SeqCst); store(5, SeqCst); swap(5, SeqCst);
                fetch_add(250, SeqCst); fetch_sub(250, SeqCst);
                fetch_and(6, SeqCst); fetch_nand(6, SeqCst); fetch_or(6, SeqCst); fetch_xor(6, SeqCst);
                fetch_max(5, SeqCst); fetch_min(5, SeqCst);
                compare_exchange(7, 9, SeqCst, Relaxed); compare_exchange_weak(7, 9, SeqCst, Relaxed);
                fetch_update(SeqCst, Relaxed, |value| value.checked_sub(1));
                try_update(SeqCst, Relaxed, |value| value.checked_sub(1));
                update(SeqCst, Relaxed, |value| value / 2);
            );
        )*};
    }
    integers!(AtomicU8 AtomicU32 AtomicUsize);
    same!(AtomicBool, [false, true],
        load(SeqCst); store(true, SeqCst); swap(true, SeqCst); fetch_not(SeqCst);
        fetch_and(true, SeqCst); fetch_nand(true, SeqCst); fetch_or(true, SeqCst); fetch_xor(true, SeqCst);
        compare_exchange(true, false, SeqCst, Relaxed);
        compare_exchange_weak(true, false, SeqCst, Relaxed);
        fetch_update(SeqCst, Relaxed, |value| value.then_some(false));
        try_update(SeqCst, Relaxed, |value| value.then_some(false));
        update(SeqCst, Relaxed, |value| !value);
    );

    static IN_A_STATIC: ours::AtomicUsize = ours::AtomicUsize::new(3);
    assert_eq!(IN_A_STATIC.load(Relaxed), 3);
    let mut value = 4;
    // SAFETY: the value lives longer, and is used through this reference alone as long as that lives.
    let at = unsafe { ours::AtomicU32::from_ptr(&raw mut value) };
    at.store(5, Relaxed);
    // SAFETY: as above; nothing else uses the value here.
    assert_eq!(unsafe { *at.as_ptr() }, 5);
    assert_eq!(*ours::AtomicU8::from(6).get_mut(), 6);
    assert!(!ours::AtomicBool::default().into_inner());
}
