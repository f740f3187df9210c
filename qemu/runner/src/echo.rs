//! `echo`: pushes a file through the guest's serial port and back at full speed, and compares.

use crate::{
    board::{Board, Device},
    boot::{Boot, Options, Rig},
    cli::{self, Form},
    error::{Error, Result},
    guest::{Guest, Sink, Source, Transcript},
    output::OutputFile,
    picture::recording::Recording,
    report::{Echoed, Kind, Report, Row, Xorshift},
    ui,
};
use indicatif::HumanBytes;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    time::Duration,
};

/// A slower echo counts as a hang, in bytes per second. About 70,000 are usual.
const SLOWEST: u64 = 10_000;

/// The seed of the tour's random bytes.
const SEED: u32 = 0x0ec0_5eed;

/// What a board needs for an echo.
pub const NEEDS: &str = "no serial port with a 16550";

/// Whether the board has what an echo needs.
pub fn is_possible(board: &Board) -> bool {
    board.has(Device::Serial)
}

/// Echoes a file. Returns whether the bytes that came back are those that were sent.
pub fn run(echo: &cli::Echo, options: Options) -> Result<bool> {
    let board = options.one_board("echo")?;
    if !is_possible(board) {
        let what = format_args!("the board {} cannot echo", board.name);
        return Err(Error::caller(what, NEEDS, "use another --board"));
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::caller(
            format_args!("cannot read {}", echo.input.display()),
            error,
            "name a file that can be read",
        )
    };
    let open = || File::open(&echo.input).map_err(|error| unreadable(&error));
    let input = open()?;
    let metadata = input.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(unreadable(&"it is not a regular file, so its length is not known"));
    }
    let length = metadata.len();
    let output = OutputFile::begin(&echo.output)?;
    let rig = Rig::set_up("tour", board, options)?;

    let bar = ui::bytes(length, "echo");
    let sink = Box::new(bar.wrap_write(output.writer()?));
    let mut boot = boot(&rig, echo.form, length);
    boot.exact = false;
    let result = transfer(&boot, Box::new(input), sink);
    bar.finish_and_clear();
    let Transfer { echoed, time, .. } = result?;

    let sent = BufReader::new(open()?).take(length);
    let difference = first_difference(sent, BufReader::new(output.reopen()?))
        .map_err(|error| output.failed(error))?;
    verify(length, echoed, difference).map_err(|why| {
        let advice = "run it again with --verbose; if it fails again, the driver or the interrupt routing loses bytes";
        Error::run("the echo is not intact, so it is not kept", why, advice)
    })?;
    output.keep()?;
    let speed = length as f64 / time.as_secs_f64();
    ui::print(format_args!(
        "{length} bytes there and back, equal, in {:.1} s ({}/s); no overrun, no drop",
        time.as_secs_f32(),
        HumanBytes(speed as u64),
    ));
    Ok(true)
}

/// Echoes random bytes, as a row of the tour, with what was recorded of it.
pub fn row(rig: &Rig, form: Form, length: u64) -> Result<(Row, Recording)> {
    let returned = Transcript::default();
    let random = || Xorshift::new(SEED).take(length);
    let boot = boot(rig, form, length);
    let transfer = transfer(&boot, Box::new(random()), Box::new(returned.clone()))?;
    let mut row = transfer.row.ok_or_else(|| {
        let what = format!("the echo `{}` has no figures", form.name());
        Error::run(
            what,
            "the guest reported no row",
            "build runner and firmware from the same sources",
        )
    })?;
    let difference = first_difference(BufReader::new(random()), &*returned.bytes());
    let difference = difference.map_err(|error| {
        Error::run("cannot compare", error, "report this as a defect of the runner")
    })?;
    if let Err(why) = verify(length, transfer.echoed, difference) {
        row.holds = false;
        row.note = why;
    }
    row.row = format!("{} ({})", row.row, form.name());
    row.kind = match form {
        Form::Blocking => Kind::Blocking,
        Form::Nonblocking => Kind::NonBlocking,
        Form::Async | Form::Await => Kind::Asynchronous,
    };
    row.host_input = true;
    Ok((row, transfer.recording))
}

/// What the guest reported of an echo that reached its end.
struct Transfer {
    echoed: Option<Echoed>,
    row: Option<Row>,
    recording: Recording,
    time: Duration,
}

/// The boot that echoes `length` bytes.
fn boot(rig: &Rig, form: Form, length: u64) -> Boot<'_> {
    rig.boot(format!("echo form={} len={length}", form.name()), limit(length))
}

/// Boots the guest's echo. The guest reports when it wants the bytes: its UART would lose what comes
/// before. What comes back goes to `sink`.
fn transfer(boot: &Boot, source: Source, sink: Sink) -> Result<Transfer> {
    let guest = Guest::boot(boot, [sink, Box::new(io::sink())])?.offering(source);
    let (mut echoed, mut row) = (None, None);
    let (mut unfinished, mut recording) = (Recording::default(), Recording::default());
    let run = guest.run(|report| match report {
        Report::Echoed(report) => echoed = Some(report),
        Report::Row(report) => row = Some(report),
        report => recording = unfinished.add(&report).unwrap_or(std::mem::take(&mut recording)),
    })?;
    let time = run.success()?.time;
    Ok(Transfer { echoed, row, recording, time })
}

fn limit(length: u64) -> Duration {
    Duration::from_secs(30 + length / SLOWEST)
}

/// Checks that an echo was intact: all bytes came back, equal, and the guest lost none. `Err` says
/// why not.
fn verify(
    length: u64,
    echoed: Option<Echoed>,
    difference: Option<u64>,
) -> std::result::Result<(), String> {
    match (echoed, difference) {
        (None, _) => Err("the guest reported no counts".into()),
        (_, Some(at)) => {
            Err(format!("byte {at} of {length} is the first that came back wrong or not at all"))
        }
        (Some(Echoed { bytes, overruns: 0, dropped: 0 }), None) if bytes == length => Ok(()),
        (Some(Echoed { bytes, overruns, dropped }), None) => Err(format!(
            "the guest counted {bytes} of {length} bytes, {overruns} overruns, {dropped} dropped"
        )),
    }
}

/// Where two streams first differ, counted from 0. They also differ where only one has ended.
pub(crate) fn first_difference(
    sent: impl BufRead,
    returned: impl BufRead,
) -> io::Result<Option<u64>> {
    let (mut sent, mut returned) = (sent.bytes(), returned.bytes());
    for at in 0.. {
        match (sent.next().transpose()?, returned.next().transpose()?) {
            (None, None) => break,
            (one, other) if one == other => {}
            _ => return Ok(Some(at)),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        let difference = |one: &[u8], other: &[u8]| first_difference(one, other).unwrap();
        assert_eq!(difference(b"", b""), None);
        assert_eq!(difference(b"same", b"same"), None);
        assert_eq!(difference(b"same", b"some"), Some(1));
        assert_eq!(difference(b"short", b"sho"), Some(3));
        assert_eq!(difference(b"", b"x"), Some(0));
    }

    #[test]
    fn an_intact_echo_lost_nothing_anywhere() {
        let good = Echoed { bytes: 9, overruns: 0, dropped: 0 };
        assert!(verify(9, Some(good), None).is_ok());
        assert!(verify(9, None, None).is_err());
        assert!(verify(9, Some(good), Some(3)).is_err());
        assert!(verify(9, Some(Echoed { bytes: 8, ..good }), None).is_err());
        assert!(verify(9, Some(Echoed { overruns: 1, ..good }), None).is_err());
        assert!(verify(9, Some(Echoed { dropped: 1, ..good }), None).is_err());
    }

    #[test]
    fn the_limit_grows_with_the_file() {
        assert_eq!(limit(0), Duration::from_secs(30));
        assert_eq!(limit(1_000_000), Duration::from_secs(130));
    }
}
