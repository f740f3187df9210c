//! A driver of the device by the library: an operation in every form, and a read of several bytes in
//! the background. It is written as the guide's page "A driver, step by step" writes it.

use core::{convert::Infallible, time::Duration};

use wouldblock::{
    attempt::{Attempt, from_fn},
    block::{Park, WithAlarm},
    event::{Event, Operation, OwedWake, Waiter, wait::Wait},
    job::{Background, Done, Slot},
};

use crate::{
    device::{Receive, sink, sink_ok},
    frame::{block_on, stop},
    timer::Timer,
};

/// The device, in a `static`.
#[derive(Debug)]
pub struct Driver<D> {
    device: D,
    received: Event,
}

impl<D: Receive> Driver<D> {
    /// The driver of this device.
    pub const fn new(device: D) -> Self {
        Self { device, received: Event::new() }
    }

    /// The one reader, or `None` while it is handed out.
    pub fn reader(&self) -> Option<Reader<'_, D>> {
        Some(Reader { waiter: self.received.waiter()?, driver: self })
    }

    /// For the handler: dropping what this returns wakes the reader.
    pub fn on_interrupt(&self) -> OwedWake<'_> {
        OwedWake::new(&self.received)
    }
}

/// The end that reads.
#[derive(Debug)]
pub struct Reader<'d, D> {
    driver: &'d Driver<D>,
    waiter: Waiter<'d>,
}

impl<D: Receive> Reader<'_, D> {
    /// One byte, in every form.
    pub fn byte(&mut self) -> Operation<impl Wait<Output = u8, Error = Infallible>> {
        self.waiter.operation(from_fn(|| self.driver.device.try_byte()))
    }
}

impl<D: Receive> Receive for Reader<'_, D> {
    #[inline]
    fn try_byte(&self) -> nb::Result<u8, Infallible> {
        self.driver.device.try_byte()
    }

    #[inline]
    fn has_byte(&self) -> bool {
        self.driver.device.has_byte()
    }

    #[inline]
    fn enable_interrupt(&self, on: bool) {
        self.driver.device.enable_interrupt(on);
    }
}

/// Reads `N` bytes in the background. It owns the buffer and what it reads from, the device or its
/// reader, and its end gives both back.
#[derive(Debug)]
pub struct Read<R, const N: usize> {
    from: R,
    bytes: [u8; N],
    read: usize,
    cancelled: bool,
}

impl<R, const N: usize> Read<R, N> {
    /// With an empty buffer.
    pub const fn new(from: R) -> Self {
        Self { from, bytes: [0; N], read: 0, cancelled: false }
    }
}

impl<R: Receive, const N: usize> Attempt for Read<R, N> {
    type Output = usize;
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<usize, Infallible> {
        while self.read < N && !self.cancelled {
            self.bytes[self.read] = self.from.try_byte()?;
            self.read += 1;
        }
        Ok(self.read)
    }
}

impl<R: Receive + Send, const N: usize> Background for Read<R, N> {
    fn begin(&mut self) {
        self.from.announce();
    }

    fn cancel(&mut self) {
        self.cancelled = true;
    }
}

/// Uses the last byte of a read, and returns what it has read from.
#[inline(always)]
pub fn use_end<R: Receive, const N: usize>(done: Done<Read<R, N>>) -> R {
    sink(done.op.bytes[N - 1]);
    done.op.from
}

/// The slot of a driver's reads.
pub type ReadSlot<D, const N: usize> = Slot<Read<Reader<'static, D>, N>>;

/// The handler's part of a driver that is used in all forms.
#[inline(always)]
pub fn on_interrupt<D: Receive + Sync, const N: usize>(
    driver: &'static Driver<D>,
    read: &'static ReadSlot<D, N>,
) {
    let stepped = read.on_interrupt();
    let news = driver.on_interrupt();
    drop((stepped, news));
}

/// All six forms.
pub fn six_forms<D: Receive + Sync, const N: usize>(
    driver: &'static Driver<D>,
    read: &'static ReadSlot<D, N>,
) {
    const HOLD: Duration = Duration::from_millis(30);

    let mut reader = driver.reader().expect("one reader at a time");
    reader.enable_interrupt(true);
    sink_ok(reader.byte().attempt());
    sink_ok(reader.byte().block(Park));
    sink_ok(reader.byte().block_for(WithAlarm::new(Park, Timer), Timer, HOLD));
    sink_ok(block_on(reader.byte()));
    let Ok(job) = read.start(Read::new(reader)) else { stop() };
    let reader = use_end(block_on(job));
    let ended = |done| drop(use_end(done));
    let Ok(()) = read.start_with(Read::new(reader), ended) else { stop() };
}
