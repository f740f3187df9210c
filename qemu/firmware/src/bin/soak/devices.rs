//! All devices but the disk.

#[cfg(not(all(device = "dma", device = "serial")))]
mod absent;
#[cfg(device = "dma")]
mod dma;
#[cfg(device = "serial")]
mod serial;
mod timer;

#[cfg(not(device = "dma"))]
use absent::dma;
#[cfg(not(device = "serial"))]
use absent::serial;

use drivers::timer::Countdown;

use crate::{endpoint::Endpoint, random::Random};

/// The serial ports, the DMA engine, the timer.
pub struct Devices {
    ports: serial::Ports,
    dma: dma::Engine,
    timer: Endpoint<Countdown>,
}

impl Devices {
    /// Takes the devices, and installs their handlers. Returns `None` the second time, or if a
    /// device of the board is missing.
    pub fn take() -> Option<Self> {
        let dma = dma::Engine::take()?;
        let timer = timer::take()?;
        Some(Self { ports: serial::Ports::take()?, dma, timer })
    }

    /// Does something at random with one of the devices; rarely with the DMA engine, whose transfer
    /// takes 100 ms.
    pub fn act(&mut self, random: &mut Random) {
        match random.below(1024) {
            0 => self.dma.act(random),
            n @ 1..768 => self.ports.act(n, random),
            _ => self.timer.act(random),
        }
    }

    /// Waits until no operation runs.
    pub fn drain(&mut self) {
        let mut random = Random::new(0);
        while !self.ports.have_sent() || !self.dma.is_drained() || !self.timer.is_drained() {}
        self.ports.drain(&mut random);
    }
}
