//! The edu device's DMA engine as an operation: an attempt, and its background form.
//!
//! # Invariant
//! **From `begin` until a try says that it is over, the device owns the memory: there is no
//! reference to it that is used, only an address and a length.** The one [`Dma`] that exists is in
//! the transfer meanwhile, or borrowed; a transfer that is dropped in flight takes it, and the
//! memory, out of use for good.

use core::{
    convert::Infallible,
    ptr::NonNull,
    slice,
    sync::atomic::{AtomicBool, Ordering, fence},
};

use board::{
    edu::{self, Direction, Edu, Registers},
    interrupts::Line,
};
use wouldblock::{
    attempt::Attempt,
    block::{Idle, block},
    event::{Event, OwedWake, Waiter},
    job::{Background, Slot},
};

use crate::count::Counted;

/// The most that one transfer can move, in bytes.
pub const LONGEST: usize = Registers::BUFFER_SIZE as usize - 1;

/// Room for one transfer in the background.
pub static SLOT: Slot<Counted<Transfer>> = Slot::new();
/// Signalled at the end of a transfer, for who waits without a slot.
static ENDED: Event = Event::new();

/// The DMA engine. There is one.
#[derive(Debug)]
pub struct Dma {
    registers: &'static Registers,
    waiter: Waiter<'static>,
}

impl Dma {
    /// The engine, once; `None` after that, and on a machine that has none. Lets it interrupt.
    pub fn take() -> Option<Self> {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        let edu = edu::find()?;
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        edu.line().set_handler(on_interrupt);
        edu.line().enable();
        Some(Self { registers: edu.registers(), waiter: ENDED.waiter()? })
    }

    /// The background form: moves the first [`LONGEST`] bytes of `memory`, which it owns meanwhile.
    ///
    /// # Panics
    /// If the memory lies where the device does not reach.
    pub fn into_transfer(self, memory: &'static mut [u8], direction: Direction) -> Transfer {
        Transfer { flight: Flight::new(self.registers, memory, direction), dma: self }
    }

    /// The blocking form: moves the first [`LONGEST`] bytes of `memory`, and says after how many
    /// tries it was over. It may borrow the memory, since it cannot return before the device is
    /// done.
    ///
    /// # Panics
    /// If the memory lies where the device does not reach.
    pub fn transfer(&mut self, memory: &mut [u8], direction: Direction, idle: impl Idle) -> u64 {
        let mut flight = Counted::new(Flight::new(self.registers, memory, direction));
        flight.op.begin(true);
        let Ok(()) = self.waiter.operation(&mut flight).block(idle);
        flight.tries
    }

    /// As [`transfer`](Self::transfer) with no interrupt at all, retried by a bare loop.
    ///
    /// # Panics
    /// If the memory lies where the device does not reach.
    pub fn transfer_spinning(&mut self, memory: &mut [u8], direction: Direction) -> u64 {
        let mut flight = Counted::new(Flight::new(self.registers, memory, direction));
        flight.op.begin(false);
        let Ok(()) = block(&mut flight);
        flight.tries
    }

    /// Whether the device is at work, or asks for an interrupt.
    pub fn is_busy() -> bool {
        edu::find().map(Edu::registers).is_some_and(|registers| {
            registers.dma_is_running() || registers.interrupt_status() != 0
        })
    }
}

/// Quiet the device, step, acknowledge, and only then wake.
fn on_interrupt(line: Line) {
    if let Some(edu) = edu::find() {
        edu.registers().acknowledge(edu.registers().interrupt_status());
    }
    let driven = SLOT.on_interrupt();
    let ended = OwedWake::new(&ENDED);
    line.acknowledge();
    drop((driven, ended));
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

// SAFETY: it owns its memory, or has it lent exclusively; any context may use it.
unsafe impl Send for Flight {}

impl Flight {
    fn new(registers: &'static Registers, memory: &mut [u8], direction: Direction) -> Self {
        let length = memory.len().min(LONGEST);
        let memory = NonNull::from(memory).cast::<u8>();
        let end = (memory.addr().get() + length) as u64;
        assert!(end <= Registers::ADDRESS_LIMIT, "the device reaches 256 MiB only");
        Self { registers, memory, length, direction, in_flight: false }
    }

    #[inline]
    fn begin(&mut self, interrupt_at_end: bool) {
        let (memory, bytes) = (self.memory.addr().get() as u64, self.length as u64);
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
        fence(Ordering::Acquire); // What the device wrote comes after the look.
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
    /// The engine and the memory; `None` (and both are out of use) while the device is at it.
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
