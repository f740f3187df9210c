//! Paths that are broken on purpose, each in the way of a mistake that is made in the field: the
//! sweep must find every one.

use core::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    task::Poll,
};

use board::{
    idle::Park,
    interrupts::{disable, enable},
};
use firmware::{serial::COM1, task::block_on};
use wouldblock::{
    attempt::{self, Attempt},
    block::Idle,
    event::Event,
};
use x86_64::instructions::{hlt, interrupts::enable_and_hlt, nop};

use crate::{
    of_units,
    placement::{Path, waits},
    uart,
    units::{self, LEFT},
};

pub const TWINS: &[Path] = &[
    of_units("await: check before register", check_before_register),
    of_units("park: sti; nop; hlt", park_late),
    of_units("park: news checked with interrupts on", park_unmasked),
    Path { source: put_news, ..of_units("flag: cleared after the check", clear_after_check) },
    Path::new("handler: wakes before the flag is set", forget_told, signal_before_put, wake_early),
    Path::new("uart: no re-arm after a try on a masked source", disarm, uart::put, read_unarmed),
    Path {
        source: put_and_step,
        ..of_units("slot: published after begin, no first step", publish_late)
    },
    Path {
        source: put_and_step,
        ..of_units("slot: a contended step leaves no note", release_without_look)
    },
];

/// The library's registration, without its second try.
fn check_before_register() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let never = attempt::from_fn(|| Err::<(), _>(nb::Error::<Infallible>::WouldBlock));
        let mut registration = waiter.operation(never);
        block_on(poll_fn(|context| match LEFT.take() {
            Ok(()) => Poll::Ready(()),
            Err(_) => Pin::new(&mut registration).poll(context).map(drop),
        }));
    });
}

/// One instruction between `sti` and `hlt` is one too many.
struct ParkLate;

impl Idle for ParkLate {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        disable();
        let news = news();
        enable();
        if !news {
            nop();
            hlt();
        }
    }
}

fn park_late() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let Ok(()) = waiter.operation(attempt::from_fn(|| LEFT.take())).block(ParkLate);
    });
}

/// The news may come behind the look.
struct ParkUnmasked;

impl Idle for ParkUnmasked {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !news() {
            disable();
            enable_and_hlt();
        }
    }
}

fn park_unmasked() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let Ok(()) = waiter.operation(attempt::from_fn(|| LEFT.take())).block(ParkUnmasked);
    });
}

static NEWS: AtomicBool = AtomicBool::new(false);

fn put_news() -> bool {
    LEFT.put_silently();
    NEWS.store(true, Relaxed);
    true
}

/// News from between the try and the clearing are cleared too.
fn clear_after_check() {
    waits(|| {
        while LEFT.take().is_err() {
            NEWS.store(false, Relaxed);
            while !NEWS.load(Relaxed) {
                Park.idle(|| NEWS.load(Relaxed));
            }
        }
    });
}

static TOLD: AtomicBool = AtomicBool::new(false);

fn forget_told() {
    units::empty();
    TOLD.store(false, Relaxed);
}

/// The handler signals, and its second half puts the unit.
fn signal_before_put() -> bool {
    let told = TOLD.fetch_xor(true, Relaxed);
    if told {
        LEFT.put_silently()
    } else {
        LEFT.signal()
    }
    told
}

/// Who is woken too early finds nothing, and is not woken again.
fn wake_early() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let Ok(()) = block_on(waiter.operation(attempt::from_fn(|| LEFT.take())));
    });
}

static ARMED: AtomicBool = AtomicBool::new(false);

/// The twin's own event, since that of the driver has its waiter in there.
static RECEIVED: Event = Event::new();

fn disarm() {
    uart::reset();
    COM1.line().set_handler(|line| {
        let news = COM1.uart.on_interrupt();
        line.acknowledge();
        drop(news);
        RECEIVED.signal();
    });
    ARMED.store(false, Relaxed);
}

/// Armed once and for all, while each interrupt masks its source.
struct ArmedOnce<A>(A);

impl<A: Attempt> Attempt for ArmedOnce<A> {
    type Output = A::Output;
    type Error = A::Error;

    fn attempt(&mut self) -> nb::Result<A::Output, A::Error> {
        self.0.attempt()
    }

    fn arm(&mut self) {
        if !ARMED.swap(true, Relaxed) {
            self.0.arm();
        }
    }
}

fn read_unarmed() {
    let mut receiver = uart::receiver();
    let mut waiter = RECEIVED.waiter().expect("one run at a time");
    waits(|| {
        let recv = ArmedOnce(receiver.recv().into_inner());
        let end = waiter.operation(recv).block(Park);
        assert_eq!(end, Ok(uart::BYTE));
    });
}

const IDLE: u32 = 0;
const RUNNING: u32 = 1;
const STEPPING: u32 = 2;
const DONE: u32 = 3;
/// A slot for one operation, which takes one unit.
static PHASE: AtomicU32 = AtomicU32::new(IDLE);

/// The handler's step, on a slot that it can claim.
fn put_and_step() -> bool {
    LEFT.put_silently();
    step();
    true
}

/// Who finds the slot claimed goes away, and who lets go of it does not look again.
fn step() {
    if PHASE.compare_exchange(RUNNING, STEPPING, Relaxed, Relaxed).is_ok() {
        PHASE.store(if LEFT.take().is_ok() { DONE } else { RUNNING }, Relaxed);
    }
}

fn is_done() -> bool {
    PHASE.load(Relaxed) == DONE
}

/// The handler alone steps. It may have done so before there was anything to step.
fn publish_late() {
    waits(|| {
        if LEFT.any() {
            step(); // The interrupt that `begin` lets through.
        }
        PHASE.store(RUNNING, Relaxed);
        while !is_done() {
            Park.idle(is_done);
        }
    });
}

/// The foreground steps too. The handler may come in the middle.
fn release_without_look() {
    waits(|| {
        PHASE.store(RUNNING, Relaxed);
        loop {
            step();
            if is_done() {
                return;
            }
            Park.idle(is_done);
        }
    });
}
