//! Where the processor has no single steps: only the counter shows what was hit.

/// Nothing to install.
pub fn install() {}

/// Nothing to forget.
pub fn forget() {}

/// Nothing to compare.
pub fn begin() {}

/// There are no single steps, so there is nothing to run.
pub fn step(_first: usize, _run: impl FnOnce()) {}

/// The path is run as it is.
#[inline]
pub fn enter() {}

/// The path is run as it is.
#[inline]
pub fn leave() {}

/// Nothing to record.
#[inline]
pub fn came(_address: usize, _fired: usize) {}

/// Nothing to record.
#[inline]
pub fn put_off(_fired: usize) {}

/// Nothing to record.
#[inline]
pub fn hit(_address: usize) {}

/// No difference can be found.
pub fn difference() -> Option<usize> {
    None
}

/// Not known.
pub fn count() -> Option<usize> {
    None
}
