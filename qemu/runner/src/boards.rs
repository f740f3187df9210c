//! `boards`: the list of the boards. It boots and installs nothing.

use crate::{
    board::{BOARDS, Board, Machine},
    boot::Options,
    error::Result,
    setup::{self, Needs},
    table, ui,
};

/// Prints the list, or the one board that the user names.
pub fn run(options: &Options) -> Result<bool> {
    let boards = match options.board {
        None => BOARDS.iter().collect(),
        Some(_) => options.boards()?,
    };
    for board in boards {
        ui::print(table::board(board));
        lines(board).iter().for_each(ui::print);
    }
    Ok(true)
}

/// What is printed of a board.
fn lines(board: &'static Board) -> Vec<String> {
    let machine = match board.machine {
        Machine::Chosen => "q35, pc or microvm",
        Machine::Fixed(options) => {
            options.trim_start_matches("-machine ").split(' ').next().unwrap_or_default()
        }
    };
    let devices: Vec<_> = board.devices.iter().map(|device| device.name()).collect();
    let line = |what: &str, text: &str| format!("  {what:<9} {text}");
    let mut lines = vec![
        line("target", board.target),
        line("QEMU", &format!("{}, machine {machine}", board.qemu.name)),
        line("devices", &[&["timer"], &devices[..]].concat().join(", ")),
    ];
    for (device, why) in board.lacks {
        lines.push(line("without", &format!("{}: {why}", device.name())));
    }
    lines.push(match setup::missing(Needs::boot(&[board])) {
        None => line("here", "ready"),
        Some((why, advice)) => line("here", &format!("{why}; {advice}")),
    });
    lines
}
