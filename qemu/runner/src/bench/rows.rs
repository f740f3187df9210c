//! The figures of a bench, each beside a peer's, some with a bound; their table and their file.

use crate::{
    board::Board,
    cargo,
    choice::Choice,
    error::{Error, Result},
    folders,
    output::OutputFile,
    report::Figure,
    ui,
};
use console::style;
use serde::{Serialize, Serializer};
use std::{fs, path::PathBuf};

/// How the firmware is built.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub enum Profile {
    /// `release`.
    P,
    /// `release-lto`: `lto = "fat"` and one codegen unit.
    L,
}

impl Profile {
    /// Cargo's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::P => cargo::RELEASE,
            Self::L => "release-lto",
        }
    }
}

/// The bound of a case.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// At most this many times what the peer takes, in P and in L.
    Times(f64, f64),
    /// At most this much more than the peer takes.
    More(u64),
    /// At most this value.
    Value(u64),
    /// Exactly what the peer takes.
    Same,
    /// At least this part of the peer's value.
    Share(f64),
}
use Limit::{More, Same, Share, Times, Value};

/// The limit of a case beside this peer, or beside any peer ([`ANY`]).
pub type Bound = (&'static str, &'static str, Limit);

/// A peer that the bench finds, such as the operation that took longest.
pub const ANY: &str = "";

/// The bounds of a bench, on the PC. Each must be measured, and met, by these choices in every profile.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The bounds.
    pub bounds: &'static [Bound],
    /// The choices that are judged.
    pub choices: &'static [Choice],
    /// The profiles that are measured.
    pub profiles: &'static [Profile],
}

/// One figure, as it is written to the file.
#[derive(Debug, Serialize)]
pub struct Row {
    #[serde(serialize_with = "name")]
    board: &'static Board,
    #[serde(flatten)]
    figure: Figure,
    profile: Profile,
    choice: Choice,
    ratio: f64,
}

fn name<S: Serializer>(board: &Board, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(board.name)
}

impl Row {
    pub fn new(board: &'static Board, choice: Choice, profile: Profile, figure: Figure) -> Self {
        let ratio = figure.ours as f64 / figure.peer_value as f64;
        Self { board, figure, profile, choice, ratio }
    }

    fn is_bounded_by(&self, (case, peer, _): Bound) -> bool {
        let Figure { case: own, peer: own_peer, .. } = &self.figure;
        self.board.is_pc() && own == case && (own_peer == peer || peer == ANY)
    }

    fn meets(&self, limit: Limit) -> bool {
        let Figure { ours, peer_value, .. } = self.figure;
        match (limit, self.profile) {
            (Times(most, _), Profile::P) | (Times(_, most), Profile::L) => self.ratio <= most,
            (More(most), _) => ours <= peer_value + most,
            (Value(most), _) => ours <= most,
            (Same, _) => ours == peer_value,
            (Share(least), _) => self.ratio >= least,
        }
    }

    /// What was measured: the board, how the firmware was built.
    fn place(&self) -> String {
        let Self { board: Board { name, cpu, .. }, profile, choice, .. } = self;
        format!("{name}, {cpu}: {profile:?}, {choice}")
    }

    /// The line of the table.
    fn line(&self, limit: Option<Limit>) -> String {
        let Self { figure, profile, ratio, .. } = self;
        let Figure { case, ours, peer, peer_value, note, host_input } = figure;
        let mut line = format!("{case:<23} {ours:>8}  {peer:<31} {peer_value:>8} {ratio:>9.3}");
        if let Some(limit) = limit {
            let most = match (limit, profile) {
                (Times(most, _), Profile::P) | (Times(_, most), Profile::L) => {
                    format!("× {most:.2}")
                }
                (More(most), _) => format!("+ {most}"),
                (Value(most), _) => format!("{most}"),
                (Same, _) => "the same".into(),
                (Share(least), _) => format!("≥ {least:.2}"),
            };
            let met = self.meets(limit);
            let verdict = if met { style("met").green() } else { style("NOT MET").red().bold() };
            line += &format!(" {most:>9}  {verdict}");
        }
        if *host_input {
            line += &style("  by the host's time").dim().to_string();
        }
        if !note.is_empty() {
            line += &format!("\n{:<23} {}", "", style(note).dim());
        }
        line
    }
}

impl Bounds {
    /// Prints a table for each board, choice and profile, and writes the file of a bench. Returns
    /// whether every bound is met.
    pub fn conclude(self, rows: &[Row], file: Place) -> Result<bool> {
        for rows in rows.chunk_by(|one, next| one.place() == next.place()) {
            let judged = rows[0].board.is_pc() && self.choices.contains(&rows[0].choice);
            let bound = if judged { "bound" } else { "" };
            let heading = format!(
                "{:<23} {:>8}  {:<31} {:>8} {:>9} {bound:>9}",
                "case", "ours", "peer", "", "ratio",
            );
            ui::print(style(rows[0].place()).bold());
            ui::print(style(heading.trim_end()).bold());
            for row in rows {
                let bound = self.bounds.iter().find(|bound| judged && row.is_bounded_by(**bound));
                ui::print(row.line(bound.map(|bound| bound.2)));
            }
        }
        let all = self.bounds.len() * self.choices.len() * self.profiles.len();
        file.conclude(&rows, all, &self.faults(rows))
    }

    /// The bounds that are not met or not measured.
    fn faults(self, rows: &[Row]) -> Vec<String> {
        let mut faults = Vec::new();
        for bound @ (case, peer, limit) in self.bounds.iter().copied() {
            let beside = if peer == ANY { String::new() } else { format!(" beside {peer}") };
            let choices = self.choices.iter().copied();
            let built = choices
                .flat_map(|choice| self.profiles.iter().map(move |profile| (choice, *profile)));
            for built @ (choice, profile) in built {
                let mut those = rows
                    .iter()
                    .filter(|row| (row.choice, row.profile) == built && row.is_bounded_by(bound));
                let what = format!("{case} ({profile:?}, {choice}){beside}");
                match those.clone().count() {
                    0 => faults.push(format!("not measured: {what}")),
                    _ if those.all(|row| row.meets(limit)) => {}
                    _ => faults.push(format!("not met: {what}")),
                }
            }
        }
        faults
    }
}

/// The file that a bench writes.
#[derive(Debug)]
pub struct Place {
    /// The file.
    pub output: OutputFile,
    /// Where it will be.
    pub place: PathBuf,
}

impl Place {
    /// Begins `name` in the folder `bench` of the target folder.
    pub fn begin(name: &str) -> Result<Self> {
        let folder = folders::target("bench");
        fs::create_dir_all(&folder).map_err(|error| {
            let what = format_args!("cannot make the folder {}", folder.display());
            Error::caller(what, error, "check the target folder")
        })?;
        let place = folder.join(name);
        Ok(Self { output: OutputFile::begin(&place)?, place })
    }

    /// Writes the rows and prints the bounds that are not met, one fault each, of this many. Returns
    /// whether every bound is met.
    pub fn conclude(self, rows: &impl Serialize, bounds: usize, faults: &[String]) -> Result<bool> {
        for fault in faults {
            ui::print(style(fault).red());
        }
        self.output.keep_json(rows)?;
        let met = bounds - faults.len();
        ui::print(format_args!(
            "{met} of {bounds} bounds met; written to {}",
            self.place.display()
        ));
        Ok(faults.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(profile: Profile, ours: u64, peer_value: u64) -> Row {
        row_of("pc", Choice::Default, profile, ours, peer_value)
    }

    fn row_of(board: &str, choice: Choice, profile: Profile, ours: u64, peer_value: u64) -> Row {
        let [case, peer] = ["park", "hand-written"].map(Into::into);
        Row::new(
            Board::named(board).unwrap(),
            choice,
            profile,
            Figure { case, ours, peer, peer_value, note: String::new(), host_input: false },
        )
    }

    #[test]
    fn a_bound_belongs_to_a_profile() {
        let limit = Times(1.15, 1.20);
        assert!(row(Profile::P, 115, 100).meets(limit) && !row(Profile::P, 116, 100).meets(limit));
        assert!(row(Profile::L, 120, 100).meets(limit) && !row(Profile::L, 121, 100).meets(limit));
        assert!(row(Profile::P, 24, 8).meets(More(16)) && !row(Profile::P, 25, 8).meets(More(16)));
        assert!(row(Profile::P, 0, 8).meets(Value(0)) && !row(Profile::P, 1, 8).meets(Value(0)));
        assert!(row(Profile::P, 8, 8).meets(Same) && !row(Profile::P, 7, 8).meets(Same));
        let share = Share(0.95);
        assert!(row(Profile::P, 95, 100).meets(share) && !row(Profile::P, 94, 100).meets(share));
    }

    #[test]
    fn a_bound_that_was_not_measured_is_not_met() {
        const BOUNDS: Bounds = Bounds {
            bounds: &[
                ("park", "hand-written", Times(1.20, 1.20)),
                ("park", "absent", Times(1.20, 1.20)),
                ("park", ANY, Value(41)),
            ],
            choices: &[Choice::Default],
            profiles: &[Profile::P, Profile::L],
        };
        let faults = BOUNDS.faults(&[row(Profile::P, 40, 34), row(Profile::L, 42, 34)]);
        assert_eq!(
            faults,
            [
                "not met: park (L, default) beside hand-written",
                "not measured: park (P, default) beside absent",
                "not measured: park (L, default) beside absent",
                "not met: park (L, default)",
            ]
        );
    }

    #[test]
    fn a_bound_is_the_pcs() {
        const BOUNDS: Bounds = Bounds {
            bounds: &[("park", ANY, Value(41))],
            choices: &[Choice::Default],
            profiles: &[Profile::P],
        };
        let slow = |board| row_of(board, Choice::Default, Profile::P, 42, 34);
        assert_eq!(BOUNDS.faults(&[slow("pc")]), ["not met: park (P, default)"]);
        assert_eq!(BOUNDS.faults(&[slow("virt")]), ["not measured: park (P, default)"]);
        assert!(BOUNDS.faults(&[row(Profile::P, 41, 34), slow("virt")]).is_empty());
    }

    #[test]
    fn each_choice_has_to_meet_a_bound() {
        const BOUNDS: Bounds = Bounds {
            bounds: &[("park", ANY, Value(41))],
            choices: &Choice::ALL,
            profiles: &[Profile::L],
        };
        let of = |choice, ours| row_of("pc", choice, Profile::L, ours, 34);
        let [default, single_core] = Choice::ALL;
        assert_eq!(BOUNDS.faults(&[of(default, 41)]), ["not measured: park (L, single-core)"]);
        let slow = [of(default, 41), of(single_core, 42)];
        assert_eq!(BOUNDS.faults(&slow), ["not met: park (L, single-core)"]);
        assert!(BOUNDS.faults(&[of(default, 41), of(single_core, 41)]).is_empty());
    }

    #[test]
    fn each_choice_has_a_table() {
        let place = |choice| row_of("microbit", choice, Profile::P, 1, 1).place();
        let cpu = Board::named("microbit").unwrap().cpu;
        let expected = ["default", "single-core"].map(|name| format!("microbit, {cpu}: P, {name}"));
        assert_eq!(Choice::ALL.map(place), expected);
    }

    #[test]
    fn the_result_has_the_eight_fields() {
        let row = row_of("virt", Choice::SingleCore, Profile::L, 51, 34);
        let json = serde_json::to_value(row).unwrap();
        let expected = serde_json::json!({
            "board": "virt", "case": "park", "profile": "L", "choice": "single-core", "ours": 51, "peer": "hand-written", "peer_value": 34, "ratio": 1.5,
        });
        assert_eq!(json, expected);
    }
}
