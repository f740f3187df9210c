//! Signals as interrupts: a POSIX timer preempts this thread at a random machine instruction, and
//! the signal handler is the interrupt handler. The sweep interrupts at each boundary; this also
//! interrupts between boundaries, a million times (`WOULDBLOCK_ROUNDS` sets the number).
//!
//! # What is sound in a signal handler
//! `Event::signal`, a waker that only stores, `Slot::on_interrupt`, `try_lock`, and a channel's
//! `try_send` are lock-free on a host, with one exception: a step that finds a slot in the middle
//! of its `start` waits for a critical section. A critical section does not mask a signal as it
//! masks an interrupt. So this handler does what the interrupt controller does: if the thread is in
//! a critical section, the interrupt stays pending ([`in_critical_section`] is async-signal-safe).
//! It comes after the call that contains the section, or before the thread sleeps, with the signal
//! blocked.
//!
//! The thread sleeps in `ppoll`, which unblocks the signal and sleeps in one step, as `sti; hlt`
//! does. A sleep that lasts longer than a second is a lost wake-up.

use std::{
    cell::Cell,
    future::Future,
    pin::pin,
    sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    task::{Context, Poll, RawWaker, RawWakerVTable, Waker},
    time::Duration,
};

use fakes::xorshift::Xorshift;
use nix::{
    errno::Errno,
    poll::ppoll,
    sys::{
        signal::{
            SaFlags, SigAction, SigEvent, SigHandler, SigSet, SigevNotify, Signal, sigaction,
        },
        time::TimeSpec,
        timer::{Expiration, Timer, TimerSetTimeFlags},
    },
    time::ClockId,
    unistd::gettid,
};
use wouldblock::{
    attempt::Attempt,
    block::Idle,
    event::Event,
    job::{Background, Slot},
    nb,
    sync::{Channel, Mutex, Sender},
    testing::in_critical_section,
};

const INTERRUPT: Signal = Signal::SIGUSR1;
const ROUNDS: u64 = 1_000_000;

/// The device: it has a token when its timer has expired. All accesses are relaxed, so that only
/// the library can order them.
static TOKENS: AtomicU32 = AtomicU32::new(0);
static PENDING: AtomicBool = AtomicBool::new(false);

/// Where the foreground is, for the statistics.
static PLACE: AtomicU32 = AtomicU32::new(OUTSIDE);
const OUTSIDE: u32 = 0;
const IN_A_WAIT: u32 = 1;
const ASLEEP: u32 = 2;
static LANDED: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
/// Where the foreground was at the last signal.
static LAST: AtomicU32 = AtomicU32::new(OUTSIDE);
static HELD_OFF: AtomicU64 = AtomicU64::new(0);

static EVENT: Event = Event::new();
static SLOT: Slot<Take> = Slot::new();
static TOTAL: Mutex<u64> = Mutex::new(0);
static ADDED: AtomicU64 = AtomicU64::new(0);
/// The handler's end of the channel. Only the handler locks it, and the handler does not interrupt
/// itself.
static SENDER: Mutex<Option<Sender<'static, u64>>> = Mutex::new(None);
static SENT: AtomicU64 = AtomicU64::new(0);

extern "C" fn on_signal(_: i32) {
    let errno = Errno::last_raw(); // The interrupted code may be about to read it.
    TOKENS.fetch_add(1, Relaxed);
    let place = PLACE.load(Relaxed);
    LAST.store(place, Relaxed);
    LANDED[place as usize].fetch_add(1, Relaxed);
    if in_critical_section() {
        HELD_OFF.fetch_add(1, Relaxed);
        PENDING.store(true, Relaxed);
    } else {
        on_interrupt();
    }
    Errno::set_raw(errno);
}

/// The interrupt handler, as in a firmware.
fn on_interrupt() {
    let driven = SLOT.on_interrupt();
    if let Ok(mut total) = TOTAL.try_lock() {
        *total += 1;
        ADDED.fetch_add(1, Relaxed);
    }
    if let Ok(mut sender) = SENDER.try_lock()
        && let Some(sender) = &mut *sender
        && sender.try_send(SENT.load(Relaxed)).is_ok()
    {
        SENT.fetch_add(1, Relaxed);
    }
    EVENT.signal();
    drop(driven);
}

/// Takes the token. As a background operation it has nothing to begin, because the timer runs
/// already.
#[derive(Debug)]
struct Take;

impl Attempt for Take {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        let token = TOKENS.fetch_update(Relaxed, Relaxed, |tokens| tokens.checked_sub(1));
        token.map(drop).map_err(|_| nb::Error::WouldBlock)
    }
}

impl Background for Take {
    fn begin(&mut self) {}

    fn cancel(&mut self) {}
}

/// This thread as a CPU, with signals as its interrupts.
struct Cpu {
    timer: Timer,
    lost: Cell<u64>,
    random: Cell<Xorshift>,
    /// The delay of the next signal in nanoseconds, without the random part.
    delay: u64,
}

/// By how much the last signal changes the delay, in nanoseconds.
const STEP: u64 = 50;
/// The largest random part of the delay, in nanoseconds.
const SPREAD: u64 = 3000;

impl Cpu {
    fn new() -> Self {
        let handler = SigHandler::Handler(on_signal);
        let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
        // SAFETY: the handler does only what is async-signal-safe, see the module's documentation.
        unsafe { sigaction(INTERRUPT, &action) }.unwrap();
        assert!(!in_critical_section()); // Initialises the thread-local variable.
        let thread_id = gettid().as_raw();
        let notify = SigevNotify::SigevThreadId { signal: INTERRUPT, thread_id, si_value: 0 };
        let timer = Timer::new(ClockId::CLOCK_MONOTONIC, SigEvent::new(notify)).unwrap();
        Self {
            timer,
            lost: Cell::new(0),
            random: Cell::new(Xorshift(0x9e37_79b9_7f4a_7c15)),
            delay: 0,
        }
    }

    fn random(&self, below: u64) -> u64 {
        let mut random = self.random.get();
        let number = random.below(below);
        self.random.set(random);
        number
    }

    /// Sets the timer for one interrupt, at about the time at which the thread will be in the wait.
    /// The last interrupt shows how long this host takes to set a timer and to raise a signal.
    fn interrupt_soon(&mut self) {
        match LAST.load(Relaxed) {
            OUTSIDE => self.delay += STEP,
            ASLEEP => self.delay = self.delay.saturating_sub(STEP),
            _ => {}
        }
        let delay = Duration::from_nanos(1 + self.delay + self.random(SPREAD));
        let once = Expiration::OneShot(TimeSpec::from_duration(delay));
        self.timer.set(once, TimerSetTimeFlags::empty()).unwrap();
    }

    /// Runs the pending interrupt. The signal is blocked meanwhile, as in a handler.
    fn catch_up() {
        if PENDING.load(Relaxed) {
            let blocked = Blocked::new();
            if PENDING.swap(false, Relaxed) {
                on_interrupt();
            }
            drop(blocked);
        }
    }
}

/// Blocks the signal while it lives.
struct Blocked;

impl Blocked {
    fn new() -> Self {
        SigSet::from(INTERRUPT).thread_block().unwrap();
        Self
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        SigSet::from(INTERRUPT).thread_unblock().unwrap();
    }
}

impl Idle for &Cpu {
    fn idle(&mut self, news: impl Fn() -> bool) {
        let _blocked = Blocked::new();
        if PENDING.swap(false, Relaxed) {
            on_interrupt();
        }
        if news() {
            return;
        }
        let place = PLACE.swap(ASLEEP, Relaxed);
        let slept = ppoll(
            &mut [],
            Some(TimeSpec::from_duration(Duration::from_secs(1))),
            Some(SigSet::empty()),
        );
        PLACE.store(place, Relaxed);
        if slept.is_ok() {
            self.lost.set(self.lost.get() + 1);
            on_interrupt(); // So that the run continues.
        }
    }
}

/// Set by the only task's waker, which does nothing else.
static WOKEN: AtomicBool = AtomicBool::new(false);
static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |_| RawWaker::new(std::ptr::null(), &VTABLE),
    |_| WOKEN.store(true, Release),
    |_| WOKEN.store(true, Release),
    |_| {},
);

fn block_on<F: Future>(mut cpu: &Cpu, future: F) -> F::Output {
    // SAFETY: no function of the table uses the pointer.
    let waker = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &VTABLE)) };
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        while !WOKEN.swap(false, Acquire) {
            cpu.idle(|| WOKEN.load(Acquire));
        }
    }
}

#[test]
fn a_timer_signal_preempts_every_wait_at_random() {
    let rounds =
        std::env::var("WOULDBLOCK_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut cpu = Cpu::new();
    let (sender, mut receiver) = Box::leak(Box::new(Channel::<u64, 3>::new())).split().unwrap();
    *TOTAL.try_lock().unwrap() = 0;
    *SENDER.try_lock().unwrap() = Some(sender);
    let mut waiter = EVENT.waiter().unwrap();
    let (mut received, mut own, mut forms) = (0, 0, [0_u64; 7]);

    for round in 0..rounds {
        cpu.interrupt_soon();
        let form = (round % forms.len() as u64) as usize;
        forms[form] += 1;
        PLACE.store(IN_A_WAIT, Relaxed);
        match form {
            0 => waiter.operation(Take).block(&cpu).unwrap(),
            1 => block_on(&cpu, waiter.operation(Take)).unwrap(),
            2 => {
                // The operation is dropped after a poll, and another one continues with another
                // waker.
                let mut op = waiter.operation(Take);
                let waker = Waker::noop();
                if pin!(&mut op).poll(&mut Context::from_waker(waker)).is_pending() {
                    drop(op);
                    block_on(&cpu, waiter.operation(Take)).unwrap();
                }
            }
            3 => {
                let job = SLOT.start(Take).unwrap();
                Cpu::catch_up();
                job.wait(&cpu).result.unwrap();
            }
            4 => {
                let job = SLOT.start(Take).unwrap();
                Cpu::catch_up();
                block_on(&cpu, job).result.unwrap();
            }
            5 => {
                let Ok(value) = receiver.recv().block(&cpu);
                assert_eq!(value, received, "in order, none lost, none doubled");
                received += 1;
                waiter.operation(Take).block(&cpu).unwrap();
            }
            _ => {
                // While this holds the lock, the handler does not get it, and does not wait for it.
                if let Ok(mut total) = TOTAL.try_lock() {
                    *total += 1;
                    own += 1;
                }
                block_on(&cpu, waiter.operation(Take)).unwrap();
            }
        }
        PLACE.store(OUTSIDE, Relaxed);
        while let Ok(value) = receiver.try_recv() {
            assert_eq!(value, received, "in order, none lost, none doubled");
            received += 1;
        }
    }

    let total = *TOTAL.try_lock().unwrap();
    let [outside, in_a_wait, asleep] = [0, 1, 2].map(|place: usize| LANDED[place].load(Relaxed));
    let (lost, held_off) = (cpu.lost.get(), HELD_OFF.load(Relaxed));
    println!(
        "signals: {rounds} rounds {forms:?}, {lost} lost; {} signals landed: {in_a_wait} in the middle \
         of a wait ({held_off} of them in a critical section), {asleep} in its sleep, {outside} outside",
        outside + in_a_wait + asleep,
    );
    assert_eq!(lost, 0);
    assert_eq!(received, SENT.load(Relaxed));
    assert_eq!(total, own + ADDED.load(Relaxed), "additions are lost or doubled");
    assert_eq!(outside + in_a_wait + asleep, rounds, "one signal for each round");
    assert_eq!(TOKENS.load(Relaxed), 0);
    // The host decides how often.
    assert!(in_a_wait > 0 && asleep > 0, "nothing was preempted");
}
