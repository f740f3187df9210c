//! What the board was told.

use board::Board;

crate::registry::test!(command_line);
fn command_line(board: &'static Board) {
    let line = board.command_line;
    assert_eq!(line.command(), "run");
    assert_eq!(line.value("name"), Some("board::boot::command_line"));
    assert_eq!(line.value("nam"), None);
    assert_eq!(line.value("run"), None);
}
