//! The byte streams of a guest.
//!
//! QEMU drops output that the host does not read, so a thread reads each stream until QEMU closes it.
//! Another thread writes to each serial port, so that a guest that reads slowly blocks nothing else.

use crate::{log::Line, report::Report, ui};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::ExitStatus,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Where the output of a serial port goes.
pub type Sink = Box<dyn Write + Send>;

/// Where the input of a serial port comes from.
pub type Source = Box<dyn Read + Send>;

/// Two serial ports whose output goes nowhere.
pub fn nowhere() -> [Sink; 2] {
    [Box::new(io::sink()), Box::new(io::sink())]
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
pub(super) enum Event {
    Report(Report),
    BadReport { line: String, error: String },
    Log(Line),
}

pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Waits until QEMU connects, or ends instead.
///
/// A boot is short: on a loaded machine, QEMU connects, runs to its end and exits between two lines of
/// this loop. So when it has ended, the listener is asked once more: the connection is still there,
/// with all that was sent.
pub(super) fn accept(
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

/// Reads a port to its end into a sink. If the sink fails, the error is returned at the end, and the
/// port is still read.
pub(super) fn drain(mut stream: UnixStream, mut sink: Sink) -> JoinHandle<io::Result<()>> {
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
pub(super) fn write(mut stream: UnixStream) -> Sender<Source> {
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

pub(super) fn read_reports(stream: impl Read, events: &Sender<Event>) {
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
