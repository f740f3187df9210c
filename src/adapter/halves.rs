//! The two adapters of byte streams. Each trait that they implement has a file of its own.

use crate::block::Spin;

/// A stream to read from ([`io::Read`](crate::io::Read)), with the traits of other crates.
///
/// Its blocking calls wait with the idler or [`Limit`](super::Limit) `L`. With a limit of time, a call may fail
/// with [`time::Error::TimedOut`](crate::time::Error), and has then taken nothing.
///
/// # Cancel safety
/// Of its awaited calls: readiness, as for [`io::Read`](crate::io::Read). A `read` that is dropped
/// before it has ended has taken nothing. (A `read_exact` is many reads: the bytes of the earlier
/// ones are in the caller's buffer, and their count is lost.)
#[derive(Debug)]
pub struct Reader<R, L = Spin> {
    pub(super) half: R,
    pub(super) limit: L,
}

/// A stream to write to ([`io::Write`](crate::io::Write)), with the traits of other crates.
///
/// Its blocking calls wait with the idler or [`Limit`](super::Limit) `L`. With a limit of time, a call may fail
/// with [`time::Error::TimedOut`](crate::time::Error), and has then written nothing. Only `flush` spins, where the device has no
/// interrupt for "everything has left". The awaited `flush` then yields to the other tasks again
/// and again, so the executor does not sleep meanwhile.
///
/// # Cancel safety
/// Of its awaited calls: readiness, as for [`io::Write`](crate::io::Write). A `write` that is
/// dropped before it has ended has written nothing; a dropped `flush` has changed nothing. (A
/// `write_all` is many writes: the bytes of the earlier ones are written, and their count is lost.)
#[derive(Debug)]
pub struct Writer<W, L = Spin> {
    pub(super) half: W,
    pub(super) limit: L,
}

impl<R> Reader<R> {
    /// An adapter whose blocking calls spin.
    pub const fn new(half: R) -> Self {
        Self::with_idle(half, Spin)
    }
}

impl<R, L> Reader<R, L> {
    /// An adapter whose blocking calls wait with `limit`: an idler, or [`For`](super::For) a time.
    pub const fn with_idle(half: R, limit: L) -> Self {
        Self { half, limit }
    }

    /// Gives back the stream and the limit.
    #[doc(hidden)]
    pub fn into_parts(self) -> (R, L) {
        (self.half, self.limit)
    }
}

impl<W> Writer<W> {
    /// An adapter whose blocking calls spin.
    pub const fn new(half: W) -> Self {
        Self::with_idle(half, Spin)
    }
}

impl<W, L> Writer<W, L> {
    /// An adapter whose blocking calls wait with `limit`: an idler, or [`For`](super::For) a time.
    pub const fn with_idle(half: W, limit: L) -> Self {
        Self { half, limit }
    }

    /// Gives back the stream and the limit.
    #[doc(hidden)]
    pub fn into_parts(self) -> (W, L) {
        (self.half, self.limit)
    }
}
