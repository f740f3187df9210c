//! A virtio disk (`virtio-drivers`' queue and transport): reads and writes in the background, up to
//! [`DEPTH`] in flight, and the blocking form of the same attempt.
//!
//! | module | what it holds |
//! |---|---|
//! | `device` | the queue and what is in it, one owner for all requests |
//! | `memory` | what `virtio-drivers` asks of a platform |
//! | [`volume`] | the blocking form as the block device of a file system |
//!
//! # Invariant
//! **A request begins once. Its frame is its slot's, which has one tenant at a time, or that of the
//! blocking form, which is borrowed meanwhile. Until a try says that it is over, its memory is used
//! by nobody but the device: the slot owns it, or the blocking form, which does not return before,
//! has borrowed it.**

mod device;
mod memory;
pub mod volume;

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering},
};

use pc::interrupts::Line;
use wouldblock::{
    attempt::Attempt,
    block::Idle,
    event::{Event, Waiter, Wake},
    job::{Background, Busy, Callback, Job, Slots, Ticket},
};

use device::End;
pub use device::{Command, SECTOR, Stuck, in_flight};

/// Requests that can be in flight in the background.
pub const DEPTH: usize = 32;
/// The frame of the blocking form, of which there is one.
const BLOCKING: usize = DEPTH;
const _: () = assert!(BLOCKING < device::FRAMES);

/// Slot k has frame k of the device.
static SLOTS: Slots<Transfer, DEPTH> = Slots::new();
/// What the handler steps at the end of frame k: the ticket of the request that is in it.
static TICKETS: [AtomicU32; DEPTH] = [const { AtomicU32::new(0) }; DEPTH];
/// Signalled by every interrupt, for the blocking form.
static ENDED: Event = Event::new();

/// Why a request failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
pub enum Error {
    /// Not a whole number of sectors, or none.
    Length,
    /// Past the end of the disk.
    OutOfRange,
    /// The disk cannot be written.
    ReadOnly,
    /// The device could not do it.
    Device,
    /// The device does not know such a request.
    Unsupported,
    /// The device was reset meanwhile: what was asked of it may be done, in part, or not at all.
    Reset,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Length => "not a whole number of sectors",
            Self::OutOfRange => "past the end of the disk",
            Self::ReadOnly => "the disk cannot be written",
            Self::Device => "the device could not do it",
            Self::Unsupported => "the device does not know such a request",
            Self::Reset => "the device was reset meanwhile",
        })
    }
}

impl core::error::Error for Error {}

/// A disk: where requests are made and set going.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    sectors: u64,
    read_only: bool,
}

/// The blocking form. There is one.
#[derive(Debug)]
pub struct Blocking {
    disk: Disk,
    waiter: Waiter<'static>,
}

/// A request that cannot be made: why, and the memory back.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: Error,
    /// The memory.
    pub memory: &'static mut [u8],
}

impl Disk {
    /// The machine's disk and its blocking form, once; `None` after that, and on a machine that has
    /// none. Lets it interrupt.
    pub fn take() -> Option<(Self, Blocking)> {
        let device::Installed { line, sectors, read_only } = device::install()?;
        line.set_handler(on_interrupt);
        line.enable();
        let disk = Self { sectors, read_only };
        Some((disk, Blocking { disk, waiter: ENDED.waiter()? }))
    }

    /// Its size.
    pub const fn sectors(&self) -> u64 {
        self.sectors
    }

    /// A request to fill `memory` from the disk, or to write it there. It owns the memory until its
    /// end gives it back.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::OutOfRange`], with the memory: nothing is asked of the device
    /// (virtio 1.2, 5.2.6.1).
    pub fn request(
        &self,
        command: Command,
        sector: u64,
        memory: &'static mut [u8],
    ) -> Result<Request, Refused> {
        match self.flight(command, sector, memory) {
            Ok(flight) => Ok(Request(flight)),
            Err(error) => Err(Refused { error, memory }),
        }
    }

    fn flight(&self, command: Command, sector: u64, memory: &mut [u8]) -> Result<Flight, Error> {
        if memory.is_empty() || !memory.len().is_multiple_of(SECTOR) {
            return Err(Error::Length);
        }
        let end = sector.checked_add((memory.len() / SECTOR) as u64);
        if end.is_none_or(|end| end > self.sectors) {
            return Err(Error::OutOfRange);
        }
        let refusal = match command {
            Command::Write if self.read_only => Error::ReadOnly,
            _ => Error::Device,
        };
        let memory = NonNull::from(memory);
        Ok(Flight { command, sector, memory, refusal, frame: BLOCKING })
    }

    /// Sets a request going and returns at once.
    ///
    /// # Errors
    /// [`Busy`] with the request while [`DEPTH`] others are in flight, or have ended and were not
    /// collected.
    pub fn start(&self, request: Request) -> Result<Job<Transfer>, Busy<Request>> {
        match SLOTS.reserve() {
            Ok(vacancy) => {
                let transfer = request.with_ticket(vacancy.ticket());
                Ok(vacancy.start(transfer))
            }
            Err(_) => Err(Busy(request)),
        }
    }

    /// As [`start`](Self::start), with a callback at the end, called by the handler.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        &self,
        request: Request,
        callback: Callback<Transfer>,
    ) -> Result<Ticket, Busy<Request>> {
        match SLOTS.reserve() {
            Ok(vacancy) => {
                let transfer = request.with_ticket(vacancy.ticket());
                Ok(vacancy.start_with(transfer, callback))
            }
            Err(_) => Err(Busy(request)),
        }
    }

    /// Resets the device, whatever it is at. What it is not done with ends with [`Error::Reset`],
    /// and gives its memory back as with any other end; what is started from then on is served. May
    /// be called from anywhere. Interrupts are masked until the device has stopped.
    ///
    /// # Errors
    /// [`Stuck`] if the device does not stop, and then it keeps the memory that it has; or if it does
    /// not come back. What is started then stays in flight until a reset that succeeds.
    pub fn reset(&self) -> Result<(), Stuck> {
        let reset = device::reset();
        tell(device::on_interrupt());
        reset
    }

    /// Requests that [`start`](Self::start) has no room for meanwhile.
    pub fn occupied() -> usize {
        SLOTS.occupied()
    }
}

impl Blocking {
    /// Its disk.
    pub const fn disk(&self) -> Disk {
        self.disk
    }

    /// Fills `memory` from the disk, or writes it there. It may borrow the memory, since it cannot
    /// return before the device is done.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn transfer(
        &mut self,
        command: Command,
        sector: u64,
        memory: &mut [u8],
        idle: impl Idle,
    ) -> Result<(), Error> {
        let mut flight = self.disk.flight(command, sector, memory)?;
        flight.begin();
        self.waiter.operation(&mut flight).block(idle)
    }
}

/// Quiet the device, acknowledge, step what has ended, wake. Handlers do not nest on this board, so
/// the acknowledgement may come before the steps; it has to come before the wakes.
fn on_interrupt(line: Line) {
    let news = device::on_interrupt();
    line.acknowledge();
    tell(news);
}

/// Steps the frames that have ended, and wakes.
fn tell(mut news: u64) {
    while news != 0 {
        let frame = news.trailing_zeros() as usize;
        news &= news - 1;
        if let Some(ticket) = TICKETS.get(frame) {
            drop(SLOTS.on_interrupt(Ticket::from_bits(ticket.load(Ordering::Relaxed))));
        }
    }
    drop(Wake::new(&ENDED));
}

/// The logic of a request, once.
#[derive(Debug)]
struct Flight {
    command: Command,
    sector: u64,
    memory: NonNull<[u8]>,
    /// What it means if the device could not do it.
    refusal: Error,
    frame: usize,
}

// SAFETY: it owns its memory, or has it lent exclusively; any context may use it.
unsafe impl Send for Flight {}

impl Flight {
    fn begin(&mut self) {
        // SAFETY: by the invariant of the module, for the frame and for the memory.
        unsafe { device::submit(self.frame, self.command, self.sector, self.memory) };
    }
}

impl Attempt for Flight {
    type Output = ();
    type Error = Error;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Error> {
        let error = match device::end(self.frame) {
            None => return Err(nb::Error::WouldBlock),
            Some(End::Status(0)) => return Ok(()),
            Some(End::Status(2)) => Error::Unsupported,
            Some(End::Status(_)) => self.refusal,
            Some(End::Reset) => Error::Reset,
        };
        Err(nb::Error::Other(error))
    }
}

/// A request that is to be started.
#[derive(Debug)]
#[must_use = "a request does nothing until it is started"]
pub struct Request(Flight);

impl Request {
    fn with_ticket(self, ticket: Ticket) -> Transfer {
        let frame = ticket.index();
        TICKETS[frame].store(ticket.to_bits(), Ordering::Relaxed);
        Transfer { flight: Flight { frame, ..self.0 }, begun: false }
    }

    /// The memory, unused.
    pub fn into_memory(mut self) -> &'static mut [u8] {
        // SAFETY: it came from a `&'static mut [u8]`, which this request has owned since.
        unsafe { self.0.memory.as_mut() }
    }
}

/// A request in the background: it owns its memory and gives it back at the end.
///
/// Only [`Disk`] makes one, inside a slot: whoever has one outside has it from its end.
#[derive(Debug)]
pub struct Transfer {
    flight: Flight,
    begun: bool,
}

impl Transfer {
    /// Where on the disk it begins.
    pub const fn sector(&self) -> u64 {
        self.flight.sector
    }

    /// The memory.
    pub fn into_memory(self) -> &'static mut [u8] {
        Request(self.flight).into_memory()
    }
}

impl Attempt for Transfer {
    type Output = ();
    type Error = Error;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Error> {
        self.flight.attempt()
    }
}

impl Background for Transfer {
    fn begin(&mut self) {
        // Who calls it again, after the end, gets nothing.
        if !self.begun {
            self.begun = true;
            self.flight.begin();
        }
    }

    /// A device of this kind cannot be stopped: the request goes on to its end, and has its memory
    /// until then.
    fn cancel(&mut self) {}
}
