//! `tour`: every row of the model's table, run on the guest, and the echo in each form.

use crate::{
    boot::{Disk, Options, Rig},
    cargo,
    cli::{self, Form},
    disk_image, echo,
    error::{Error, Result},
    guest::{Guest, Transcript},
    output::OutputFile,
    report::{Report, Row},
    setup::{self, Needs},
    table, ui,
};
use console::style;
use serde::Serialize;
use std::{panic::resume_unwind, thread, time::Duration};

/// The tour takes seconds; a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(300);

/// The bytes that the tour echoes in each form.
const ECHO_BYTES: u64 = 64 * 1024;

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
    let tools = setup::tools(Needs::boot(&boards))?;
    let mut all = Vec::new();
    for &board in &boards {
        if boards.len() > 1 {
            ui::print(table::board(board));
        }
        let firmware = cargo::build(&tools.toolchain, board, "tour")?;
        let rows = on(&tools.clone().rig(board, firmware, options.clone()))?;
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
    Ok(all.iter().all(|(_, rows)| !rows.is_empty() && rows.iter().all(|row| row.holds)))
}

/// Runs the tour on one board and prints the rows as they come.
fn on(rig: &Rig) -> Result<Vec<Row>> {
    let verbose = rig.options.verbose;
    let mut rows = Vec::new();

    let mut group = "";
    let mut enter = |entered: &'static str| {
        if std::mem::replace(&mut group, entered) != entered {
            ui::print(table::heading(entered));
        }
    };
    let serial = [Transcript::default(), Transcript::default()];
    let image = tempfile::NamedTempFile::new().and_then(|file| {
        disk_image::write(file.path())?;
        Ok(file)
    });
    let image = image.map_err(|error| {
        Error::run("cannot make the disk's image", error, "check the temporary folder")
    })?;
    let mut boot = rig.boot("tour", LIMIT);
    if rig.takes_a_disk() {
        boot.disk = Some(Disk { image: image.path().into(), properties: Vec::new() });
    }
    thread::scope(|scope| {
        // The echoes boot beside the tour, which saves their time. Their figures depend on the
        // host's timing in any case; those of the tour count instructions.
        let echoes = scope.spawn(|| {
            let forms = [Form::Blocking, Form::Nonblocking, Form::Async, Form::Await];
            echo::is_possible(rig.board).then(|| forms.map(|form| echo::row(rig, form, ECHO_BYTES)))
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
            None => ui::print(table::not_run("an echo in each form", echo::NEEDS)),
            Some(echoes) => {
                for row in echoes {
                    let row = row?;
                    ui::print(table::line(&row, verbose));
                    rows.push(row);
                }
            }
        }
        Ok::<_, Error>(rows)
    })
}

/// Shows what the guest wrote to a serial port.
fn show(port: &str, bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        ui::note(style(format_args!("  {port}  {line}")).for_stderr().dim());
    }
}
