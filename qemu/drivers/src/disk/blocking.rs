//! The blocking form of a request.

use wouldblock::{block::Idle, event::Waiter};

use super::{Command, Disk, Error, request::Flight};

/// The blocking form. There is one.
#[derive(Debug)]
pub struct Blocking {
    disk: Disk,
    waiter: Waiter<'static>,
}

impl Blocking {
    pub(super) const fn new(disk: Disk, waiter: Waiter<'static>) -> Self {
        Self { disk, waiter }
    }

    /// Its disk.
    pub const fn disk(&self) -> Disk {
        self.disk
    }

    /// Fills `memory` from the disk, or writes it there. It may borrow the memory, since it cannot
    /// return before the device is done.
    ///
    /// # Errors
    /// Any [`Error`].
    pub fn transfer(
        &mut self,
        command: Command,
        sector: u64,
        memory: &mut [u8],
        idle: impl Idle,
    ) -> Result<(), Error> {
        let mut flight = Flight::new(&self.disk, command, sector, memory)?;
        flight.begin();
        self.waiter.operation(&mut flight).block(idle)
    }
}
