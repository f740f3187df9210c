//! One running guest: its QEMU and its byte streams.
//!
//! QEMU drops output that the host does not read, so a thread reads each stream until QEMU closes it.
//! Another thread writes to each serial port, so that a guest that reads slowly blocks nothing else.

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
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        net::{UnixListener, UnixStream},
        process::ExitStatusExt,
    },
    panic::resume_unwind,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Where the output of a serial port goes.
pub type Sink = Box<dyn Write + Send>;

/// Where the input of a serial port comes from.
pub type Source = Box<dyn Read + Send>;

/// Two serial ports whose output goes nowhere.
pub fn nowhere() -> [Sink; 2] {
    [Box::new(io::sink()), Box::new(io::sink())]
}

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

/// A sink that keeps the output of a serial port.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<Vec<u8>>>);

impl Transcript {
    /// The output until now.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Write for Transcript {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the reading threads send to the waiting one.
enum Event {
    Report(Report),
    BadReport { line: String, error: String },
    Log(Line),
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
            // QEMU listens there before it connects to the streams.
            settings => Some(Monitor::start(path, settings).map_err(failed)??),
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

fn listen(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Waits until QEMU connects, or ends instead.
///
/// A boot is short: on a loaded machine, QEMU connects, runs to its end and exits between two lines of
/// this loop. So when it has ended, the listener is asked once more: the connection is still there,
/// with all that was sent.
fn accept(
    listener: &UnixListener,
    mut end_of_qemu: impl FnMut() -> io::Result<Option<ExitStatus>>,
    deadline: Instant,
) -> io::Result<std::result::Result<UnixStream, ExitStatus>> {
    let mut status = None;
    loop {
        match listener.accept() {
            Ok((stream, _)) => return Ok(Ok(stream)),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) => {}
        }
        if let Some(status) = status {
            return Ok(Err(status));
        }
        status = end_of_qemu()?;
        if status.is_some() {
            continue;
        }
        if Instant::now() > deadline {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "it opened no connection within the time limit",
            ));
        }
        thread::sleep(Duration::from_millis(1));
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

/// Reads a port to its end into a sink. If the sink fails, the error is returned at the end, and the
/// port is still read.
fn drain(mut stream: UnixStream, mut sink: Sink) -> JoinHandle<io::Result<()>> {
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        let mut result = Ok(());
        // A broken connection is an end, too: QEMU was killed.
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            if result.is_ok() {
                result = sink.write_all(&buffer[..length]);
            }
        }
        result.and_then(|()| sink.flush())
    })
}

/// Writes to a port what is queued, until the guest has ended or the sender is dropped.
fn write(mut stream: UnixStream) -> Sender<Source> {
    let (sender, sources) = mpsc::channel::<Source>();
    thread::spawn(move || {
        for mut source in sources {
            match io::copy(&mut source, &mut stream) {
                Ok(_) => {}
                // The guest has ended. Its outcome says why.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                Err(error) => ui::note(format_args!(
                    "the guest does not get all bytes that it wants: {error}"
                )),
            }
        }
    });
    sender
}

fn read_reports(stream: impl Read, events: &Sender<Event>) {
    for line in BufReader::new(stream).split(b'\n').map_while(io::Result::ok) {
        let event = match serde_json::from_slice(&line) {
            Ok(report) => Event::Report(report),
            Err(error) => Event::BadReport {
                line: String::from_utf8_lossy(&line).into_owned(),
                error: error.to_string(),
            },
        };
        if events.send(event).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn what_connects_and_ends_at_once_is_heard() {
        let folder = tempfile::tempdir().unwrap();
        let listener = listen(&folder.path().join("stream")).unwrap();
        // It connects, sends and ends after the first look at the listener.
        let ends = || {
            let mut stream = UnixStream::connect(folder.path().join("stream"))?;
            stream.write_all(b"all of it")?;
            Ok(Some(ExitStatus::from_raw(33 << 8)))
        };
        let soon = Instant::now() + Duration::from_secs(60);
        let mut stream = accept(&listener, ends, soon).unwrap().expect("it has connected");
        stream.set_nonblocking(false).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "all of it");
    }

    #[test]
    fn what_ends_without_connecting_is_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let listener = listen(&folder.path().join("stream")).unwrap();
        let soon = Instant::now() + Duration::from_secs(60);
        let end = accept(&listener, || Ok(Some(ExitStatus::from_raw(1 << 8))), soon).unwrap();
        assert_eq!(end.unwrap_err().code(), Some(1));
    }
}
