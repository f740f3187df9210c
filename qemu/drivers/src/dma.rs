//! The edu device's DMA engine as an operation: an attempt, and its background form.

// # Invariant
// **From `begin` until a try says that the transfer has ended, the device owns the memory: no
// reference to it is used, only its address and length.** Meanwhile the one [`Dma`] that exists is in
// the transfer or borrowed. A transfer that is dropped in flight takes the `Dma` and the memory out
// of use for good.

use core::{convert::Infallible, hint::spin_loop, ptr::NonNull, slice};

use portable_atomic::{AtomicBool, Ordering, fence};

pub use board::edu::Direction;
use board::{
    board,
    edu::{ADDRESS_LIMIT, Edu, Registers},
    interrupts::Line,
};
use wouldblock::{
    attempt::Attempt,
    block::Idle,
    event::{Event, OwedWake, Waiter},
    job::{Background, Slot},
};

/// The most that one transfer can move, in bytes.
pub const LONGEST: usize = Registers::BUFFER_SIZE as usize - 1;

/// Room for one transfer in the background.
pub static SLOT: Slot<Transfer> = Slot::new();
/// Signalled at the end of a transfer, for a wait without a slot.
static ENDED: Event = Event::new();

/// The DMA engine. There is one.
#[derive(Debug)]
pub struct Dma {
    registers: &'static Registers,
    waiter: Waiter<'static>,
}

/// Whether the end of a transfer interrupts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It does.
    Interrupts,
    /// It does not: only tries find it.
    Silent,
}

impl Dma {
    /// The engine, once; `None` after that, and on a machine that has none. Lets it interrupt; its
    /// interrupt steps [`SLOT`].
    pub fn take() -> Option<Self> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        let edu = board().edu.as_ref()?;
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        edu.line().set_handler(|line| on_interrupt(&SLOT, line));
        edu.line().enable();
        Some(Self { registers: edu.registers(), waiter: ENDED.waiter()? })
    }

    /// The background form: moves the first [`LONGEST`] bytes of `memory`, which it owns until its
    /// end.
    ///
    /// # Panics
    /// If the memory lies where the device does not reach.
    pub fn into_transfer(self, memory: &'static mut [u8], direction: Direction) -> Transfer {
        Transfer { flight: Flight::new(self.registers, memory, direction), dma: self }
    }

    /// The blocking form: moves the first [`LONGEST`] bytes of `memory`. It may borrow the memory,
    /// since it does not return before the device is done.
    ///
    /// # Panics
    /// If the memory lies where the device does not reach.
    pub fn transfer(&mut self, memory: &mut [u8], direction: Direction, idle: impl Idle) {
        self.with_transfer(memory, direction, End::Interrupts, |waiter, mut transfer| {
            let Ok(()) = waiter.operation(&mut transfer).block(idle);
        });
    }

    /// As [`transfer`](Self::transfer), driven by `f`, which gets the transfer after its beginning
    /// and the waiter that is told of its end. If `f` returns before that end, this waits for it.
    ///
    /// # Panics
    /// If the memory lies where the device does not reach.
    #[inline(always)]
    pub fn with_transfer<T>(
        &mut self,
        memory: &mut [u8],
        direction: Direction,
        end: End,
        f: impl FnOnce(&mut Waiter<'static>, Borrowed<'_>) -> T,
    ) -> T {
        let mut flight = Flight::new(self.registers, memory, direction);
        flight.begin(end == End::Interrupts);
        let value = f(&mut self.waiter, Borrowed(&mut flight));
        while flight.in_flight && flight.attempt().is_err() {
            spin_loop();
        }
        value
    }

    /// Whether the device is at work, or asks for an interrupt.
    pub fn is_busy() -> bool {
        board().edu.as_ref().map(Edu::registers).is_some_and(|registers| {
            registers.dma_is_running() || registers.interrupt_status() != 0
        })
    }
}

/// The engine's interrupt line; `None` on a machine that has none.
pub fn line() -> Option<Line> {
    board().edu.as_ref().map(Edu::line)
}

/// Withdraws what the device asks an interrupt for: the first thing that a handler does.
#[inline]
pub fn quiet() {
    if let Some(edu) = board().edu.as_ref() {
        edu.registers().acknowledge(edu.registers().interrupt_status());
    }
}

/// The handler, for the slot that the transfer is in: quiets the device, steps the transfer,
/// acknowledges, and only then wakes. The transfer in the slot may be wrapped, for example to log it.
#[inline]
pub fn on_interrupt<T: Background>(slot: &'static Slot<T>, line: Line) {
    quiet();
    let driven = slot.on_interrupt();
    let ended = OwedWake::new(&ENDED);
    line.acknowledge();
    drop((driven, ended));
}

/// A transfer that borrows its memory. Made by [`Dma::with_transfer`].
#[derive(Debug)]
pub struct Borrowed<'f>(&'f mut Flight);

impl Attempt for Borrowed<'_> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.0.attempt()
    }
}

/// The logic of a transfer: memory, and where the device is with it.
#[derive(Debug)]
struct Flight {
    registers: &'static Registers,
    memory: NonNull<u8>,
    length: usize,
    direction: Direction,
    in_flight: bool,
}

// SAFETY: it owns its memory or has borrowed it exclusively; any context may use it.
unsafe impl Send for Flight {}

impl Flight {
    fn new(registers: &'static Registers, memory: &mut [u8], direction: Direction) -> Self {
        let length = memory.len().min(LONGEST);
        let memory = NonNull::from(memory).cast::<u8>();
        let end = (memory.addr().get() + length) as u64;
        assert!(end <= ADDRESS_LIMIT, "the device does not reach the memory");
        Self { registers, memory, length, direction, in_flight: false }
    }

    #[inline]
    fn begin(&mut self, interrupt_at_end: bool) {
        let (memory, bytes) = (self.memory.addr().get() as u32, self.length as u32);
        self.in_flight = true;
        fence(Ordering::Release); // What was written to the memory comes before the doorbell.
        // SAFETY: by the invariant the memory is the device's until it is done, and no other transfer
        // is started; `new` has checked that the device reaches the memory, and its length.
        unsafe { self.registers.start_dma(self.direction, memory, bytes, interrupt_at_end) };
    }
}

impl Attempt for Flight {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.registers.dma_is_running() {
            return Err(nb::Error::WouldBlock);
        }
        fence(Ordering::Acquire); // What the device wrote is read after this check.
        self.in_flight = false;
        Ok(())
    }
}

/// A transfer in the background: it owns the engine and the memory, and gives both back at the end.
#[derive(Debug)]
pub struct Transfer {
    flight: Flight,
    dma: Dma,
}

impl Transfer {
    /// The engine and the memory; `None` (and both are out of use) while the device moves it.
    pub fn into_parts(self) -> Option<(Dma, &'static mut [u8])> {
        let Flight { memory, length, in_flight, .. } = self.flight;
        if in_flight {
            return None;
        }
        // SAFETY: the memory came from a `&'static mut [u8]` at least this long, which this
        // transfer has owned since; by the invariant the device is done with it.
        let memory = unsafe { slice::from_raw_parts_mut(memory.as_ptr(), length) };
        Some((self.dma, memory))
    }
}

impl Attempt for Transfer {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.flight.attempt()
    }
}

impl Background for Transfer {
    fn begin(&mut self) {
        self.flight.begin(true);
    }

    /// The device cannot be stopped: the transfer ends by itself.
    fn cancel(&mut self) {}
}
