//! What is counted. The host knows which counts must be equal.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use board::interrupts;
use firmware::report::Soaked;
use wouldblock::job::{Step, Stepped};

/// A count.
pub struct Count(AtomicU64);

impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// So far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// It did all that it was to do.
    Completed,
    /// It ended early, as it was asked to.
    Cancelled,
    /// It has failed.
    Failed,
}

/// All counts.
pub struct Counts {
    /// Operations started, and those of them with a callback.
    pub started: Count,
    pub started_with: Count,
    /// How they ended.
    completed: Count,
    cancelled: Count,
    failed: Count,
    /// Who got the end: a job, a callback, or nobody.
    pub collected: Count,
    pub called_back: Count,
    pub given_up: Count,
    /// Ends that nobody will ever get, and whose slot is out of use.
    pub forgotten: Count,
    /// Buffers that went into operations, and that came out.
    pub lent: Count,
    pub returned: Count,
    /// Ends by device, those of the disk aside.
    pub serial: Count,
    pub dma: Count,
    pub timer: Count,
    /// Handlers that found nothing to do, and that found a slot being stepped.
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
    /// An operation has ended.
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

    /// A handler has stepped these, which is all that it had to do.
    pub fn handled(&self, driven: &[&Stepped]) {
        if driven.iter().all(|driven| driven.step() == Step::Idle) {
            self.idle.add();
        }
        if driven.iter().any(|driven| driven.step() == Step::Contended) {
            self.contended.add();
        }
    }

    /// All of them.
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
