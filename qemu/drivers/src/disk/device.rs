//! The virtio-blk device: its queue, and the requests in it. What several requests share has one
//! owner, [`DEVICE`], which is only touched in critical sections.
//!
//! The requests are numbered by frame, 0 to [`FRAMES`] − 1.
//!

// # Invariant
// **From `submit` until `end` returns an end, the frame's data belongs to the device; there is no
// reference to it, only its address.** It returns an end when the device has given the request
// back, or has said that it is reset: from then on the device touches nothing (virtio 1.2, 2.4.1).

use core::{cell::RefCell, ptr::NonNull};

use board::interrupts::Line;
use critical_section::Mutex;
use portable_atomic::{AtomicBool, Ordering};
use virtio_drivers::transport::{DeviceStatus, Transport, pci::PciTransport};

pub use super::queue::FRAMES;
use super::{
    queue::Queue,
    transport::{self, Doorbell, Found},
};

/// Bytes of a sector: what sector numbers, and the capacity, count.
pub const SECTOR: usize = 512;

/// What a request does, with the numbers of the standard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
#[repr(u32)]
pub enum Command {
    /// From the device to memory.
    Read = 0,
    /// From memory to the device.
    Write = 1,
}

bitflags::bitflags! {
    /// The features that this driver knows.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Features: u64 {
        const READ_ONLY = 1 << 5;
        const VERSION_1 = 1 << 32;
    }
}

static DEVICE: Mutex<RefCell<Option<Device>>> = Mutex::new(RefCell::new(None));

struct Device {
    transport: PciTransport,
    doorbell: Doorbell,
    queue: Queue,
    flights: [Flight; FRAMES],
    /// Frames that have ended since the last interrupt, one bit each.
    news: u64,
    in_flight: usize,
    deepest: usize,
}

/// Where a frame is.
#[derive(Clone, Copy)]
enum Flight {
    /// Not in use, or ended and collected.
    Free,
    /// In the queue.
    Submitted,
    /// The device is done with it.
    Ended(End),
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// What the device says of it: 0 is success.
    Status(u8),
    /// The device was reset before it was done with it.
    Reset,
}

/// The device does not stop, or does not come back after it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stuck;

/// What is known of a device once it is set up.
#[derive(Clone, Copy, Debug)]
pub struct Installed {
    /// Its interrupt line.
    pub line: Line,
    /// Its size.
    pub sectors: u64,
    /// Whether it refuses to be written.
    pub read_only: bool,
}

/// Sets up the machine's disk; `None` if it has none. Only once: setting it up again would reset it
/// under the requests that are in flight.
pub fn install() -> Option<Installed> {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if BEGUN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: this is done once, so there is no other driver of this crate; another one would need this
    // `unsafe` of its own.
    let Found { mut transport, doorbell, line } = unsafe { transport::find() }?;
    let features = transport.begin_init(Features::all());
    let capacity = || transport.read_config_space::<[u32; 2]>(0);
    let [low, high] = transport.read_consistent(capacity).ok()?;
    let queue = Queue::new(&mut transport)?;
    transport.finish_init();
    critical_section::with(|section| {
        *DEVICE.borrow_ref_mut(section) = Some(Device {
            transport,
            doorbell,
            queue,
            flights: [Flight::Free; FRAMES],
            news: 0,
            in_flight: 0,
            deepest: 0,
        });
        let sectors = u64::from(high) << 32 | u64::from(low);
        Some(Installed { line, sectors, read_only: features.contains(Features::READ_ONLY) })
    })
}

/// Puts a request into the queue and rings the doorbell.
///
/// # Safety
/// The frame is in no other request. `data` is valid, and from here until [`end`] returns an end for
/// the frame it is the device's: nothing else reads or writes it.
pub unsafe fn submit(frame: usize, command: Command, sector: u64, data: NonNull<[u8]>) {
    with(|device| {
        device.flights[frame] = Flight::Submitted;
        device.in_flight += 1;
        device.deepest = device.deepest.max(device.in_flight);
        // SAFETY: by the caller; `end` returns no end before the queue does, or a reset.
        if unsafe { device.queue.push(frame, command, sector, data) } {
            device.doorbell.ring();
        }
    });
}

/// How the request in a frame has ended, once; `None` before that.
pub fn end(frame: usize) -> Option<End> {
    with(|device| {
        // Mostly an interrupt has seen it already.
        device.take(frame).or_else(|| {
            device.reap();
            device.take(frame)
        })
    })
}

/// Quiets the device. Returns the frames that have ended since the last call, one bit each.
pub fn on_interrupt() -> u64 {
    with(|device| {
        // Reading the status withdraws the interrupt. So it comes first: a request that ends after
        // the check of the queue interrupts again.
        device.transport.ack_interrupt();
        device.reap();
        core::mem::take(&mut device.news)
    })
}

/// Resets the device and sets it up again. Requests that it had not finished end with [`End::Reset`];
/// [`on_interrupt`] returns their frames like those of other ends.
///
/// # Errors
/// [`Stuck`] if it does not stop: then it keeps what it has. Or if it does not come back: then all
/// its requests have ended, and what is submitted later stays in flight until a reset succeeds.
pub fn reset() -> Result<(), Stuck> {
    with(Device::reset)
}

/// Requests that are with the device, and the most that ever were.
pub fn in_flight() -> (usize, usize) {
    with(|device| (device.in_flight, device.deepest))
}

impl Device {
    fn reset(&mut self) -> Result<(), Stuck> {
        /// Readings of the status while the device stops.
        const PATIENCE: usize = 1_000_000;

        self.transport.set_status(DeviceStatus::empty());
        // It is reset when it says so (virtio 1.2, 4.1.4.3.2), and touches no memory after that.
        if !(0..PATIENCE).any(|_| self.transport.get_status().is_empty()) {
            return Err(Stuck);
        }
        self.reap(); // Requests that ended before the reset.
        for (frame, flight) in self.flights.iter_mut().enumerate() {
            if let Flight::Submitted = flight {
                *flight = Flight::Ended(End::Reset);
                self.news |= 1 << frame;
                self.in_flight -= 1;
            }
        }
        self.transport.begin_init(Features::all());
        self.queue = Queue::new(&mut self.transport).ok_or(Stuck)?;
        self.transport.finish_init();
        Ok(())
    }

    /// Takes what the device is done with out of the queue.
    fn reap(&mut self) {
        // In the section nothing is submitted, so there are no more ends than frames. What the device
        // ends that was not submitted is its mistake, and ends nothing.
        for _ in 0..FRAMES {
            let Some((frame, status)) = self.queue.pop() else { break };
            if let Some(flight @ Flight::Submitted) = self.flights.get_mut(frame) {
                *flight = Flight::Ended(End::Status(status));
                self.news |= 1 << frame;
                self.in_flight -= 1;
            }
        }
    }

    /// The end of the request in a frame, once, if it was seen.
    fn take(&mut self, frame: usize) -> Option<End> {
        let Flight::Ended(end) = self.flights[frame] else { return None };
        self.flights[frame] = Flight::Free;
        Some(end)
    }
}

fn with<R>(f: impl FnOnce(&mut Device) -> R) -> R {
    critical_section::with(|section| {
        f(DEVICE.borrow_ref_mut(section).as_mut().expect("a request comes from an installed disk"))
    })
}
