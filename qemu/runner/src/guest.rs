//! One running guest: its QEMU and its byte streams.

mod streams;

use self::streams::{Event, accept, drain, listen, read_reports, write};
pub use self::streams::{Sink, Source, Transcript, nowhere};
use crate::{
    board::{Attachment, Board, STREAMS},
    boot::Boot,
    child::{self, Child},
    error::{Error, Result},
    log::Line,
    monitor::Monitor,
    outcome::Outcome,
    qemu,
    report::{Report, Stream, Xorshift},
    ui,
};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::process::ExitStatusExt,
    panic::resume_unwind,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Calls `each` for all items at the same time, each on a thread of its own. The results are in the
/// order of the items.
pub fn at_once<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    each: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    thread::scope(|scope| {
        let each = &each;
        let threads: Vec<_> =
            items.into_iter().map(|item| scope.spawn(move || each(item))).collect();
        threads.into_iter().map(|t| t.join().unwrap_or_else(|p| resume_unwind(p))).collect()
    })
}

/// A running guest. Dropping it kills QEMU.
pub struct Guest<'a> {
    boot: &'a Boot<'a>,
    begun: Instant,
    qemu: Child,
    events: Receiver<Event>,
    readers: Vec<JoinHandle<io::Result<()>>>,
    /// For each serial port, if the board has it.
    writers: [Option<Sender<Source>>; 2],
    offered: Option<Source>,
    /// Connected when it is needed first.
    monitor: Option<Monitor>,
    folder: TempDir,
}

/// A guest that has ended.
#[derive(Debug)]
pub struct Run {
    /// Its board.
    pub board: &'static Board,
    /// Its command line.
    pub what: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Its log.
    pub log: Vec<Line>,
    /// How long it ran.
    pub time: Duration,
}

impl Run {
    /// Returns the run if it reached its end, otherwise the error with the guest's log.
    pub fn success(self) -> Result<Self> {
        let what = match self.board.is_pc() {
            true => format!("guest `{}`", self.what),
            false => format!("guest `{}` on {}", self.what, self.board.name),
        };
        match self.outcome.error(what, self.board) {
            None => Ok(self),
            Some(error) => Err(error.with("the guest's log", &self.log_text())),
        }
    }

    /// The log, one line for each message.
    pub fn log_text(&self) -> String {
        self.log.iter().map(|line| format!("{line}\n")).collect()
    }
}

impl<'a> Guest<'a> {
    /// Boots. The output of the serial ports goes to the sinks.
    pub fn boot(boot: &'a Boot<'a>, [com1, com2]: [Sink; 2]) -> Result<Self> {
        let begun = Instant::now();
        let failed = |error: io::Error| match child::check_interrupt() {
            Ok(()) => {
                let why = format!("{}: {error}", boot.rig.qemu.display());
                Error::run(
                    "cannot start QEMU",
                    why,
                    "check that it runs, and that the temporary folder can be written",
                )
            }
            Err(interrupted) => interrupted,
        };
        let folder = tempfile::Builder::new().prefix("guest-").tempdir().map_err(failed)?;
        let (board, path) = (boot.rig.board, folder.path());
        let mut listeners = Vec::new();
        for (stream, attachment) in STREAMS.into_iter().zip(board.streams) {
            let listener = match attachment {
                Attachment::Device(_) | Attachment::Semihosting => {
                    Some(listen(&path.join(stream)).map_err(failed)?)
                }
                Attachment::Output(_) | Attachment::Absent => None,
            };
            listeners.push(listener);
        }
        let errors = File::create(path.join("stderr")).map_err(failed)?;
        let mut command = qemu::command(boot, path);
        let is_read = board.streams.iter().any(|by| matches!(by, Attachment::Output(_)));
        let output = if is_read { Stdio::piped() } else { Stdio::null() };
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let mut qemu = Child::spawn_to_be_killed(&mut command).map_err(failed)?;

        let mut accept = |listener| match accept(&listener, || qemu.try_wait(), begun + boot.limit)
        {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(status)) => {
                child::check_interrupt()?;
                let outcome = qemu_failed(status, path);
                let error = outcome.error("before the guest started", board);
                Err(error.unwrap_or_else(Error::interrupted))
            }
            Err(error) => Err(failed(error)),
        };
        let mut streams = Vec::new();
        for listener in listeners {
            streams.push(listener.map(&mut accept).transpose()?);
        }
        let Ok([com1_stream, com2_stream, Some(log), report]) = <[_; 4]>::try_from(streams) else {
            unreachable!("every board has a log")
        };
        // Where it is no stream, it is QEMU's output.
        let report: Box<dyn Read + Send> = match (report, qemu.pipes().0) {
            (Some(report), _) => Box::new(report),
            (None, Some(output)) => Box::new(output),
            (None, None) => unreachable!("every board has reports"),
        };

        let monitor = match board.prepare {
            [] => None,
            // QEMU listens there before it connects to the streams. If it cannot be told, it has ended, and its
            // outcome says why.
            settings => Monitor::start(path, settings).ok().transpose()?,
        };

        let (mut readers, mut writers) = (Vec::new(), [None, None]);
        let ports = [(com1_stream, com1), (com2_stream, com2)];
        for ((stream, sink), writer) in ports.into_iter().zip(&mut writers) {
            if let Some(stream) = stream {
                *writer = Some(write(stream.try_clone().map_err(failed)?));
                readers.push(drain(stream, sink));
            }
        }
        let (events, received) = mpsc::channel();
        let dictionary = boot.rig.firmware.dictionary.clone();
        let lines = events.clone();
        thread::spawn(move || dictionary.decode(log, |line| _ = lines.send(Event::Log(line))));
        thread::spawn(move || read_reports(report, &events));
        Ok(Self {
            boot,
            begun,
            qemu,
            events: received,
            readers,
            writers,
            offered: None,
            monitor,
            folder,
        })
    }

    /// The process id of its QEMU.
    pub fn id(&self) -> u32 {
        self.qemu.id()
    }

    /// The bytes that the guest wants first come from `source`, instead of from the seed in its
    /// report.
    #[must_use]
    pub fn offering(mut self, source: Source) -> Self {
        self.offered = Some(source);
        self
    }

    /// Waits for the end, and calls `each` with every report. Bytes that the guest wants are sent
    /// here, and what it asks of the machine is done.
    pub fn run(self, mut each: impl FnMut(Report)) -> Result<Run> {
        self.run_until(|report| {
            each(report);
            None
        })
    }

    /// As [`run`](Self::run), but the power fails, i.e. QEMU is killed, at the moment that `each`
    /// returns for a report. `each` still gets what the guest reported until then.
    pub fn run_until(mut self, mut each: impl FnMut(Report) -> Option<Instant>) -> Result<Run> {
        let deadline = self.begun + self.boot.limit;
        let mut log = Vec::new();
        let mut complete = false;
        let mut bad_report = None;
        let (mut power_fails, mut power_failed) = (None, false);
        let closed = loop {
            let until = power_fails.map_or(deadline, |moment| deadline.min(moment));
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Log(line)) => {
                    if self.boot.rig.options.verbose {
                        ui::note(&line);
                    }
                    log.push(line);
                }
                Ok(Event::BadReport { line, error }) => {
                    bad_report.get_or_insert(Outcome::BadReport { line, error });
                }
                Ok(Event::Report(report)) => {
                    complete = matches!(report, Report::Complete);
                    if let Report::Want(want) = report
                        && !self.grant(want)
                    {
                        let line = format!("{want:?}");
                        let error =
                            format!("the board {} has no such port", self.boot.rig.board.name);
                        bad_report.get_or_insert(Outcome::BadReport { line, error });
                    }
                    self.change_or_check(&report)?;
                    power_fails = each(report).or(power_fails);
                }
                Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) if until < deadline => {
                    // This closes all streams, so the loop ends.
                    self.qemu.kill();
                    (power_fails, power_failed) = (None, true);
                }
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        let status = if closed { self.qemu.wait_until(deadline).unwrap_or(None) } else { None };
        let time = self.begun.elapsed();
        let outcome = match (child::check_interrupt(), status) {
            (Err(_), _) => Outcome::Interrupted,
            (_, Some(status)) if power_failed && status.signal().is_some() => Outcome::PowerFailed,
            (_, None) => Outcome::of_limit(self.boot.limit, &stderr(self.folder.path())),
            (_, Some(status)) => status
                .code()
                .and_then(|code| Outcome::of_code(code, complete))
                .unwrap_or_else(|| qemu_failed(status, self.folder.path())),
        };
        let outcome = match (outcome, bad_report) {
            (Outcome::Complete | Outcome::Incomplete, Some(bad)) => bad,
            (outcome, _) => outcome,
        };
        // This ends QEMU, which closes its sockets, so the readers end.
        drop(self.qemu);
        for reader in self.readers {
            let result =
                reader.join().unwrap_or_else(|_| Err(io::Error::other("the reader panicked")));
            result.map_err(|error| {
                Error::run("what the guest sent cannot be kept", error, "check the disk")
            })?;
        }
        Ok(Run { board: self.boot.rig.board, what: self.boot.command_line(), outcome, log, time })
    }

    /// Changes the machine as the guest asks, or checks what it says of the machine.
    fn change_or_check(&mut self, report: &Report) -> Result<()> {
        let (Report::Set(property) | Report::Holds(property)) = report else { return Ok(()) };
        let mut tell = || {
            let monitor = match &mut self.monitor {
                Some(monitor) => monitor,
                monitor => monitor.insert(Monitor::connect(self.folder.path())?),
            };
            match report {
                Report::Set(_) => monitor.set(property),
                _ => monitor.check(property),
            }
        };
        // If it cannot be told, the guest has ended, and its outcome says why.
        tell().unwrap_or(Ok(()))
    }

    /// Queues the bytes that the guest wants. Returns whether the board has the port.
    fn grant(&mut self, Stream { port, bytes, seed }: Stream) -> bool {
        let Some(writer) = &self.writers[port as usize] else { return false };
        let source = self.offered.take().unwrap_or_else(|| Box::new(Xorshift::new(seed)));
        // The writer has ended only if the guest has, and then the outcome says so.
        _ = writer.send(Box::new(source.take(bytes)));
        true
    }
}

fn qemu_failed(status: ExitStatus, folder: &Path) -> Outcome {
    let status = match (status.code(), status.signal()) {
        (Some(code), _) => format!("it exited with code {code}, which no guest uses"),
        (None, signal) => format!("signal {} killed it", signal.unwrap_or_default()),
    };
    Outcome::of_qemu(status, stderr(folder))
}

/// What QEMU has written to stderr.
fn stderr(folder: &Path) -> String {
    let bytes = fs::read(folder.join("stderr")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
