//! `boards`: the list of the boards. It installs nothing. Where everything is installed, it asks the
//! board's firmware which rows and tests it runs.

use crate::{
    board::{BOARDS, Board, Machine},
    boot::Options,
    cargo, disk_image,
    error::Result,
    guest::{Guest, nowhere},
    on_target,
    report::Report,
    setup::{self, Needs, Tools},
    table, tour, ui,
};

/// Prints the list, or the one board that the user names.
pub fn run(options: &Options) -> Result<bool> {
    let boards = match options.board {
        None => BOARDS.iter().collect(),
        Some(_) => options.boards()?,
    };
    for board in boards {
        ui::print(table::board(board));
        described(board).into_iter().for_each(ui::print);
        match setup::missing(Needs::boot(&[board])) {
            Some((why, advice)) => {
                ui::print(line("runs", "unknown before these tools are installed:"));
                ui::print(line("", &why));
                ui::print(line("", &advice));
            }
            None => {
                let tools = setup::tools(Needs::boot(&[board]))?;
                rows(&tools, board, options)?.lines("rows", options).iter().for_each(ui::print);
                tests(&tools, board, options)?.lines("tests", options).iter().for_each(ui::print);
            }
        }
    }
    Ok(true)
}

fn line(what: &str, text: &str) -> String {
    format!("  {what:<8} {}", text.replace(setup::NEXT_LINE, "\n           "))
}

/// What the table says of a board.
fn described(board: &Board) -> Vec<String> {
    let machine = match board.machine {
        Machine::Chosen => "q35, pc or microvm",
        Machine::Fixed(options) => {
            options.trim_start_matches("-machine ").split(' ').next().unwrap_or_default()
        }
    };
    let devices = board.devices.iter().map(|device| device.name());
    let devices: Vec<_> = ["timer"].into_iter().chain(devices).collect();
    let mut lines = vec![
        line("target", board.target),
        line("QEMU", &format!("{}, machine {machine}", board.qemu.name)),
        line("devices", &devices.join(", ")),
    ];
    for (device, why) in board.lacks {
        lines.push(line("without", &format!("{}: {why}", device.name())));
    }
    lines
}

/// What a board's firmware runs, and what it cannot run and why.
#[derive(Debug, Default)]
struct Runs {
    names: Vec<String>,
    lacking: Vec<(String, String)>,
}

impl Runs {
    /// The number, or with `--verbose` the names; then what is lacking.
    fn lines(&self, what: &str, options: &Options) -> Vec<String> {
        let mut lines = vec![line(what, &self.names.len().to_string())];
        if options.verbose {
            lines.extend(self.names.iter().map(|name| line("", name)));
        }
        lines
            .extend(self.lacking.iter().map(|(name, why)| line("", &format!("not {name}: {why}"))));
        lines
    }
}

/// The rows of the tour.
fn rows(tools: &Tools, board: &'static Board, options: &Options) -> Result<Runs> {
    let firmware = cargo::build(&tools.toolchain, board, "tour")?;
    let rig = tools.clone().rig(board, firmware, options.clone());
    let image = disk_image::temporary()?;
    let boot = tour::boot(&rig, &image);
    let mut runs = Runs::default();
    let run = Guest::boot(&boot, nowhere())?.run(|report| match report {
        Report::Row(row) => runs.names.push(row.row),
        Report::Absent(absent) => runs.lacking.push((absent.row, absent.why)),
        _ => {}
    })?;
    run.success()?;
    Ok(runs)
}

/// The on-target tests.
fn tests(tools: &Tools, board: &'static Board, options: &Options) -> Result<Runs> {
    let firmware = cargo::build(&tools.toolchain, board, "tests")?;
    let list = on_target::list(&tools.clone().rig(board, firmware, options.clone()))?;
    Ok(Runs { names: list.names.into_iter().collect(), lacking: list.lacking })
}

#[cfg(test)]
mod tests_of_the_list {
    use super::*;

    #[test]
    fn what_is_lacking_is_always_shown_and_names_only_on_request() {
        let runs = Runs {
            names: vec!["timer::sleeps".into(), "uart::echo".into()],
            lacking: vec![("dma".into(), "no DMA engine".into())],
        };
        let short = runs.lines("tests", &Options::default());
        assert_eq!(short, ["  tests    2", "           not dma: no DMA engine"]);
        let verbose = Options { verbose: true, ..Options::default() };
        let long = runs.lines("tests", &verbose);
        assert!(long.len() == 4 && long[2].ends_with("uart::echo"), "{long:?}");
    }
}
