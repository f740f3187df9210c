//! A DMA device that does what a test tells it to do, when the test tells it, and counts its writes
//! to owned and to freed memory. It panics at the start of a second transfer while one runs.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use wouldblock::{
    Attempt,
    job::{Background, Slot, Step},
    nb,
};

use crate::leak;

/// Memory that a device writes. It stays readable after it was freed, so that a late write is
/// counted and is not undefined behaviour.
#[derive(Debug, Default)]
pub struct Memory {
    freed: AtomicBool,
    writes: AtomicU32,
    /// The number of writes after it was freed.
    late: AtomicU32,
}

impl Memory {
    /// The device writes.
    pub fn write(&self) {
        let count = if self.freed.load(SeqCst) { &self.late } else { &self.writes };
        count.fetch_add(1, SeqCst);
    }

    /// The number of writes while it was owned, and after that.
    pub fn writes(&self) -> (u32, u32) {
        (self.writes.load(SeqCst), self.late.load(SeqCst))
    }

    /// Whether its owner has freed it.
    pub fn is_freed(&self) -> bool {
        self.freed.load(SeqCst)
    }
}

/// The owner of some memory. Its drop frees the memory.
#[derive(Debug)]
pub struct Buffer(pub Arc<Memory>);

impl Drop for Buffer {
    fn drop(&mut self) {
        assert!(!self.0.freed.swap(true, SeqCst), "freed twice");
    }
}

/// The device.
#[derive(Debug, Default)]
pub struct Device {
    flight: Mutex<Option<Arc<Memory>>>,
    ended: AtomicBool,
    enabled: AtomicBool,
    /// It requests an interrupt whenever it is enabled.
    lies: AtomicBool,
    pub tries: AtomicU32,
    pub begun: AtomicU32,
}

impl Device {
    /// A device without a transfer, which lives for ever.
    pub fn new() -> &'static Self {
        leak(Self::default())
    }

    /// A transfer into new memory, and that memory.
    pub fn transfer(&'static self) -> (Transfer, Arc<Memory>) {
        let memory = Arc::new(Memory::default());
        let op = Transfer { device: self, buffer: Some(Buffer(memory.clone())), flaw: Flaw::None };
        (op, memory)
    }

    /// Writes the memory of the transfer in flight.
    pub fn write(&self) {
        self.flight.lock().unwrap().as_ref().expect("it was told where to").write();
    }

    /// Ends the transfer, after a last write.
    pub fn end(&self) {
        self.write();
        *self.flight.lock().unwrap() = None;
        self.ended.store(true, SeqCst);
    }

    /// Starts or stops requests for interrupts without a reason.
    pub fn set_lying(&self, lies: bool) {
        self.lies.store(lies, SeqCst);
    }

    /// Its interrupt line, a level.
    pub fn line(&self) -> bool {
        self.enabled.load(SeqCst) && (self.lies.load(SeqCst) || self.ended.load(SeqCst))
    }

    /// Its handler: it quiets the device, steps, and wakes.
    pub fn interrupt(&self, slot: &'static Slot<Transfer>) -> Step {
        self.enabled.store(false, SeqCst);
        slot.on_interrupt().step()
    }
}

/// How a driver breaks its promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// It does not break it.
    None,
    /// `cancel` frees the memory.
    FreesInCancel,
    /// A try after a cancel ends the operation although the device has not ended.
    EndsEarly,
}

/// A transfer into memory that it owns.
#[derive(Debug)]
pub struct Transfer {
    device: &'static Device,
    pub buffer: Option<Buffer>,
    pub flaw: Flaw,
}

impl Attempt for Transfer {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        self.device.tries.fetch_add(1, SeqCst);
        if self.device.ended.swap(false, SeqCst) { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }

    fn arm(&mut self) {
        self.device.enabled.store(true, SeqCst);
    }

    fn disarm(&mut self) {
        self.device.enabled.store(false, SeqCst);
    }
}

impl Background for Transfer {
    fn begin(&mut self) {
        let memory = self.buffer.as_ref().map(|buffer| buffer.0.clone());
        let before = std::mem::replace(&mut *self.device.flight.lock().unwrap(), memory);
        assert!(before.is_none(), "a second transfer at once");
        self.device.begun.fetch_add(1, SeqCst);
        self.arm();
    }

    /// The device cannot be stopped, so this does nothing unless the driver is flawed.
    fn cancel(&mut self) {
        match self.flaw {
            Flaw::None => {}
            Flaw::FreesInCancel => self.buffer = None,
            Flaw::EndsEarly => self.device.ended.store(true, SeqCst),
        }
    }
}
