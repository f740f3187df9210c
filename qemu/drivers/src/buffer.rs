//! A buffer that an operation can own: static memory, and how much of it is meant.

/// The first bytes of a static buffer.
#[derive(Debug)]
pub struct Buffer {
    memory: &'static mut [u8],
    length: usize,
}

impl Buffer {
    /// All of `memory`.
    pub fn new(memory: &'static mut [u8]) -> Self {
        Self { length: memory.len(), memory }
    }

    /// The first `length` bytes of the same memory, or all there are.
    #[must_use]
    pub fn truncated(self, length: usize) -> Self {
        Self { length: length.min(self.memory.len()), ..self }
    }
}

impl AsRef<[u8]> for Buffer {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

impl AsMut<[u8]> for Buffer {
    #[inline]
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.memory[..self.length]
    }
}
