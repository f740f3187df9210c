//! `tour`: every row of the model's table, run on the guest, and the echo in each form.

use crate::{
    boot::{Boot, Disk, Options, Rig},
    cargo,
    cli::{self, Form},
    disk_image, echo,
    error::{Error, Result},
    guest::{Guest, Transcript, nowhere},
    output::OutputFile,
    picture::{self, Picture, recording::Recording},
    report::{Absent, Kind, Report, Row},
    setup::{self, Needs},
    table, ui,
};
use console::style;
use serde::Serialize;
use std::{panic::resume_unwind, thread, time::Duration};
use tempfile::NamedTempFile;

/// The tour takes seconds; a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(300);

/// The bytes that the tour echoes in each form.
const ECHO_BYTES: u64 = 64 * 1024;

/// The forms.
const FORMS: [Form; 4] = [Form::Blocking, Form::Nonblocking, Form::Async, Form::Await];

/// A row in the file.
#[derive(Serialize)]
struct Entry<'a> {
    board: &'static str,
    #[serde(flatten)]
    row: &'a Row,
}

/// Runs the tour on each board. Returns whether all rows hold.
pub fn run(tour: &cli::Tour, options: &Options) -> Result<bool> {
    let boards = options.boards()?;
    let json = tour.json.as_deref().map(OutputFile::begin).transpose()?;
    let html = tour.html.as_deref().map(OutputFile::begin).transpose()?;
    let tools = setup::tools(Needs::boot(&boards))?;
    let mut all = Vec::new();
    let mut pictures = Vec::new();
    for &board in &boards {
        if boards.len() > 1 {
            ui::print(table::board(board));
        }
        let firmware = cargo::build(&tools.toolchain, board, "tour")?;
        let (rows, absents) = on(&tools.clone().rig(board, firmware, options.clone()))?;
        if html.is_some() {
            let firmware = cargo::build(&tools.toolchain, board, "picture")?;
            let rig = tools.clone().rig(board, firmware, options.clone());
            pictures.push(picture(&rig, &rows, absents)?);
        }
        ui::print(format_args!("\n{}\n{}", table::model(&rows), table::verdict(&rows)));
        all.push((board, rows));
    }
    if boards.len() > 1 {
        ui::print("");
        for (board, rows) in &all {
            ui::print(format_args!("{:10} {}", board.name, table::verdict(rows)));
        }
    }
    if let Some(json) = json {
        let entries = all
            .iter()
            .flat_map(|(board, rows)| rows.iter().map(|row| Entry { board: board.name, row }));
        json.keep_json(&entries.collect::<Vec<_>>())?;
    }
    if let Some(html) = html {
        html.keep_text(&picture::page(&pictures))?;
    }
    Ok(all.iter().all(|(_, rows)| !rows.is_empty() && rows.iter().all(|row| row.holds)))
}

/// A row that the board cannot run, and how many rows come before it.
type NotRun = (usize, Absent);

/// Runs the tour on one board and prints the rows as they come. Returns those that were run and those
/// that were not.
fn on(rig: &Rig) -> Result<(Vec<Row>, Vec<NotRun>)> {
    let verbose = rig.options.verbose;
    let mut rows = Vec::new();
    let mut absents = Vec::new();

    let mut group = "";
    let mut enter = |entered: &'static str| {
        if std::mem::replace(&mut group, entered) != entered {
            ui::print(table::heading(entered));
        }
    };
    let serial = [Transcript::default(), Transcript::default()];
    let image = disk_image::temporary()?;
    let boot = boot(rig, &image);
    thread::scope(|scope| {
        // The echoes boot beside the tour, which saves their time. Their figures depend on the
        // host's timing in any case; those of the tour count instructions.
        let echoes = scope.spawn(|| {
            echo::is_possible(rig.board).then(|| FORMS.map(|form| echo::row(rig, form, ECHO_BYTES)))
        });
        let guest = Guest::boot(&boot, serial.clone().map(|port| Box::new(port) as _))?;
        guest
            .run(|report| match report {
                Report::Row(row) => {
                    enter(row.kind.name());
                    ui::print(table::line(&row, verbose));
                    rows.push(row);
                }
                Report::Absent(absent) => {
                    enter(absent.kind.name());
                    ui::print(table::not_run(&absent.row, &absent.why));
                    absents.push((rows.len(), absent));
                }
                _ => {}
            })?
            .success()?;
        if verbose {
            for (port, text) in ["COM1", "COM2"].into_iter().zip(&serial) {
                show(port, &text.bytes());
            }
        }

        enter("echo of 65,536 random bytes from the host");
        match echoes.join().unwrap_or_else(|panic| resume_unwind(panic)) {
            None => {
                let row = "an echo in each form";
                ui::print(table::not_run(row, echo::NEEDS));
                let (row, why) = (row.into(), echo::NEEDS.into());
                absents.push((rows.len(), Absent { row, kind: Kind::Blocking, why }));
            }
            Some(echoes) => {
                for row in echoes {
                    let (row, _) = row?;
                    ui::print(table::line(&row, verbose));
                    rows.push(row);
                }
            }
        }
        Ok::<_, Error>((rows, absents))
    })
}

/// The boot of the tour. The disk, if the machine takes one, has this image.
pub fn boot<'r>(rig: &'r Rig, image: &NamedTempFile) -> Boot<'r> {
    let mut boot = rig.boot("tour", LIMIT);
    boot.disk = rig.takes_a_disk().then(|| Disk::new(image.path()));
    boot
}

/// Runs every row again, with the recorder, and puts what was recorded to its row.
fn picture(rig: &Rig, rows: &[Row], absents: Vec<NotRun>) -> Result<Picture> {
    let step = ui::Step::begin("running every row again, with the recorder");
    let image = disk_image::temporary()?;
    let boot = boot(rig, &image);
    let (mut unfinished, mut complete) = (Recording::default(), None);
    let mut recorded = Vec::new();
    let run = Guest::boot(&boot, nowhere())?.run(|report| match report {
        Report::Row(row) => recorded.push((row, complete.take().unwrap_or_default())),
        report => complete = unfinished.add(&report).or(complete.take()),
    })?;
    run.success()?;
    if echo::is_possible(rig.board) {
        for form in FORMS {
            recorded.push(echo::row(rig, form, ECHO_BYTES)?);
        }
    }
    let entries = rows.iter().map(|row| {
        let same = |(other, _): &(Row, Recording)| other.row == row.row && other.kind == row.kind;
        let place = recorded.iter().position(same);
        let recording = place.map(|place| recorded.swap_remove(place).1);
        picture::Entry::Run { row: row.clone(), recording }
    });
    let mut entries: Vec<_> = entries.collect();
    for (place, absent) in absents.into_iter().rev() {
        entries.insert(place, picture::Entry::Absent(absent));
    }
    step.end("ran every row again, with the recorder");
    let board = format!("{} ({})", rig.board.name, rig.board.cpu);
    Ok(Picture { name: rig.board.name.into(), board, entries })
}

/// Shows what the guest wrote to a serial port.
fn show(port: &str, bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        ui::note(style(format_args!("  {port}  {line}")).for_stderr().dim());
    }
}
