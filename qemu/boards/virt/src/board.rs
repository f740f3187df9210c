//! The board, for all that runs on it.

use common::once::Once;

pub use crate::machine::Board;

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
