//! `cargo bench --bench cycles`: what waiting costs in real time on the host, beside the peers.
//!
//! An instruction count hides that a locked access is one instruction and takes many cycles. So the
//! package `host-tests/cycles` measures time. It is built once per [`Choice`], without a feature of the
//! library, with fat LTO and one codegen unit. In one executable all subjects of a case take turns, on one
//! thread; the ratio is that of the least times.
//!
//! Real time depends on the machine and on what else runs there. So it is shown beside what is wanted and
//! never judged: a missed time is no error, and no test looks at one. What is an error is a figure that is
//! missing, and work that was not done.

use super::rows::Place;
use crate::{
    cargo,
    child::{self, Child},
    choice::Choice,
    cycles,
    error::{Error, Result},
    ui,
};
use console::style;
use serde::{Deserialize, Serialize};
use std::{
    io::Read,
    process::{Command, Stdio},
};

/// The name of the library among the subjects.
const OURS: &str = "wouldblock";

/// What is wanted: in this case, built with this choice, at most this many times the peer's least time.
type Wanted = (&'static str, Choice, &'static str, f64);

const WANTED: [Wanted; 4] = [
    ("channel_pair", Choice::SingleCore, "heapless spsc", 1.25),
    ("channel_slice_64", Choice::Default, "rtrb chunks", 1.20),
    ("register_signal_poll", Choice::Default, "atomic-waker", 1.00),
    ("register_signal_poll", Choice::Default, "embassy Signal", 0.75),
];

/// What the figures do not show.
const HIDDEN: [&str; 2] = [
    "one thread: no cache line moves between cores, and no section is ever contended",
    "embassy's critical section is that of a hosted program, a mutex: two locked accesses; on bare metal a \
     few instructions, so there its figures are lower",
];

/// A line that the program prints: the times of a subject, in ns.
#[derive(Debug, Deserialize)]
struct Time {
    /// The name of the choice that the program was built for.
    choice: String,
    case: String,
    subject: String,
    least: f64,
    median: f64,
}

/// One figure, as it is written to the file.
#[derive(Debug, Serialize)]
struct Row {
    case: String,
    choice: Choice,
    ours: f64,
    peer: String,
    peer_value: f64,
    /// Of the least times.
    ratio: f64,
    unit: &'static str,
    ours_median: f64,
    peer_median: f64,
}

/// Measures, prints the table and writes the result. Returns whether all that is wanted was measured.
pub fn run() -> Result<bool> {
    let file = Place::begin("cycles.json")?;
    let mut rows = Vec::new();
    for choice in Choice::ALL {
        rows.extend(rows_of(choice, &measure(choice)?)?);
    }
    for rows in rows.chunk_by(|one, next| one.choice == next.choice) {
        ui::print(style(heading(rows[0].choice)).bold());
        for row in rows {
            ui::print(row.line());
        }
    }
    for hidden in HIDDEN {
        ui::print(style(hidden).dim());
    }
    let missing = missing(&rows);
    for (case, choice, peer, _) in &missing {
        let choice = choice.name();
        ui::print(style(format!("not measured: {case} ({choice}) beside {peer}")).red());
    }
    let Place { output, place } = file;
    output.keep_json(&rows)?;
    let met = rows.iter().filter(|row| row.wanted().is_some_and(|most| row.ratio <= most)).count();
    ui::print(format_args!(
        "{met} of {} times as wanted; a missed one is no error; written to {}",
        WANTED.len(),
        place.display()
    ));
    Ok(missing.is_empty())
}

/// Builds the program for a choice, runs it, and returns what it prints.
fn measure(choice: Choice) -> Result<String> {
    let what = format!("building what measures real time ({})", choice.name());
    let program = cargo::run(cycles::cargo("build", choice), &what)?.ok_or_else(|| {
        let why = "cargo succeeded but named no executable";
        Error::run(format_args!("{what}: there is none"), why, "check host-tests/cycles")
    })?;
    let step = ui::Step::begin(format_args!("measuring real time ({})", choice.name()));
    let failed = |error| {
        Error::run(format_args!("{} cannot run", program.display()), error, "build it again")
    };
    let mut child =
        Child::spawn(Command::new(&program).stdin(Stdio::null()).stdout(Stdio::piped()))
            .map_err(failed)?;
    let mut printed = String::new();
    if let (Some(mut stdout), _) = child.pipes() {
        stdout.read_to_string(&mut printed).map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    child::check_interrupt()?;
    if !status.success() {
        let what = format_args!("measuring real time ({}): failed", choice.name());
        return Err(Error::run(what, status, "read its message above"));
    }
    step.end(format_args!("measuring real time ({}): done", choice.name()));
    Ok(printed)
}

/// The rows of a choice: in each case the library beside each peer.
fn rows_of(choice: Choice, printed: &str) -> Result<Vec<Row>> {
    let failed = |why: &dyn std::fmt::Display| {
        let what =
            format_args!("what the program for `{}` has printed is of no use", choice.name());
        Error::run(what, why, "compare host-tests/cycles with the bench")
    };
    let mut times = Vec::new();
    for line in printed.lines() {
        let time = serde_json::from_str::<Time>(line);
        let time = time.map_err(|error| failed(&format_args!("{error}: {line}")))?;
        if time.choice != choice.name() {
            return Err(failed(&format_args!("it was built for `{}`", time.choice)));
        }
        times.push(time);
    }
    let (ours, peers): (Vec<_>, Vec<_>) = times.into_iter().partition(|time| time.subject == OURS);
    let beside = |peer: Time| {
        let ours = ours.iter().find(|ours| ours.case == peer.case);
        let ours = ours.ok_or_else(|| failed(&format_args!("{}: only of the peers", peer.case)))?;
        if !(ours.least > 0.0 && peer.least > 0.0) {
            return Err(failed(&format_args!("{}: no time has passed", peer.case)));
        }
        Ok(Row {
            case: peer.case,
            choice,
            ours: ours.least,
            peer: peer.subject,
            peer_value: peer.least,
            ratio: ours.least / peer.least,
            unit: "ns",
            ours_median: ours.median,
            peer_median: peer.median,
        })
    };
    peers.into_iter().map(beside).collect()
}

/// What is wanted and was not measured.
fn missing(rows: &[Row]) -> Vec<Wanted> {
    let is_measured = |wanted: &Wanted| rows.iter().any(|row| row.is_of(*wanted));
    WANTED.into_iter().filter(|wanted| !is_measured(wanted)).collect()
}

/// The line above the rows of a choice.
fn heading(choice: Choice) -> String {
    format!(
        "{:<21} {:>8} {:>8}  {:<33} {:>8} {:>8} {:>7} {:>7}",
        choice.name(),
        "ours ns",
        "median",
        "peer",
        "least",
        "median",
        "ratio",
        "wanted",
    )
}

impl Row {
    fn is_of(&self, (case, choice, peer, _): Wanted) -> bool {
        self.case == case && self.choice == choice && self.peer == peer
    }

    /// At most this ratio is wanted.
    fn wanted(&self) -> Option<f64> {
        WANTED.into_iter().find(|wanted| self.is_of(*wanted)).map(|(.., most)| most)
    }

    /// The line of the table.
    fn line(&self) -> String {
        let Self { case, ours, ours_median, peer, peer_value, peer_median, ratio, .. } = self;
        let mut line = format!(
            "{case:<21} {ours:>8.2} {ours_median:>8.2}  {peer:<33} {peer_value:>8.2} {peer_median:>8.2} {ratio:>7.3}"
        );
        if let Some(most) = self.wanted() {
            let met = *ratio <= most;
            let verdict = if met { style("met").green() } else { style("missed").yellow() };
            line += &format!(" {:>7}  {verdict}", format!("≤ {most:.2}"));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = r#"{"choice":"single-core","case":"channel_pair","subject":"wouldblock","least":1.5,"median":2}
{"choice":"single-core","case":"channel_pair","subject":"heapless spsc","least":1.0,"median":4.5}
{"choice":"single-core","case":"channel_pair","subject":"rtrb","least":2.0,"median":3.0}
"#;

    fn rows(printed: &str) -> Vec<Row> {
        rows_of(Choice::SingleCore, printed).unwrap()
    }

    /// `PRINTED` without the line that contains `part`.
    fn without(part: &str) -> String {
        PRINTED
            .lines()
            .filter(|line| !line.contains(part))
            .map(|line| format!("{line}\n"))
            .collect()
    }

    fn refused(choice: Choice, printed: &str) -> String {
        rows_of(choice, printed).unwrap_err().to_string()
    }

    #[test]
    fn a_row_is_ours_beside_a_peer() {
        let expected = serde_json::json!([
            {
                "case": "channel_pair", "choice": "single-core", "ours": 1.5, "peer": "heapless spsc",
                "peer_value": 1.0, "ratio": 1.5, "unit": "ns", "ours_median": 2.0, "peer_median": 4.5,
            },
            {
                "case": "channel_pair", "choice": "single-core", "ours": 1.5, "peer": "rtrb",
                "peer_value": 2.0, "ratio": 0.75, "unit": "ns", "ours_median": 2.0, "peer_median": 3.0,
            },
        ]);
        assert_eq!(serde_json::to_value(rows(PRINTED)).unwrap(), expected);
    }

    #[test]
    fn what_is_wanted_is_shown_beside_the_row_and_whether_it_is_met() {
        let line = |printed: &str| console::strip_ansi_codes(&rows(printed)[0].line()).into_owned();
        assert!(line(PRINTED).ends_with("1.500  ≤ 1.25  missed"), "{}", line(PRINTED));
        let met = PRINTED.replace("1.5,", "1.25,");
        assert!(line(&met).ends_with("1.250  ≤ 1.25  met"), "{}", line(&met));
        let other = rows(PRINTED)[1].line();
        assert!(other.ends_with("0.750"), "nothing is wanted: {other}");
    }

    #[test]
    fn what_is_wanted_must_be_measured() {
        let peers = |rows: &[Row]| missing(rows).iter().map(|wanted| wanted.2).collect::<Vec<_>>();
        let all = ["heapless spsc", "rtrb chunks", "atomic-waker", "embassy Signal"];
        assert_eq!(peers(&rows(PRINTED)), all[1..]);
        assert_eq!(peers(&rows(&without("heapless"))), all);
    }

    #[test]
    fn a_program_for_another_choice_is_refused() {
        assert!(refused(Choice::Default, PRINTED).contains("single-core"));
    }

    #[test]
    fn a_line_that_says_nothing_is_refused() {
        for line in ["", "ns", r#"{"choice":"single-core","case":"channel_pair","subject":"rtrb"}"#]
        {
            refused(Choice::SingleCore, &format!("{PRINTED}{line}\n"));
        }
        assert!(refused(Choice::SingleCore, &without("wouldblock")).contains("only of the peers"));
        let none = PRINTED.replace("1.0,", "0.0,");
        assert!(refused(Choice::SingleCore, &none).contains("no time"));
    }
}
