//! How a boot ended. The only success is exit code 33 *and* the report `complete`.

use crate::{board::Board, error::Error};
use report::exit;
use std::{fmt::Display, time::Duration};

/// How a boot ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The guest reached its end and reported `complete`.
    Complete,
    /// The guest exited with the code of success but did not report `complete`.
    Incomplete,
    /// The guest panicked.
    Panic,
    /// The guest did not understand its command line.
    BadCommandLine,
    /// An interrupt came that has no handler.
    UnexpectedInterrupt,
    /// The guest cannot run the command on this machine, or not with what it found there.
    Refused,
    /// QEMU was killed, as the caller requested.
    PowerFailed,
    /// The CPU raised an exception.
    Exception {
        /// Its number: the vector on x86, the exception number on Cortex-M, the cause on RISC-V.
        number: u8,
    },
    /// The machine was reset, as after a triple fault.
    Reset,
    /// The guest sent a line that is no report.
    BadReport {
        /// The line.
        line: String,
        /// What is wrong with it.
        error: String,
    },
    /// The guest did not end within the time limit.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The guest slept at the time limit, and nothing was left that could wake it.
    Asleep {
        /// The limit.
        limit: Duration,
    },
    /// QEMU does not know a machine, a device or a property of one.
    Unsupported {
        /// What it says.
        what: String,
    },
    /// QEMU itself failed.
    QemuFailed {
        /// How it ended.
        status: String,
        /// What it wrote to stderr.
        stderr: String,
    },
    /// The user ended the run.
    Interrupted,
}

impl Outcome {
    /// The meaning of QEMU's exit code; `None` if it is neither one that the guest uses nor a reset.
    pub fn of_code(code: i32, complete: bool) -> Option<Self> {
        const EXCEPTIONS: u8 = exit::exception(0);
        const LAST: u8 = exit::exception(31);
        let code = u8::try_from(code).ok()?;
        Some(match code {
            0 => Self::Reset,
            exit::SUCCESS if complete => Self::Complete,
            exit::SUCCESS => Self::Incomplete,
            exit::PANIC => Self::Panic,
            exit::COMMAND_LINE => Self::BadCommandLine,
            exit::INTERRUPT => Self::UnexpectedInterrupt,
            exit::REFUSED => Self::Refused,
            EXCEPTIONS..=LAST if code % 2 == 1 => {
                Self::Exception { number: (code - EXCEPTIONS) / 2 }
            }
            _ => return None,
        })
    }

    /// How a boot ended that QEMU ended with this status, which no guest uses.
    pub fn of_qemu(status: String, stderr: String) -> Self {
        let unknown =
            ["unsupported machine type", "is not a valid device model name", "' not found"];
        let is_unknown = |line: &&str| unknown.iter().any(|unknown| line.contains(unknown));
        match stderr.lines().find(is_unknown) {
            Some(line) => Self::Unsupported { what: line.into() },
            None => Self::QemuFailed { status, stderr },
        }
    }

    /// How a boot ended at its time limit.
    pub fn of_limit(limit: Duration, stderr: &str) -> Self {
        // Written by a QEMU whose guest sleeps while no timer is set.
        match stderr.contains("icount sleep disabled and no active timers") {
            true => Self::Asleep { limit },
            false => Self::TimedOut { limit },
        }
    }

    /// The error of a boot of `what` on this board that ended so; `None` for success.
    pub fn error(&self, what: impl Display, board: &Board) -> Option<Error> {
        let error = |how: String, why: &str, advice: &str| {
            Some(Error::run(format_args!("{what}: {how}"), why, advice))
        };
        const SEE_LOG: &str =
            "see the guest's log below; --verbose adds where each message comes from";
        match self {
            Self::Complete => None,
            Self::Incomplete => error(
                "the guest exited before its end".into(),
                "it exited with the code of success (33), but its last report was not `complete`",
                "look for the code that exits early",
            ),
            Self::Panic => {
                error("the guest panicked".into(), "its last log line says where and why", SEE_LOG)
            }
            Self::BadCommandLine => error(
                "the guest did not understand its command line".into(),
                "runner and firmware do not match, or the firmware does not know the name",
                SEE_LOG,
            ),
            Self::UnexpectedInterrupt => error(
                "an unexpected interrupt".into(),
                "an interrupt came that no handler was set for; the log names its vector",
                "mask the source or set a handler for it",
            ),
            Self::Refused => error(
                "the guest cannot run this".into(),
                "something that it needs is missing on this machine, or damaged; its log says what",
                SEE_LOG,
            ),
            Self::PowerFailed => {
                error("the power failed".into(), "QEMU was killed, as requested", "boot it again")
            }
            Self::Exception { number } => error(
                format!("CPU exception {number} ({})", board.exception(*number)),
                "the guest's code raised it; the log has the address",
                SEE_LOG,
            ),
            Self::Reset => error(
                "the machine was reset".into(),
                match board.is_pc() {
                    true => {
                        "QEMU exited with 0: a triple fault (an exception that could not be delivered), or a reset on purpose"
                    }
                    false => "QEMU exited with 0, which no end of a run does",
                },
                "look at what ran last: the stack, the page tables, the interrupt table",
            ),
            Self::BadReport { line, error: why } => error(
                "the guest sent a line that is no report".into(),
                &format!("{why}, in `{line}`"),
                "build runner and firmware from the same sources",
            ),
            Self::TimedOut { limit } => error(
                "the guest hangs".into(),
                &format!("it had not ended after {} s, so QEMU was killed", limit.as_secs_f32()),
                "the last line of its log shows how far it got; on a slow machine raise --timeout",
            ),
            Self::Asleep { limit } => error(
                "the guest sleeps for ever".into(),
                &format!(
                    "no timer was set and no interrupt came within {} s: a wake-up was lost, or never asked for",
                    limit.as_secs_f32()
                ),
                "look at what it waits for last: its interrupt, and the order of check and sleep",
            ),
            Self::Unsupported { what: unknown } => Some(Error::caller(
                format_args!("this {} does not emulate the board {}", board.qemu.name, board.name),
                unknown,
                format_args!(
                    "it is too old or too new; the board was tested with QEMU 7.2, Debian's package {}",
                    board.qemu.package
                ),
            )),
            Self::QemuFailed { status, stderr } => {
                let advice = match board.is_pc() {
                    true => "check --machine and --cpu; see what QEMU says below",
                    false => "see what QEMU says below",
                };
                error("QEMU failed".into(), status, advice).map(|error| error.with("QEMU", stderr))
            }
            Self::Interrupted => Some(Error::interrupted()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::PC;

    #[test]
    fn success_needs_the_code_and_the_line() {
        assert_eq!(Outcome::of_code(33, true), Some(Outcome::Complete));
        assert_eq!(Outcome::of_code(33, false), Some(Outcome::Incomplete));
        for code in (0..256).filter(|&code| code != 33) {
            assert_ne!(Outcome::of_code(code, true), Some(Outcome::Complete), "{code}");
        }
    }

    #[test]
    fn codes_mean_what_the_board_means() {
        assert_eq!(Outcome::of_code(0, true), Some(Outcome::Reset));
        assert_eq!(Outcome::of_code(35, true), Some(Outcome::Panic));
        assert_eq!(Outcome::of_code(37, false), Some(Outcome::BadCommandLine));
        assert_eq!(Outcome::of_code(39, false), Some(Outcome::UnexpectedInterrupt));
        assert_eq!(Outcome::of_code(41, true), Some(Outcome::Refused));
        assert_eq!(Outcome::of_code(65, false), Some(Outcome::Exception { number: 0 }));
        assert_eq!(Outcome::of_code(65 + 28, false), Some(Outcome::Exception { number: 14 }));
        for qemus_own in [1, 2, 34, 66, 128, 255] {
            assert_eq!(Outcome::of_code(qemus_own, false), None, "{qemus_own}");
        }
    }

    #[test]
    fn each_failure_says_what_happened() {
        let page_fault =
            Outcome::Exception { number: 14 }.error("test `x`", PC).unwrap().to_string();
        assert!(
            page_fault.starts_with("test `x`: CPU exception 14 (page fault)\n"),
            "{page_fault}"
        );
        let limit = Duration::from_millis(1500);
        let hang = Outcome::TimedOut { limit }.error("tour", PC).unwrap().to_string();
        assert!(hang.contains("hangs") && hang.contains("1.5 s"), "{hang}");
        assert!(Outcome::Complete.error("tour", PC).is_none());
    }
    #[test]
    fn a_qemu_that_does_not_know_a_device_is_told_from_one_that_fails() {
        for unknown in [
            "qemu-system-arm: unsupported machine type\nUse -machine help",
            "warning\nqemu-system-riscv32: -device edu: 'edu' is not a valid device model name",
            "qemu-system-riscv32: -device edu,dma_mask=1: Property 'edu.dma_mask' not found",
        ] {
            let outcome = Outcome::of_qemu("code 1".into(), unknown.into());
            assert!(matches!(outcome, Outcome::Unsupported { .. }), "{outcome:?}");
            let error = outcome.error("tour", PC).unwrap().to_string();
            assert!(error.contains("too old or too new") && error.contains("pc"), "{error}");
        }
        let outcome = Outcome::of_qemu("code 1".into(), "no memory".into());
        assert!(matches!(outcome, Outcome::QemuFailed { .. }));
    }

    #[test]
    fn a_guest_that_nothing_can_wake_is_told_from_one_that_is_slow() {
        let limit = Duration::from_secs(1);
        assert_eq!(Outcome::of_limit(limit, ""), Outcome::TimedOut { limit });
        let warning = "qemu-system-arm: warning: icount sleep disabled and no active timers\n";
        assert_eq!(Outcome::of_limit(limit, warning), Outcome::Asleep { limit });
    }
}
