//! The queue: the memory that the driver and the device share (virtio 1.2, 2.7).
//!
//! A request is a chain of three descriptors: what is wanted (16 bytes), the data, and a byte for
//! the status (5.2.6). Each frame has a chain of its own, which is linked once; its first descriptor
//! has the number of the frame. So a request only says where its data is, and its end names its
//! frame: nothing is searched for, and nothing is given back.
//!
//! The device changes this memory at any time, so all of it is atomics. The two indices hand it over:
//! what is behind an index is written before it and read after it.

use core::ptr::NonNull;

use portable_atomic::{
    AtomicU8, AtomicU16, AtomicU32,
    Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};
use virtio_drivers::{PhysAddr, transport::Transport};

use super::Command;

/// Requests that can be in the queue.
pub const FRAMES: usize = 33;
/// Descriptors, and places in the rings: a power of two.
const SIZE: usize = 128;
const _: () = assert!(FRAMES * 3 <= SIZE && SIZE.is_power_of_two());
const _: () = assert!(cfg!(target_endian = "little"), "the numbers are the device's");

/// The chain continues.
const NEXT: u16 = 1;
/// The device writes this memory.
const WRITTEN: u16 = 1 << 1;

#[repr(C, align(16))]
struct Descriptor {
    /// The low half, then the high one.
    address: [AtomicU32; 2],
    length: AtomicU32,
    flags: AtomicU16,
    next: AtomicU16,
}

/// The frames that the driver has submitted.
#[repr(C)]
struct Available {
    _flags: AtomicU16,
    index: AtomicU16,
    ring: [AtomicU16; SIZE],
    _event: AtomicU16,
}

/// The frames that the device has ended.
#[repr(C, align(4))]
struct Used {
    flags: AtomicU16,
    index: AtomicU16,
    ring: [Element; SIZE],
    _event: AtomicU16,
}

#[repr(C)]
struct Element {
    frame: AtomicU32,
    _length: AtomicU32,
}

/// What is wanted, and the status.
#[repr(C)]
struct Wire {
    command: AtomicU32,
    _reserved: AtomicU32,
    /// The low half, then the high one.
    sector: [AtomicU32; 2],
    status: AtomicU8,
}

struct Shared {
    descriptors: [Descriptor; SIZE],
    available: Available,
    used: Used,
    wires: [Wire; FRAMES],
}

static SHARED: Shared = Shared {
    descriptors: [const { Descriptor::new() }; SIZE],
    available: Available {
        _flags: AtomicU16::new(0),
        index: AtomicU16::new(0),
        ring: [const { AtomicU16::new(0) }; SIZE],
        _event: AtomicU16::new(0),
    },
    used: Used {
        flags: AtomicU16::new(0),
        index: AtomicU16::new(0),
        ring: [const { Element { frame: AtomicU32::new(0), _length: AtomicU32::new(0) } }; SIZE],
        _event: AtomicU16::new(0),
    },
    wires: [const { Wire::new() }; FRAMES],
};

/// The driver's side of the queue. There is one, since there is one memory.
pub(super) struct Queue {
    /// Requests that were submitted, and those whose end was seen.
    submitted: u16,
    ended: u16,
}

impl Queue {
    /// An empty queue for a device that is being set up, and so uses none. `None` if its queue is too
    /// short.
    pub(super) fn new(transport: &mut impl Transport) -> Option<Self> {
        if transport.max_queue_size(0) < SIZE as u32 {
            return None;
        }
        for (frame, wire) in SHARED.wires.iter().enumerate() {
            let [wanted, data, status] = [0, FRAMES, 2 * FRAMES].map(|part| part + frame);
            SHARED.descriptors[wanted].set(address(&wire.command), 16, NEXT, data);
            SHARED.descriptors[data].set(0, 0, NEXT, status);
            SHARED.descriptors[status].set(address(&wire.status), 1, WRITTEN, 0);
        }
        for shared in [&SHARED.available.index, &SHARED.used.index, &SHARED.used.flags] {
            shared.store(0, Relaxed);
        }
        transport.queue_set(
            0,
            SIZE as u32,
            address(&SHARED.descriptors),
            address(&SHARED.available),
            address(&SHARED.used),
        );
        Some(Self { submitted: 0, ended: 0 })
    }

    /// Submits a request, and returns whether the device is to be told.
    ///
    /// # Safety
    /// The frame is in no other request. `data` is valid, and the device's until [`pop`](Self::pop)
    /// has returned the frame or the device is reset.
    #[inline]
    pub(super) unsafe fn push(
        &mut self,
        frame: usize,
        command: Command,
        sector: u64,
        data: NonNull<[u8]>,
    ) -> bool {
        let wire = &SHARED.wires[frame];
        wire.command.store(command as u32, Relaxed);
        store(&wire.sector, sector);
        let flags = match command {
            Command::Read => NEXT | WRITTEN,
            Command::Write => NEXT,
        };
        let descriptor = &SHARED.descriptors[FRAMES + frame];
        store(&descriptor.address, data.cast::<u8>().expose_provenance().get() as u64);
        descriptor.length.store(data.len() as u32, Relaxed);
        descriptor.flags.store(flags, Relaxed);
        // There is room: the ring has more places than there are frames.
        SHARED.available.ring[usize::from(self.submitted) % SIZE].store(frame as u16, Relaxed);
        self.submitted = self.submitted.wrapping_add(1);
        SHARED.available.index.store(self.submitted, Release);
        // The request must be visible before the check whether the device wants a notification.
        // Otherwise the device may go to rest in between, and neither sees the other
        // (virtio 1.2, 2.7.13.4.1).
        fence(SeqCst);
        SHARED.used.flags.load(Relaxed) & 1 == 0
    }

    /// The next frame that the device has ended, once, with its status. A device that is wrong may name
    /// any frame, also one that there is not.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<(usize, u8)> {
        if SHARED.used.index.load(Acquire) == self.ended {
            return None;
        }
        let place = usize::from(self.ended) % SIZE;
        self.ended = self.ended.wrapping_add(1);
        let frame = SHARED.used.ring[place].frame.load(Relaxed) as usize;
        let status = SHARED.wires.get(frame).map_or(u8::MAX, |wire| wire.status.load(Relaxed));
        Some((frame, status))
    }
}

impl Descriptor {
    const fn new() -> Self {
        Self {
            address: [const { AtomicU32::new(0) }; 2],
            length: AtomicU32::new(0),
            flags: AtomicU16::new(0),
            next: AtomicU16::new(0),
        }
    }

    fn set(&self, address: PhysAddr, length: u32, flags: u16, next: usize) {
        store(&self.address, address);
        self.length.store(length, Relaxed);
        self.flags.store(flags, Relaxed);
        self.next.store(next as u16, Relaxed);
    }
}

impl Wire {
    const fn new() -> Self {
        Self {
            command: AtomicU32::new(0),
            _reserved: AtomicU32::new(0),
            sector: [const { AtomicU32::new(0) }; 2],
            status: AtomicU8::new(0),
        }
    }
}

#[inline]
fn store([low, high]: &[AtomicU32; 2], value: u64) {
    low.store(value as u32, Relaxed);
    high.store((value >> 32) as u32, Relaxed);
}

/// Where the device finds this: memory is identity-mapped.
fn address<T>(shared: &'static T) -> PhysAddr {
    core::ptr::from_ref(shared).expose_provenance() as PhysAddr
}
