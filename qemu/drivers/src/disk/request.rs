//! A request: its logic, once, and its background form.

use core::{ptr::NonNull, sync::atomic::Ordering};

use wouldblock::{
    attempt::Attempt,
    job::{Background, Ticket},
};

use super::{
    BLOCKING, Command, Disk, Error, Refused, SECTOR, TICKETS,
    device::{self, End},
};

/// The logic of a request, once.
#[derive(Debug)]
pub(super) struct Flight {
    command: Command,
    sector: u64,
    memory: NonNull<[u8]>,
    /// The error for a status of the device that means a failure.
    refusal: Error,
    frame: usize,
    /// How the request has ended. From then on the frame may belong to another request.
    end: Option<End>,
}

// SAFETY: it owns its memory or has borrowed it exclusively; any context may use it.
unsafe impl Send for Flight {}

impl Flight {
    pub(super) fn new(
        disk: &Disk,
        command: Command,
        sector: u64,
        memory: &mut [u8],
    ) -> Result<Self, Error> {
        // A descriptor has 32 bits for the length.
        let fits = u32::try_from(memory.len()).is_ok();
        if memory.is_empty() || !memory.len().is_multiple_of(SECTOR) || !fits {
            return Err(Error::Length);
        }
        let end = sector.checked_add((memory.len() / SECTOR) as u64);
        if end.is_none_or(|end| end > disk.sectors) {
            return Err(Error::OutOfRange);
        }
        let refusal = match command {
            Command::Write if disk.read_only => Error::ReadOnly,
            _ => Error::Device,
        };
        let memory = NonNull::from(memory);
        Ok(Self { command, sector, memory, refusal, frame: BLOCKING, end: None })
    }

    pub(super) fn begin(&mut self) {
        // SAFETY: by the invariant of the module, for the frame and for the memory.
        unsafe { device::submit(self.frame, self.command, self.sector, self.memory) };
    }
}

impl Attempt for Flight {
    type Output = ();
    type Error = Error;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Error> {
        self.end = self.end.or_else(|| device::end(self.frame));
        let error = match self.end {
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
    pub(super) fn new(
        disk: &Disk,
        command: Command,
        sector: u64,
        memory: &'static mut [u8],
    ) -> Result<Self, Refused> {
        match Flight::new(disk, command, sector, memory) {
            Ok(flight) => Ok(Self(flight)),
            Err(error) => Err(Refused { error, memory }),
        }
    }

    pub(super) fn with_ticket(self, ticket: Ticket) -> Transfer {
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
/// Only [`Disk`] makes one, inside a slot: a caller that has one outside has got it from its end.
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
        // A second call, after the end, does nothing.
        if !self.begun {
            self.begun = true;
            self.flight.begin();
        }
    }

    /// A device of this kind cannot be stopped: the request continues to its end, and keeps its
    /// memory until then.
    fn cancel(&mut self) {}
}
