use wouldblock::{attempt::Attempt, job::Background, nb};

use super::{
    keyboard::{Broken, Keys},
    ports::Ports,
};

/// Reads `N` scan codes in the background. It owns the keys and the buffer, and its end gives both
/// back.
pub struct ReadCodes<P: 'static, const N: usize> {
    pub keys: Keys<'static, P>,
    pub codes: [u8; N],
    pub read: usize,
    cancelled: bool,
}

impl<P: Ports, const N: usize> ReadCodes<P, N> {
    pub const fn new(keys: Keys<'static, P>) -> Self {
        Self { keys, codes: [0; N], read: 0, cancelled: false }
    }
}

impl<P: Ports, const N: usize> Attempt for ReadCodes<P, N> {
    type Output = usize;
    type Error = Broken;

    /// The same try, until the buffer is full.
    fn attempt(&mut self) -> nb::Result<usize, Broken> {
        while self.read < N && !self.cancelled {
            self.codes[self.read] = self.keys.keyboard.try_code()?;
            self.read += 1;
        }
        Ok(self.read)
    }
}

impl<P: Ports + Sync, const N: usize> Background for ReadCodes<P, N> {
    /// An interrupt must follow. A byte that waits already has had its edge: off and on makes
    /// another one.
    fn begin(&mut self) {
        self.keys.keyboard.ports.enable_interrupt(false);
        self.keys.keyboard.ports.enable_interrupt(true);
    }

    /// Nothing is in flight in the device, so the next try is the end.
    fn cancel(&mut self) {
        self.cancelled = true;
    }
}
