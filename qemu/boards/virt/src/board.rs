//! What the machine is, and what the host told it.

use core::sync::atomic::{AtomicPtr, Ordering};

use crate::{command_line::CommandLine, pci};

/// What this machine is, and what it was told.
pub struct Board {
    /// What the host gave as `arg=` of `-semihosting-config`.
    pub command_line: CommandLine,
    /// The PCI bus.
    pub pci: pci::Bus,
}

/// Null until the board is set up, then what [`install`] was given.
static BOARD: AtomicPtr<Board> = AtomicPtr::new(core::ptr::null_mut());

/// The board. A handler, which is given no reference to it, calls this too.
///
/// # Panics
/// Before the board has called the main function; no code of a binary runs then.
#[must_use]
pub fn board() -> &'static Board {
    // SAFETY: `BOARD` is null or came from a `&'static Board`, and a `Board` may be shared (below).
    unsafe { BOARD.load(Ordering::Acquire).as_ref() }.expect("the board is set up")
}

const _: () = {
    const fn may_be_shared<T: Sync>() {}
    may_be_shared::<Board>();
};

/// From here on [`board`] returns this one.
pub(crate) fn install(board: &'static Board) {
    BOARD.store(core::ptr::from_ref(board).cast_mut(), Ordering::Release);
}
