//! A virtio disk (on `virtio-drivers`' transport): reads and writes in the background, up to
//! [`DEPTH`] in flight, and the blocking form of the same attempt.
//!
//! | module | what it holds |
//! |---|---|
//! | `request` | the logic of a request, once, and its background form |
//! | `blocking` | its blocking form |
//! | `device` | the device and what is with it, one owner for all requests |
//! | `queue` | the memory that the driver and the device share |
//! | [`transport`] | where the device is, and where it is told of a request |
//! | [`volume`] | the blocking form as the block device of a file system |
//!

// # Invariant
// **A request begins once. Its frame is that of its slot, which has one tenant at a time, or that of
// the blocking form, which is borrowed until the request has ended. Until a try says that the request
// has ended, only the device uses its memory: the slot owns the memory, or the blocking form, which
// does not return before, has borrowed it.**

mod blocking;
mod device;
mod error;
mod queue;
mod request;
pub mod transport;
pub mod volume;

use board::interrupts::Line;
use portable_atomic::{AtomicU32, Ordering};
use wouldblock::{
    event::{Event, OwedWake},
    job::{Busy, Done, Job, Slots, Ticket},
};

pub use blocking::Blocking;
pub use device::{Command, SECTOR, Stuck, in_flight};
pub use error::{Error, Refused};
pub use request::{Request, Transfer};

/// Requests that can be in flight in the background.
pub const DEPTH: usize = 32;
/// The frame of the blocking form, of which there is one.
const BLOCKING: usize = DEPTH;
const _: () = assert!(BLOCKING < device::FRAMES);

/// Slot k has frame k of the device.
static SLOTS: Slots<Transfer, DEPTH> = Slots::new();
/// What the handler steps at the end of frame k: the ticket of the request that is in it.
static TICKETS: [AtomicU32; DEPTH] = [const { AtomicU32::new(0) }; DEPTH];
/// Signalled at the end of the blocking form's request.
static ENDED: Event = Event::new();

/// A disk: makes requests and starts them.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    sectors: u64,
    read_only: bool,
}

impl Disk {
    /// The machine's disk and its blocking form, once; `None` after that, and on a machine that has
    /// none. Lets it interrupt.
    pub fn take() -> Option<(Self, Blocking)> {
        let device::Installed { line, sectors, read_only } = device::install()?;
        line.set_handler(on_interrupt);
        line.enable();
        let disk = Self { sectors, read_only };
        Some((disk, Blocking::new(disk, ENDED.waiter()?)))
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
        Request::new(self, command, sector, memory)
    }

    /// Starts a request and returns at once.
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
        callback: fn(Done<Transfer>),
    ) -> Result<Ticket, Busy<Request>> {
        match SLOTS.reserve() {
            Ok(vacancy) => {
                let transfer = request.with_ticket(vacancy.ticket());
                Ok(vacancy.start_with(transfer, callback))
            }
            Err(_) => Err(Busy(request)),
        }
    }

    /// Resets the device in any state. Requests that it has not finished end with [`Error::Reset`],
    /// which gives their memory back like any other end; requests that are started later are served.
    /// May be called from any context. Interrupts are masked until the device has stopped.
    ///
    /// # Errors
    /// [`Stuck`] if the device does not stop, and then it keeps the memory that it has; or if it does
    /// not come back. Requests that are started after that stay in flight until a reset succeeds.
    pub fn reset(&self) -> Result<(), Stuck> {
        let reset = device::reset();
        tell(device::on_interrupt());
        reset
    }

    /// Slots that are in use: [`start`](Self::start) has room for [`DEPTH`] less this many.
    pub fn occupied() -> usize {
        SLOTS.occupied()
    }
}

/// Quiets the device, acknowledges, steps what has ended, wakes. Handlers do not nest on this board,
/// so the acknowledgement may come before the steps; it must come before the wakes.
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
        match TICKETS.get(frame) {
            Some(ticket) => {
                drop(SLOTS.on_interrupt(Ticket::from_bits(ticket.load(Ordering::Relaxed))));
            }
            None => drop(OwedWake::new(&ENDED)), // The frame of the blocking form.
        }
    }
}
