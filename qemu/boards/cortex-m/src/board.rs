//! What the board was told.

use common::{command_line::CommandLine, once::Once};

/// What the board was told.
#[derive(Debug)]
pub struct Board {
    /// What follows QEMU's `-semihosting-config …,arg=`.
    pub command_line: CommandLine,
}

static BOARD: Once<Board> = Once::new();

/// The board. A handler, which is given no reference to it, calls this too.
///
/// # Panics
/// Before the board has called the main function; no code of a binary runs then.
#[must_use]
pub fn board() -> &'static Board {
    BOARD.get().expect("the board is set up")
}

/// From here on [`board`] returns this one.
pub(crate) fn install(board: &'static Board) {
    BOARD.set(board);
}
