//! The counts of the soak. The host checks which of them must be equal.

use board::interrupts;
use firmware::report::Soaked;
use firmware::wide::AtomicU64;
use portable_atomic::Ordering::Relaxed;
use wouldblock::job::{Step, Stepped};

/// What the soak does wrong on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Nothing.
    None,
    /// One buffer is not returned.
    Leak,
    /// One callback is counted twice.
    Double,
}

/// A counter that only counts up.
pub struct Count(AtomicU64);

impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds one.
    pub fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// It did everything that was requested.
    Completed,
    /// It was cancelled, and ended early.
    Cancelled,
    /// It failed.
    #[cfg_attr(
        not(any(device = "serial", device = "disk")),
        expect(dead_code, reason = "a timer does not fail")
    )]
    Failed,
}

/// All counts.
pub struct Counts {
    /// Operations started.
    pub started: Count,
    /// Operations started with a callback; `started` includes them.
    pub started_with: Count,
    // Ends, by how the operation ended.
    completed: Count,
    cancelled: Count,
    failed: Count,
    /// Ends collected by a job.
    pub collected: Count,
    /// Ends passed to a callback.
    pub called_back: Count,
    /// Ends of detached and dropped jobs, which nothing collects.
    pub given_up: Count,
    /// Ends of forgotten jobs: their slots stay busy forever.
    pub forgotten: Count,
    /// Buffers that went into operations.
    pub lent: Count,
    /// Buffers that came back from operations.
    pub returned: Count,
    // Ends by device, without those of the disk.
    pub serial: Count,
    pub dma: Count,
    pub timer: Count,
    // Handlers that found no operation to step, and handlers that found a slot claimed.
    idle: Count,
    contended: Count,
}

pub static COUNTS: Counts = Counts {
    started: Count::new(),
    started_with: Count::new(),
    completed: Count::new(),
    cancelled: Count::new(),
    failed: Count::new(),
    collected: Count::new(),
    called_back: Count::new(),
    given_up: Count::new(),
    forgotten: Count::new(),
    lent: Count::new(),
    returned: Count::new(),
    serial: Count::new(),
    dma: Count::new(),
    timer: Count::new(),
    idle: Count::new(),
    contended: Count::new(),
};

impl Counts {
    /// Counts an operation that has ended.
    pub fn end(&self, how: How) {
        match how {
            How::Completed => &self.completed,
            How::Cancelled => &self.cancelled,
            How::Failed => &self.failed,
        }
        .add();
    }

    /// Operations that have ended.
    pub fn ended(&self) -> u64 {
        self.completed.get() + self.cancelled.get() + self.failed.get()
    }

    /// Counts a handler, which has stepped these slots and nothing else.
    pub fn handled(&self, stepped: &[&Stepped]) {
        if stepped.iter().all(|stepped| stepped.step() == Step::Idle) {
            self.idle.add();
        }
        if stepped.iter().any(|stepped| stepped.step() == Step::Contended) {
            self.contended.add();
        }
    }

    /// The report of all counts.
    pub fn report(&self) -> Soaked {
        Soaked {
            started: self.started.get(),
            started_with: self.started_with.get(),
            completed: self.completed.get(),
            cancelled: self.cancelled.get(),
            failed: self.failed.get(),
            collected: self.collected.get(),
            called_back: self.called_back.get(),
            given_up: self.given_up.get(),
            forgotten: self.forgotten.get(),
            lent: self.lent.get(),
            returned: self.returned.get(),
            serial: self.serial.get(),
            dma: self.dma.get(),
            timer: self.timer.get(),
            interrupts: interrupts::taken(),
            idle: self.idle.get(),
            contended: self.contended.get(),
        }
    }
}
