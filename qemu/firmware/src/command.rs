//! The main function of a binary whose commands run, one a boot, and then end.

use board::{
    Board,
    exit::{self, Failure},
};

/// Runs the command that the command line names, and ends the run.
pub fn run(board: &'static Board, commands: &[(&str, fn())]) -> ! {
    let name = board.command_line.command();
    let Some((_, command)) = commands.iter().find(|(known, _)| *known == name) else {
        defmt::error!("no such command: {=str}", board.command_line.text());
        exit::failure(Failure::CommandLine)
    };
    command();
    exit::success()
}
