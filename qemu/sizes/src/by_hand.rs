//! A driver of the device by hand: the least that is right, with critical sections and embassy's waker.

use core::{cell::UnsafeCell, future::poll_fn, task::Poll};

use critical_section::Mutex;
use embassy_sync::waitqueue::AtomicWaker;

use crate::{
    device::{Receive, sink, sink_ok},
    frame::{block_on, sleep_unless},
    timer::{clear_alarm, now, set_alarm},
};

/// A byte, retried asleep. It stays in the device until it is taken, so the sleeper itself looks there
/// with interrupts held off, and the handler has nothing to tell.
#[inline]
pub fn block(device: &impl Receive) -> u8 {
    loop {
        match device.try_byte() {
            Ok(byte) => return byte,
            Err(_) => sleep_unless(|| device.has_byte()),
        }
    }
}

/// A byte, retried spinning for this many ticks, and once more after them. `None`: the time is up.
#[inline]
pub fn spin_for(device: &impl Receive, ticks: u32) -> Option<u8> {
    let start = now();
    loop {
        let last = now().wrapping_sub(start) >= ticks;
        match device.try_byte() {
            Ok(byte) => return Some(byte),
            Err(_) if last => return None,
            Err(_) => core::hint::spin_loop(),
        }
    }
}

/// The same asleep.
#[inline]
pub fn block_for(device: &impl Receive, ticks: u32) -> Option<u8> {
    let start = now();
    let end = loop {
        let elapsed = now().wrapping_sub(start);
        match device.try_byte() {
            Ok(byte) => break Some(byte),
            Err(_) if elapsed >= ticks => break None,
            Err(_) => {}
        }
        set_alarm(ticks - elapsed);
        sleep_unless(|| device.has_byte());
    };
    clear_alarm();
    end
}

/// What handler and foreground share, used in critical sections.
///
/// # Invariant
/// What is passed to [`with`](Self::with) does not call it again.
#[derive(Debug)]
struct Shared<T>(Mutex<UnsafeCell<T>>);

impl<T> Shared<T> {
    const fn new(value: T) -> Self {
        Self(Mutex::new(UnsafeCell::new(value)))
    }

    #[inline(always)]
    fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: in a critical section, and by the invariant, this is the only borrow.
        critical_section::with(|section| use_it(unsafe { &mut *self.0.borrow(section).get() }))
    }
}

/// A read of `N` bytes that runs, and what belongs to it.
#[derive(Debug)]
struct Running<T, const N: usize> {
    bytes: [u8; N],
    read: usize,
    with: T,
}

/// A read of `N` bytes in the background, in a `static`, with a value that comes back at its end.
#[derive(Debug)]
pub struct Read<T, const N: usize>(Shared<Option<Running<T, N>>>);

impl<T, const N: usize> Read<T, N> {
    /// None runs.
    pub const fn new() -> Self {
        Self(Shared::new(None))
    }

    /// Starts it.
    #[inline]
    pub fn start(&self, device: &impl Receive, with: T) {
        self.0.with(|running| {
            *running = Some(Running { bytes: [0; N], read: 0, with });
            device.announce();
        });
    }

    /// For the handler: takes the bytes that are there. Returns all of them at the end.
    #[inline]
    pub fn step(&self, device: &impl Receive) -> Option<([u8; N], T)> {
        self.0.with(|running| {
            let read = running.as_mut()?;
            while read.read < N {
                read.bytes[read.read] = device.try_byte().ok()?;
                read.read += 1;
            }
            running.take().map(|read| (read.bytes, read.with))
        })
    }
}

impl<T, const N: usize> Default for Read<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// What is called at the end of a read.
type Callback<const N: usize> = fn([u8; N]);

/// A driver in all six forms. One waker serves the task that awaits a byte or the end of a read.
pub struct Driver<D, const N: usize> {
    device: D,
    waker: AtomicWaker,
    read: Read<Option<Callback<N>>, N>,
    end: Shared<Option<[u8; N]>>,
}

impl<D: Receive, const N: usize> Driver<D, N> {
    /// The driver of this device.
    pub const fn new(device: D) -> Self {
        Self { device, waker: AtomicWaker::new(), read: Read::new(), end: Shared::new(None) }
    }

    /// The handler's part.
    #[inline(always)]
    pub fn on_interrupt(&self) {
        match self.read.step(&self.device) {
            Some((bytes, Some(callback))) => callback(bytes),
            Some((bytes, None)) => self.end.with(|end| *end = Some(bytes)),
            None => {}
        }
        self.waker.wake();
    }

    async fn byte(&self) -> u8 {
        poll_fn(|context| {
            self.waker.register(context.waker());
            self.device.try_byte().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    async fn end(&self) -> [u8; N] {
        poll_fn(|context| {
            self.waker.register(context.waker());
            self.end.with(Option::take).map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// All six forms.
    pub fn six_forms(&'static self) {
        const HOLD_TICKS: u32 = 30_000;

        self.device.enable_interrupt(true);
        sink_ok(self.device.try_byte());
        sink(block(&self.device));
        if let Some(byte) = block_for(&self.device, HOLD_TICKS) {
            sink(byte);
        }
        sink(block_on(self.byte()));
        self.read.start(&self.device, None);
        sink(block_on(self.end())[N - 1]);
        self.read.start(&self.device, Some(|bytes| sink(bytes[N - 1])));
    }
}
