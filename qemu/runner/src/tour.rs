//! `tour`: every row of the model's table, run on the guest, and the echo in each form.

use crate::{
    boot::{Board, Boot, Disk, Machine, Rig},
    cli::{self, Form},
    disk_image, echo,
    error::{Error, Result},
    guest::{Guest, Transcript, nowhere},
    output::OutputFile,
    picture::{Entry, Picture, recording::Recording},
    report::{Absent, Report, Row},
    table, ui,
};
use clap::ValueEnum;
use console::style;
use std::{panic::resume_unwind, thread, time::Duration};
use tempfile::NamedTempFile;

/// The tour takes seconds; a busy host can be much slower.
const LIMIT: Duration = Duration::from_secs(300);

/// The bytes that the tour echoes in each form.
const ECHO_BYTES: u64 = 64 * 1024;

/// The forms.
const FORMS: [Form; 4] = [Form::Blocking, Form::Nonblocking, Form::Async, Form::Await];

/// Runs the tour. Returns whether all rows hold.
pub fn run(tour: &cli::Tour, board: Board) -> Result<bool> {
    let json = tour.json.as_deref().map(OutputFile::begin).transpose()?;
    let html = tour.html.as_deref().map(OutputFile::begin).transpose()?;
    let rig = Rig::set_up("tour", board)?;
    let recorder = match html {
        Some(_) => Some(Rig::set_up("picture", rig.board.clone())?),
        None => None,
    };
    let verbose = rig.board.verbose;
    let mut absents = Vec::new();
    let mut rows = Vec::new();

    let mut group = "";
    let mut enter = |entered: &'static str| {
        if std::mem::replace(&mut group, entered) != entered {
            ui::print(table::heading(entered));
        }
    };
    let serial = [Transcript::default(), Transcript::default()];
    let image = image()?;
    let boot = boot(&rig, &image);
    thread::scope(|scope| {
        // The echoes boot beside the tour, which saves their time. Their figures depend on the
        // host's timing in any case; those of the tour count instructions.
        let echoes = scope.spawn(|| FORMS.map(|form| echo::row(&rig, form, ECHO_BYTES)));
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
                    ui::print(table::absent(&absent));
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
        for row in echoes.join().unwrap_or_else(|panic| resume_unwind(panic)) {
            let (row, _) = row?;
            ui::print(table::line(&row, verbose));
            rows.push(row);
        }
        Ok::<_, Error>(())
    })?;

    ui::print(format_args!("\n{}\n{}", table::model(&rows), table::verdict(&rows)));
    if let Some(json) = json {
        json.keep_json(&rows)?;
    }
    if let (Some(html), Some(recorder)) = (html, recorder) {
        html.keep_text(&picture(&recorder, &rows, absents)?.page())?;
    }
    Ok(!rows.is_empty() && rows.iter().all(|row| row.holds))
}

/// What is on the disk, if the machine has one.
fn image() -> Result<NamedTempFile> {
    let image = NamedTempFile::new().and_then(|file| {
        disk_image::write(file.path())?;
        Ok(file)
    });
    image.map_err(|error| {
        Error::run("cannot make the disk's image", error, "check the temporary folder")
    })
}

fn boot<'r>(rig: &'r Rig, image: &NamedTempFile) -> Boot<'r> {
    let mut boot = rig.boot("tour", LIMIT);
    if rig.board.machine() == Machine::Q35 {
        boot.disk = Some(Disk { image: image.path().into(), properties: Vec::new() });
    }
    boot
}

/// Runs every row again with the recorder, and puts what was recorded to its row.
fn picture(recorder: &Rig, rows: &[Row], absents: Vec<(usize, Absent)>) -> Result<Picture> {
    let step = ui::Step::begin("running every row again, with the recorder");
    let image = image()?;
    let boot = boot(recorder, &image);
    let (mut unfinished, mut complete) = (Recording::default(), None);
    let mut recorded = Vec::new();
    let run = Guest::boot(&boot, nowhere())?.run(|report| match report {
        Report::Row(row) => recorded.push((row, complete.take().unwrap_or_default())),
        report => complete = unfinished.add(&report).or(complete.take()),
    })?;
    run.success()?;
    for form in FORMS {
        recorded.push(echo::row(recorder, form, ECHO_BYTES)?);
    }
    let entries = rows.iter().map(|row| {
        let same = |(other, _): &(Row, Recording)| other.row == row.row && other.kind == row.kind;
        let place = recorded.iter().position(same);
        Entry::Run { row: row.clone(), recorded: place.map(|place| recorded.swap_remove(place)) }
    });
    let mut entries: Vec<_> = entries.collect();
    for (place, absent) in absents.into_iter().rev() {
        entries.insert(place, Entry::Absent(absent));
    }
    step.end("ran every row again, with the recorder");
    let machine = recorder.board.machine().to_possible_value();
    let machine = machine.map_or_else(String::new, |machine| machine.get_name().to_owned());
    Ok(Picture { machine: format!("QEMU's machine {machine}"), entries })
}

/// Shows what the guest wrote to a serial port.
fn show(port: &str, bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        ui::note(style(format_args!("  {port}  {line}")).for_stderr().dim());
    }
}
