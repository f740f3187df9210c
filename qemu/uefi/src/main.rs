//! The library in a UEFI application. The firmware owns the interrupt table, so the application has
//! no handler; its "interrupt" is a callback that the firmware makes from its own timer interrupt.
//! The application sleeps until a tick, waits for a job asleep, awaits another one, and ends.

#![no_std]
#![no_main]

use core::{
    convert::Infallible,
    ffi::c_void,
    future::Future,
    pin::pin,
    ptr::{self, NonNull},
    sync::atomic::{
        AtomicBool, AtomicU32,
        Ordering::{Acquire, Relaxed, Release},
    },
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
    time::Duration,
};

use uefi::{
    boot::{self, EventType, TimerTrigger, Tpl},
    prelude::*,
    println,
};
use wouldblock::{
    Attempt,
    attempt::from_fn,
    block::{Idle, Park},
    event::Event,
    job::{Background, Done, Slot},
};
use x86_64::instructions::port::Port;

/// Ticks of the firmware's timer so far, and the event that announces each.
static TICKS: AtomicU32 = AtomicU32::new(0);
static TICKED: Event = Event::new();

static SLOT: Slot<Ticks> = Slot::new();

/// Ends this many ticks after it has begun, with the number of the tick.
struct Ticks {
    after: u32,
    end: u32,
}

impl Ticks {
    const fn new(after: u32) -> Self {
        Self { after, end: 0 }
    }
}

impl Attempt for Ticks {
    type Output = u32;
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<u32, Infallible> {
        let now = TICKS.load(Relaxed);
        if now >= self.end { Ok(now) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Ticks {
    fn begin(&mut self) {
        self.end = TICKS.load(Relaxed) + self.after;
    }

    fn cancel(&mut self) {
        self.end = 0;
    }
}

/// The firmware calls this once a millisecond, at `TPL_NOTIFY`: it interrupts the application as a
/// handler does, and has nothing to acknowledge.
unsafe extern "efiapi" fn on_tick(_: uefi::Event, _: Option<NonNull<c_void>>) {
    TICKS.fetch_add(1, Relaxed);
    let stepped = SLOT.on_interrupt();
    TICKED.signal();
    drop(stepped);
}

/// Runs `future` to its end, asleep while it is pending.
fn block_on<F: Future>(future: F) -> F::Output {
    static WOKEN: AtomicBool = AtomicBool::new(false);
    static WAKER: RawWakerVTable = RawWakerVTable::new(
        |_| RawWaker::new(ptr::null(), &WAKER),
        |_| WOKEN.store(true, Release),
        |_| WOKEN.store(true, Release),
        |_| {},
    );
    // SAFETY: the functions use no data.
    let waker = unsafe { Waker::from_raw(RawWaker::new(ptr::null(), &WAKER)) };
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !WOKEN.swap(false, Acquire) {
            Park.idle(|| WOKEN.load(Acquire));
        }
    }
}

/// Ends QEMU with exit code 33.
fn exit() {
    // SAFETY: the port of QEMU's `isa-debug-exit`. Where that is missing, nothing is there.
    unsafe { Port::<u32>::new(0xf4).write(33 >> 1) };
}

#[entry]
fn main() -> Status {
    let kind = EventType::TIMER | EventType::NOTIFY_SIGNAL;
    // SAFETY: `on_tick` uses statics only, and takes no context.
    let timer = unsafe { boot::create_event(kind, Tpl::NOTIFY, Some(on_tick), None) };
    let timer = timer.expect("an event");
    boot::set_timer(&timer, TimerTrigger::Periodic(Duration::from_millis(1))).expect("a timer");

    let mut waiter = TICKED.waiter().expect("the only waiter");
    let mut tries = 0;
    let tick = from_fn(|| {
        tries += 1;
        if TICKS.load(Relaxed) == 0 {
            Err::<_, nb::Error<()>>(nb::Error::WouldBlock)
        } else {
            Ok(())
        }
    });
    waiter.operation(tick).block(Park).expect("no error");
    // Without sleep it would be thousands.
    let tries = if tries < 10 { "a few tries" } else { "many tries" };
    println!("asleep until the firmware's timer: {tries}");

    let Done { result: Ok(end), op } = SLOT.start(Ticks::new(5)).expect("idle").wait(Park);
    println!("a job, waited for asleep, ended {} ticks late", end - op.end);

    let Done { result: Ok(end), op } = block_on(SLOT.start(Ticks::new(5)).expect("idle"));
    println!("a job, awaited, ended {} ticks late", end - op.end);

    boot::close_event(timer).expect("it was open");
    exit();
    Status::SUCCESS
}
