//! An operation that notices if two cores step it at the same time, with a buffer that is counted.

use core::sync::atomic::{AtomicBool, Ordering};

use board::cores::Core;
use static_cell::ConstStaticCell;
use wouldblock::{attempt::Attempt, job::Background, sync::SharedChannel};

use crate::both::{Count, work};

/// The buffer of an operation. Every try checks what the try before has written, and overwrites it.
pub type Buffer = [u32; 16];

/// The number of buffers.
pub const BUFFERS: usize = 8;

/// The buffers that no operation owns.
static FREE: SharedChannel<&'static mut Buffer, BUFFERS, 0> = SharedChannel::new();

/// Operations made.
pub static MADE: Count = Count::new();
/// Operations dropped.
pub static DROPPED: Count = Count::new();

/// Makes all buffers free.
pub fn fill() {
    static MEMORY: ConstStaticCell<[Buffer; BUFFERS]> = ConstStaticCell::new([[0; 16]; BUFFERS]);
    for buffer in MEMORY.take() {
        assert!(FREE.try_send(buffer).is_ok(), "there is room for all");
    }
}

/// Checks that every buffer is free, each once, and that every operation was dropped once.
pub fn account() {
    let mut found: [Option<*const Buffer>; BUFFERS] = [None; BUFFERS];
    for index in 0..BUFFERS {
        let buffer = FREE.try_recv().expect("every buffer has come back");
        let buffer = Some(core::ptr::from_ref(buffer));
        assert!(!found.contains(&buffer), "no buffer has come back twice");
        found[index] = buffer;
    }
    assert!(FREE.try_recv().is_err());
    assert_eq!(MADE.get(), DROPPED.get(), "every operation is dropped once");
}

/// The operation was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cancelled;

/// Ends at the n-th try, or at the first try after it was cancelled.
pub struct Work {
    buffer: Option<&'static mut Buffer>,
    /// Whether a core is trying it.
    tried: AtomicBool,
    left: u32,
    cancelled: bool,
    /// Tries so far.
    pub tries: u32,
}

impl Work {
    /// An operation that ends after `tries` tries; `None` if every buffer is in use.
    pub fn new(tries: u32) -> Option<Self> {
        let buffer = FREE.try_recv().ok()?;
        buffer.fill(0);
        MADE.add(1);
        Some(Self {
            buffer: Some(buffer),
            tried: AtomicBool::new(false),
            left: tries,
            cancelled: false,
            tries: 0,
        })
    }
}

impl Attempt for Work {
    /// The core that tried it last.
    type Output = Core;
    type Error = Cancelled;

    fn attempt(&mut self) -> nb::Result<Core, Cancelled> {
        assert!(!self.tried.swap(true, Ordering::Relaxed), "two cores try the same operation");
        let buffer = self.buffer.as_mut().expect("an operation has its buffer");
        for cell in buffer.iter_mut() {
            assert_eq!(*cell, self.tries, "a try sees everything that the try before has written");
            *cell += 1;
        }
        work(5);
        self.tries += 1;
        self.left = self.left.saturating_sub(1);
        self.tried.store(false, Ordering::Relaxed);
        if self.left == 0 {
            Ok(Core::current())
        } else if self.cancelled {
            Err(nb::Error::Other(Cancelled))
        } else {
            Err(nb::Error::WouldBlock)
        }
    }
}

impl Background for Work {
    /// Does nothing: the step that must follow comes from the other core, which steps all the time.
    fn begin(&mut self) {}

    fn cancel(&mut self) {
        self.cancelled = true;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let buffer = self.buffer.take().expect("an operation is dropped once");
        assert!(FREE.try_send(buffer).is_ok(), "there is room for all");
        DROPPED.add(1);
    }
}
