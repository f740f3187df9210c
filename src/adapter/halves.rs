//! The two adapters of byte streams. The traits they get are each in a file of its own.

use crate::block::Spin;

/// A stream of bytes that come, for crates that expect another trait.
///
/// Its blocking calls pass the time with `idle`.
///
/// # Cancel safety
/// Of its awaited calls: readiness, as [`io::Read`](crate::io::Read) has it. A `read` that is
/// dropped before it has ended has taken nothing. (A `read_exact` is many reads: what the earlier
/// ones took is in the caller's buffer, how much of it nobody says.)
#[derive(Debug)]
pub struct Reader<R, I = Spin> {
    pub(super) half: R,
    pub(super) idle: I,
}

/// A stream of bytes that go, for crates that expect another trait.
///
/// Its blocking calls pass the time with `idle`, but for `flush`, which spins: what it waits for
/// has no event. The awaited `flush` yields to the other tasks instead, again and again, so the
/// executor does not sleep meanwhile.
///
/// # Cancel safety
/// Of its awaited calls: readiness, as [`io::Write`](crate::io::Write) has it. A `write` that is
/// dropped before it has ended has handed over nothing, a dropped `flush` has changed nothing. (A
/// `write_all` is many writes: the bytes of the earlier ones are gone, how many nobody says.)
#[derive(Debug)]
pub struct Writer<W, I = Spin> {
    pub(super) half: W,
    pub(super) idle: I,
}

impl<R> Reader<R> {
    /// Its blocking calls spin.
    pub const fn new(half: R) -> Self {
        Self::with_idle(half, Spin)
    }
}

impl<R, I> Reader<R, I> {
    /// Its blocking calls pass the time with `idle`.
    pub const fn with_idle(half: R, idle: I) -> Self {
        Self { half, idle }
    }

    /// The stream and the idler.
    pub fn into_parts(self) -> (R, I) {
        (self.half, self.idle)
    }
}

impl<W> Writer<W> {
    /// Its blocking calls spin.
    pub const fn new(half: W) -> Self {
        Self::with_idle(half, Spin)
    }
}

impl<W, I> Writer<W, I> {
    /// Its blocking calls pass the time with `idle`.
    pub const fn with_idle(half: W, idle: I) -> Self {
        Self { half, idle }
    }

    /// The stream and the idler.
    pub fn into_parts(self) -> (W, I) {
        (self.half, self.idle)
    }
}
