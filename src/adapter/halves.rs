//! The two adapters of byte streams. Each trait that they implement has a file of its own.

use crate::block::Spin;

/// A stream to read from ([`io::Read`](crate::io::Read)), with the traits of other crates.
///
/// Its blocking calls wait with the idler `I`.
///
/// # Cancel safety
/// Of its awaited calls: readiness, as for [`io::Read`](crate::io::Read). A `read` that is dropped
/// before it has ended has taken nothing. (A `read_exact` is many reads: the bytes of the earlier
/// ones are in the caller's buffer, and their count is lost.)
#[derive(Debug)]
pub struct Reader<R, I = Spin> {
    pub(super) half: R,
    pub(super) idle: I,
}

/// A stream to write to ([`io::Write`](crate::io::Write)), with the traits of other crates.
///
/// Its blocking calls wait with the idler `I`. Only `flush` spins, where the device has no
/// interrupt for "everything has left". The awaited `flush` then yields to the other tasks again
/// and again, so the executor does not sleep meanwhile.
///
/// # Cancel safety
/// Of its awaited calls: readiness, as for [`io::Write`](crate::io::Write). A `write` that is
/// dropped before it has ended has written nothing; a dropped `flush` has changed nothing. (A
/// `write_all` is many writes: the bytes of the earlier ones are written, and their count is lost.)
#[derive(Debug)]
pub struct Writer<W, I = Spin> {
    pub(super) half: W,
    pub(super) idle: I,
}

impl<R> Reader<R> {
    /// An adapter whose blocking calls spin.
    pub const fn new(half: R) -> Self {
        Self::with_idle(half, Spin)
    }
}

impl<R, I> Reader<R, I> {
    /// An adapter whose blocking calls wait with `idle`.
    pub const fn with_idle(half: R, idle: I) -> Self {
        Self { half, idle }
    }

    /// Gives back the stream and the idler.
    #[doc(hidden)]
    pub fn into_parts(self) -> (R, I) {
        (self.half, self.idle)
    }
}

impl<W> Writer<W> {
    /// An adapter whose blocking calls spin.
    pub const fn new(half: W) -> Self {
        Self::with_idle(half, Spin)
    }
}

impl<W, I> Writer<W, I> {
    /// An adapter whose blocking calls wait with `idle`.
    pub const fn with_idle(half: W, idle: I) -> Self {
        Self { half, idle }
    }

    /// Gives back the stream and the idler.
    #[doc(hidden)]
    pub fn into_parts(self) -> (W, I) {
        (self.half, self.idle)
    }
}
