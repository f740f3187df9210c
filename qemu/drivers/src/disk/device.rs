//! The virtio-blk device: its queue, and the requests in it. What several requests share has one
//! owner, [`DEVICE`], which is only touched in critical sections.
//!
//! A request is a chain of three descriptors: what is wanted (16 bytes), the data, and a byte for
//! the status (virtio 1.2, 5.2.6). The requests are numbered by frame, 0 to [`FRAMES`] − 1.
//!

// # Invariant
// **From `submit` until `end` returns an end, the frame's data and its entry of `WIRE` belong to the
// device; there is no reference to either, only addresses.** It returns an end when the device has
// given the request back, or has said that it is reset: from then on the device touches nothing
// (virtio 1.2, 2.4.1).

use core::{
    cell::{RefCell, UnsafeCell},
    ptr::NonNull,
};

use board::interrupts::Line;
use critical_section::Mutex;
use portable_atomic::{AtomicBool, Ordering, fence};
use virtio_drivers::{
    queue::VirtQueue,
    transport::{DeviceStatus, Transport, pci::PciTransport},
};

use super::{memory::Board, transport};

/// Bytes of a sector: what sector numbers, and the capacity, count.
pub const SECTOR: usize = 512;
/// Requests that can be in the queue.
pub const FRAMES: usize = 33;
/// Descriptors: three for each request.
const QUEUE: usize = 128;
const _: () = assert!(FRAMES * 3 <= QUEUE);

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

/// Memory of a request that the device reads (the header) and writes (the status).
struct Wire {
    header: UnsafeCell<[u8; 16]>,
    status: UnsafeCell<u8>,
}

// SAFETY: by the invariant of the module it has one user at a time, and passes on in critical
// sections or through the queue.
unsafe impl Sync for Wire {}

static WIRE: [Wire; FRAMES] =
    [const { Wire { header: UnsafeCell::new([0; 16]), status: UnsafeCell::new(0) } }; FRAMES];

static DEVICE: Mutex<RefCell<Option<Device>>> = Mutex::new(RefCell::new(None));

struct Device {
    transport: PciTransport,
    queue: VirtQueue<Board, QUEUE>,
    /// The frame of a chain, by the number of its first descriptor.
    frame_of: [u8; QUEUE],
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
    Submitted { command: Command, data: NonNull<[u8]> },
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

// SAFETY: the address in a flight is only handed to the queue; its memory is the request's, which
// may be in any context.
unsafe impl Send for Flight {}

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
    let (mut transport, line) = transport::find()?;
    let features = transport.begin_init(Features::all());
    let capacity = || transport.read_config_space::<[u32; 2]>(0);
    let [low, high] = transport.read_consistent(capacity).ok()?;
    let queue = VirtQueue::new(&mut transport, 0, false, false).ok()?;
    transport.finish_init();
    critical_section::with(|section| {
        *DEVICE.borrow_ref_mut(section) = Some(Device {
            transport,
            queue,
            frame_of: [0; QUEUE],
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
        let mut header = [0; 16];
        header[..4].copy_from_slice(&(command as u32).to_le_bytes());
        header[8..].copy_from_slice(&sector.to_le_bytes());
        // SAFETY: the frame is in no request, so by the invariant its wire is not the device's.
        unsafe { WIRE[frame].header.get().write(header) };
        // SAFETY: by the caller, and by the invariant for the wire: all three are valid and the
        // device's until they are popped.
        let token = unsafe {
            buffers(frame, command, data, |inputs, outputs| device.queue.add(inputs, outputs))
        };
        device.flights[frame] = Flight::Submitted { command, data };
        device.in_flight += 1;
        device.deepest = device.deepest.max(device.in_flight);
        // There are descriptors for every frame, unless the device did not come back from a reset.
        if let Ok(token) = token {
            device.frame_of[usize::from(token)] = frame as u8;
            // The request must be visible before the check whether the device wants a notification.
            // Otherwise the device may go to rest in between, and neither sees the other
            // (virtio 1.2, 2.7.13.4.1).
            fence(Ordering::SeqCst);
            if device.queue.should_notify() {
                device.transport.notify(0);
            }
        }
    });
}

/// How the request in a frame has ended, once; `None` before that.
pub fn end(frame: usize) -> Option<End> {
    with(|device| {
        device.reap();
        match device.flights[frame] {
            Flight::Ended(end) => {
                device.flights[frame] = Flight::Free;
                Some(end)
            }
            _ => None,
        }
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
            if let Flight::Submitted { .. } = flight {
                *flight = Flight::Ended(End::Reset);
                self.news |= 1 << frame;
                self.in_flight -= 1;
            }
        }
        self.transport.begin_init(Features::all());
        self.queue = VirtQueue::new(&mut self.transport, 0, false, false).map_err(|_| Stuck)?;
        self.transport.finish_init();
        Ok(())
    }

    /// Takes what the device is done with out of the queue.
    fn reap(&mut self) {
        while let Some(token) = self.queue.peek_used() {
            let frame = usize::from(self.frame_of[usize::from(token)]);
            let Flight::Submitted { command, data } = self.flights[frame] else {
                unreachable!("the device ends what it was given")
            };
            // SAFETY: these are the buffers of this token; the device is done with them.
            unsafe {
                buffers(frame, command, data, |inputs, outputs| {
                    self.queue.pop_used(token, inputs, outputs)
                })
            }
            .expect("the token was just seen");
            // SAFETY: as above.
            let status = unsafe { WIRE[frame].status.get().read() };
            self.flights[frame] = Flight::Ended(End::Status(status));
            self.news |= 1 << frame;
            self.in_flight -= 1;
        }
    }
}

fn with<R>(f: impl FnOnce(&mut Device) -> R) -> R {
    critical_section::with(|section| {
        f(DEVICE.borrow_ref_mut(section).as_mut().expect("a request comes from an installed disk"))
    })
}

/// Calls `f` with the buffers of a request, as the queue wants them.
///
/// # Safety
/// `data` is valid, and neither it nor the frame's wire is the device's during the call, except
/// that the end of the call may make it so.
unsafe fn buffers<R>(
    frame: usize,
    command: Command,
    mut data: NonNull<[u8]>,
    f: impl for<'b> FnOnce(&'b [&'b [u8]], &'b mut [&'b mut [u8]]) -> R,
) -> R {
    let wire = &WIRE[frame];
    // SAFETY: by the caller.
    let (header, status, data) = unsafe {
        (&*wire.header.get(), core::slice::from_mut(&mut *wire.status.get()), data.as_mut())
    };
    match command {
        Command::Read => f(&[header], &mut [data, status]),
        Command::Write => f(&[header, data], &mut [status]),
    }
}
