//! No DMA engine.

use crate::tour::{
    Kind::{Asynchronous, Blocking, NonBlocking},
    Tour,
};

const WHY: &str = if cfg!(target_arch = "x86_64") {
    "no PCI bus, hence no DMA"
} else if cfg!(device = "flash") {
    "its DMA engine takes no time, so there is nothing to wait for"
} else {
    "no DMA engine"
};

/// There is none.
#[cfg(not(device = "dma"))]
pub enum Engine {}

#[cfg(not(device = "dma"))]
impl Engine {
    pub const fn take() -> Option<Self> {
        None
    }
}

#[cfg(not(device = "dma"))]
pub const fn at_rest(_: &crate::tour::Checks) {}

#[cfg(all(not(device = "dma"), device = "serial"))]
pub const fn start(engine: Engine) -> Engine {
    engine
}

#[cfg(all(not(device = "dma"), device = "serial"))]
pub fn wait(engine: Engine, _: impl wouldblock::block::Idle) -> Engine {
    engine
}

#[cfg(all(not(device = "dma"), device = "serial"))]
pub const fn tries(engine: &Engine) -> u64 {
    match *engine {}
}

#[cfg(all(not(device = "dma"), device = "serial"))]
pub const fn give_back(engine: Engine) -> Engine {
    engine
}

pub fn blocking(tour: &Tour) {
    tour.absent(Blocking, "a DMA transfer, retried in a loop", WHY);
    tour.absent(Blocking, "a DMA transfer, asleep until its interrupt", WHY);
    tour.absent(Blocking, "a bounded wait for a DMA job", WHY);
}

pub fn nonblocking(tour: &Tour) {
    tour.absent(NonBlocking, "one try at a running DMA transfer", WHY);
}

pub fn asynchronous(tour: &Tour) {
    tour.absent(Asynchronous, "a DMA transfer with a callback", WHY);
    tour.absent(Asynchronous, "a DMA transfer, polled", WHY);
    tour.absent(Asynchronous, "a DMA transfer, awaited", WHY);
}
