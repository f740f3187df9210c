//! `sweep`: the guest places the event of every wait path at each instruction of the path, also on
//! paths that are broken on purpose.

use crate::{
    board::Board,
    boot::{Irq, Machine, Options, Rig, place},
    cargo,
    choice::Choice,
    cli,
    error::Result,
    guest::{Guest, at_once, nowhere},
    output::OutputFile,
    report::{Report, SweptPath, SweptTwin},
    setup::{self, Needs, Tools},
    table, ui,
};
use console::{Alignment, pad_str, style};
use indicatif::HumanCount;
use serde_json::{Value, json};
use std::time::Duration;

/// A sweep takes about a minute; a busy host, and one that sweeps all boards, can be much slower.
const LIMIT: Duration = Duration::from_secs(1200);

/// The width of a name. A longer name moves its figures to the right.
const NAME: usize = 52;

/// The result of a sweep of one board, with all its interrupt controllers together.
#[derive(Clone, Debug)]
pub struct Swept {
    /// The board.
    pub board: &'static Board,
    /// What the library in its firmware assumes of the cores.
    pub choice: Choice,
    /// The library's paths.
    pub paths: Vec<SweptPath>,
    /// The paths that are broken on purpose.
    pub twins: Vec<SweptTwin>,
    /// Paths that the board cannot run, by what their names have in common, and what it lacks.
    pub not_swept: Vec<(String, String)>,
}

/// Sweeps each board and prints. Returns whether no event is lost and every twin is caught.
pub fn run(sweep: &cli::Sweep, options: &Options) -> Result<bool> {
    let boards = options.boards()?;
    let json = sweep.json.as_deref().map(OutputFile::begin).transpose()?;
    let tools = setup::tools(Needs::boot(&boards))?;
    let mut rigs = Vec::new();
    for &board in &boards {
        rigs.push(rig(tools.clone(), board, sweep.choice, options.clone())?);
    }
    let sweep_one = |rig| Swept::of(rig, sweep.choice, sweep.pairs);
    let all: Result<Vec<Swept>> = at_once(rigs, sweep_one).into_iter().collect();
    let all = all?;
    for swept in &all {
        if boards.len() > 1 {
            ui::print(table::board(swept.board));
        }
        swept.lines().for_each(ui::print);
    }
    if boards.len() > 1 {
        ui::print("");
        for swept in &all {
            ui::print(format_args!("{:10} {}", swept.board.name, swept.verdict()));
        }
    }
    if let Some(json) = json {
        json.keep_json(&to_json(&all))?;
    }
    Ok(all.iter().all(Swept::holds))
}

/// Builds the firmware.
fn rig(tools: Tools, board: &'static Board, choice: Choice, options: Options) -> Result<Rig> {
    let firmware = cargo::build_as(&tools.toolchain, board, "sweep", cargo::RELEASE, choice)?;
    Ok(tools.rig(board, firmware, options))
}

/// All paths and twins, each with its board and choice.
fn to_json(all: &[Swept]) -> Value {
    let paths = all.iter().flat_map(|Swept { board, choice, paths, .. }| {
        paths.iter().map(move |SweptPath { path, placements, lost, .. }| {
            json!({ "board": board.name, "choice": choice, "path": path, "placements": placements, "lost": lost })
        })
    });
    let twins = all.iter().flat_map(|Swept { board, choice, twins, .. }| {
        twins.iter().map(move |twin| {
            json!({ "board": board.name, "choice": choice, "twin": twin.twin, "caught": twin.is_caught(), "lost": twin.lost })
        })
    });
    json!({ "paths": paths.collect::<Vec<_>>(), "twins": twins.collect::<Vec<_>>() })
}

impl Swept {
    /// Nothing yet of this board.
    fn new(board: &'static Board, choice: Choice) -> Self {
        Self { board, choice, paths: Vec::new(), twins: Vec::new(), not_swept: Vec::new() }
    }

    /// Builds the firmware for `board` and sweeps it, with about as many pairs of places a path as
    /// `pairs` says, or as many as the board's firmware chooses.
    pub fn on(board: &'static Board, choice: Choice, pairs: Option<u32>) -> Result<Self> {
        let tools = setup::tools(Needs::boot(&[board]))?;
        Self::of(rig(tools, board, choice, Options::default())?, choice, pairs)
    }

    /// Sweeps a board. On the PC the machine is by default `microvm`, which boots fastest, and both
    /// interrupt controllers run at the same time.
    fn of(mut rig: Rig, choice: Choice, pairs: Option<u32>) -> Result<Self> {
        rig.options.machine.get_or_insert(Machine::Microvm);
        let controllers = rig.options.irqs(rig.board);
        let rig = &rig;
        at_once(controllers, |irq| Self::boot(rig, choice, pairs, irq)).into_iter().try_fold(
            Self::new(rig.board, choice),
            |mut all, one| {
                let Self { paths, twins, not_swept, .. } = one?;
                all.not_swept = not_swept;
                paths.into_iter().for_each(|path| all.add_path(path));
                twins.into_iter().for_each(|twin| all.add_twin(twin));
                Ok(all)
            },
        )
    }

    fn boot(rig: &Rig, choice: Choice, pairs: Option<u32>, irq: Option<Irq>) -> Result<Self> {
        let pairs = pairs.map_or(String::new(), |pairs| format!(" pairs={pairs}"));
        let mut boot = rig.boot(format!("sweep{pairs}"), LIMIT);
        boot.irq = irq;
        let mut swept = Self::new(rig.board, choice);
        let place = format!("{}{}", place(rig.board, irq), said(choice));
        let step = ui::Step::begin(format_args!("sweeping {place}"));
        let guest = Guest::boot(&boot, nowhere())?;
        let run = guest.run(|report| match report {
            Report::Path(path) => {
                step.at(format_args!("{}: {} placements", path.path, path.placements));
                swept.paths.push(path);
            }
            Report::NotSwept { paths, why } => swept.not_swept.push((paths, why)),
            Report::Twin(twin) => {
                step.at(&twin.twin);
                swept.twins.push(twin);
            }
            _ => {}
        })?;
        run.success()?;
        step.end(format_args!("swept {place}"));
        Ok(swept)
    }

    fn add_path(&mut self, path: SweptPath) {
        match self.paths.iter_mut().find(|known| known.path == path.path) {
            Some(known) => {
                known.placements += path.placements;
                known.lost += path.lost;
                known.addresses = known.addresses.max(path.addresses);
            }
            None => self.paths.push(path),
        }
    }

    /// A twin is caught only if it is caught with each controller.
    fn add_twin(&mut self, twin: SweptTwin) {
        match self.twins.iter_mut().find(|known| known.twin == twin.twin) {
            Some(known) => {
                known.placements += twin.placements;
                known.lost =
                    if known.lost == 0 || twin.lost == 0 { 0 } else { known.lost + twin.lost };
            }
            None => self.twins.push(twin),
        }
    }

    /// Whether no event is lost and every twin is caught.
    pub fn holds(&self) -> bool {
        let swept = !self.paths.is_empty() && !self.twins.is_empty();
        let sound = self.paths.iter().all(|path| path.lost == 0 && path.placements > 0);
        swept && sound && self.twins.iter().all(SweptTwin::is_caught)
    }

    /// The table. Its last line is the total.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let paths = self.paths.iter().map(|path| {
            line(path.lost == 0, &path.path, path.placements, Some(path.addresses), path.lost)
        });
        let twins = self
            .twins
            .iter()
            .map(|twin| line(twin.is_caught(), &twin.twin, twin.placements, None, twin.lost));
        let not_swept =
            self.not_swept.iter().map(|(paths, why)| table::not_run(&format!("{paths}: …"), why));
        let head = [heading(&format!("wait path{}", said(self.choice)), "boundaries")];
        head.into_iter()
            .chain(paths)
            .chain(not_swept)
            .chain([heading("broken twin", "")])
            .chain(twins)
            .chain([String::new(), self.verdict()])
    }

    /// The total.
    pub fn verdict(&self) -> String {
        let placements = HumanCount(self.paths.iter().map(|path| path.placements).sum());
        let lost = HumanCount(self.paths.iter().map(|path| path.lost).sum());
        let caught = self.twins.iter().filter(|twin| twin.is_caught()).count();
        let verdict = style(format!(
            "{placements} placements on {} paths, {lost} lost; {caught} of {} twins caught",
            self.paths.len(),
            self.twins.len()
        ));
        let verdict = verdict.bold();
        if self.holds() { verdict.green() } else { verdict.red() }.to_string()
    }
}

/// The choice, for messages, unless it is the default.
fn said(choice: Choice) -> String {
    match choice {
        Choice::Default => String::new(),
        Choice::SingleCore => format!(", {choice}"),
    }
}

fn heading(what: &str, addresses: &str) -> String {
    let figures = format!("{:>10} {addresses:>10} {:>8}", "placements", "lost");
    let what = style(pad_str(what, NAME + 4, Alignment::Left, None)).bold();
    format!("\n{what} {}", style(figures).dim())
}

fn line(good: bool, name: &str, placements: u64, addresses: Option<u64>, lost: u64) -> String {
    let mark = if good { style("✓").green() } else { style("✗").red() };
    let name = pad_str(name, NAME, Alignment::Left, None);
    let placements = HumanCount(placements).to_string();
    let addresses = addresses.map_or(String::new(), |addresses| HumanCount(addresses).to_string());
    let lost = HumanCount(lost).to_string();
    format!("  {mark} {name} {placements:>10} {addresses:>10} {lost:>8}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board;

    fn swept(path_lost: u64, twin_lost: [u64; 2]) -> Swept {
        let mut swept = Swept::new(board::PC, Choice::Default);
        for twin_lost in twin_lost {
            let path = SweptPath {
                path: "park".into(),
                placements: 600,
                addresses: 80,
                every: 1,
                lost: path_lost,
            };
            swept.add_path(path);
            swept.add_twin(SweptTwin { twin: "late".into(), placements: 200, lost: twin_lost });
        }
        swept
    }

    #[test]
    fn a_loss_or_a_twin_that_is_not_caught_is_a_failure() {
        assert!(swept(0, [1, 2]).holds());
        assert!(!swept(1, [1, 2]).holds());
        assert!(!swept(0, [1, 0]).holds(), "each controller has to catch it");
        assert!(!swept(0, [0, 1]).holds());
        assert!(!Swept::new(board::PC, Choice::Default).holds(), "nothing was swept");
    }

    #[test]
    fn results_of_different_boards_and_choices_are_not_merged() {
        let other = Swept { board: &board::BOARDS[1], ..swept(1, [0, 0]) };
        let single = Swept { choice: Choice::SingleCore, ..swept(2, [2, 2]) };
        let json = to_json(&[swept(0, [1, 2]), single, other]);
        let lost = |what: &str| -> Vec<_> {
            let all = json[what].as_array().unwrap().iter();
            all.map(|one| json!([one["board"], one["choice"], one["lost"]])).collect()
        };
        let of = |lost: [u64; 3]| {
            let places = [("pc", "default"), ("pc", "single-core"), ("ast1030", "default")];
            let all = places.into_iter().zip(lost);
            all.map(|((board, choice), lost)| json!([board, choice, lost])).collect::<Vec<_>>()
        };
        assert_eq!(lost("paths"), of([0, 4, 2]));
        assert_eq!(lost("twins"), of([3, 4, 0]));
    }

    #[test]
    fn the_total_is_that_of_all_controllers() {
        let swept = swept(0, [1, 2]);
        let verdict = console::strip_ansi_codes(&swept.verdict()).trim().to_owned();
        assert_eq!(verdict, "1,200 placements on 1 paths, 0 lost; 1 of 1 twins caught");
        let expected = json!({
            "paths": [{ "board": "pc", "choice": "default", "path": "park", "placements": 1200, "lost": 0 }],
            "twins": [{ "board": "pc", "choice": "default", "twin": "late", "caught": true, "lost": 3 }],
        });
        assert_eq!(to_json(&[swept]), expected);
    }
}
