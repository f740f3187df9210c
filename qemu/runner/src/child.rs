//! Child processes that never outlive the runner.
//!
//! Invariant: every child is killed when its [`Child`] is dropped, when the runner is told to end
//! (ctrl-C, SIGTERM), and by the kernel when the runner itself is killed. Each child leads a
//! process group of its own, so that ctrl-C reaches only the runner, which then ends the children
//! in order.

use crate::error::{Error, Result};
use nix::{
    errno::Errno,
    sys::{
        prctl,
        signal::{Signal, killpg},
    },
    unistd::{Pid, getpid, getppid},
};
use std::{
    io,
    marker::PhantomData,
    os::unix::process::CommandExt,
    process::{Command, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The running children, and whether the runner was told to end. A child is reaped only under this
/// lock. So no listed id can have been given to another process.
static FAMILY: Mutex<Family> = Mutex::new(Family { children: Vec::new(), ending: false });

struct Family {
    /// Each with the signal that ends it.
    children: Vec<(Pid, Signal)>,
    ending: bool,
}

fn family() -> MutexGuard<'static, Family> {
    FAMILY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on SIGINT, SIGTERM and SIGHUP end the children instead of the runner. The code that waits
/// for a child then cleans up and returns [`Error::interrupted`]. A second signal ends the runner at
/// once.
pub fn end_with_the_runner() {
    // An error means that there is a handler already. It stays.
    _ = ctrlc::set_handler(|| {
        let mut family = family();
        if std::mem::replace(&mut family.ending, true) {
            std::process::exit(130);
        }
        for &(child, signal) in &family.children {
            _ = killpg(child, signal);
        }
    });
}

/// Returns an error if the runner was told to end.
pub fn check_interrupt() -> Result<()> {
    if family().ending { Err(Error::interrupted()) } else { Ok(()) }
}

/// A running child. It cannot be sent to another thread: the kernel sends the signal of
/// `PR_SET_PDEATHSIG` when the thread that spawned the child ends.
pub struct Child {
    process: std::process::Child,
    reaped: Option<ExitStatus>,
    here: PhantomData<*const ()>,
}

impl Child {
    /// Starts a child. If the runner is told to end, the child is asked to.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        Self::spawn_to_end_by(Signal::SIGTERM, command)
    }

    /// Starts a child that has nothing to clean up. If the runner is told to end, it is killed: a QEMU
    /// whose guest hangs can ignore every other signal.
    pub fn spawn_to_be_killed(command: &mut Command) -> io::Result<Self> {
        Self::spawn_to_end_by(Signal::SIGKILL, command)
    }

    fn spawn_to_end_by(signal: Signal, command: &mut Command) -> io::Result<Self> {
        let runner = getpid();
        command.process_group(0);
        // SAFETY: between fork and exec the closure makes two system calls, both async-signal-safe,
        // and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                prctl::set_pdeathsig(Signal::SIGKILL)?;
                // If the runner died before the line above, the kernel does not send the signal.
                if getppid() == runner { Ok(()) } else { Err(Errno::ESRCH.into()) }
            });
        }
        let mut family = family();
        if family.ending {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let process = command.spawn()?;
        family.children.push((pid(&process), signal));
        Ok(Self { process, reaped: None, here: PhantomData })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The pipes that `command` requested.
    pub fn pipes(
        &mut self,
    ) -> (Option<std::process::ChildStdout>, Option<std::process::ChildStderr>) {
        (self.process.stdout.take(), self.process.stderr.take())
    }

    /// Kills the child and its process group.
    pub fn kill(&mut self) {
        if matches!(self.try_wait(), Ok(None)) {
            _ = killpg(pid(&self.process), Signal::SIGKILL);
        }
    }

    /// Its exit status if it has ended.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.reaped.is_none() {
            let mut family = family();
            self.reaped = self.process.try_wait()?;
            if self.reaped.is_some() {
                let id = pid(&self.process);
                family.children.retain(|&(child, _)| child != id);
            }
        }
        Ok(self.reaped)
    }

    /// Waits until it has ended or `deadline` has passed.
    pub fn wait_until(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            match self.try_wait()? {
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
                ended => return Ok(ended),
            }
        }
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            let soon = Instant::now() + Duration::from_secs(1);
            if let Some(status) = self.wait_until(soon)? {
                return Ok(status);
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        _ = self.wait();
    }
}

fn pid(process: &std::process::Child) -> Pid {
    Pid::from_raw(process.id().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_child_is_dead() {
        let child = Child::spawn(Command::new("sleep").arg("1000")).unwrap();
        let folder = format!("/proc/{}", child.id());
        assert!(std::path::Path::new(&folder).exists());
        drop(child);
        assert!(!std::path::Path::new(&folder).exists());
    }

    #[test]
    fn waiting_has_an_end() {
        let mut child = Child::spawn(Command::new("sleep").arg("1000")).unwrap();
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(child.wait_until(soon).unwrap().is_none());
        let mut child = Child::spawn(Command::new("sh").args(["-c", "exit 7"])).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(7));
        assert_eq!(child.wait().unwrap().code(), Some(7), "the status is kept");
    }
}
