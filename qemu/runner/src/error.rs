//! Errors: each says what went wrong, why, and what to do about it.

use std::process::ExitCode;

/// The result of what can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What caused an error. It decides the exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cause {
    /// The input is bad or something is missing: 2.
    Caller,
    /// The run failed: 1.
    Run,
    /// The user ended it: 130, as shells return for SIGINT.
    Interrupt,
}

/// One clear message, and the exit code that goes with it.
#[derive(Debug, thiserror::Error)]
#[error("{what}\n  why:        {why}\n  what to do: {advice}{details}")]
pub struct Error {
    cause: Cause,
    what: String,
    why: String,
    advice: String,
    details: String,
}

impl Error {
    fn new(cause: Cause, what: impl ToString, why: impl ToString, advice: impl ToString) -> Self {
        Self {
            cause,
            what: what.to_string(),
            why: why.to_string(),
            advice: advice.to_string(),
            details: String::new(),
        }
    }

    /// The input is bad, or something is missing on this machine.
    pub fn caller(what: impl ToString, why: impl ToString, advice: impl ToString) -> Self {
        Self::new(Cause::Caller, what, why, advice)
    }

    /// The run itself failed.
    pub fn run(what: impl ToString, why: impl ToString, advice: impl ToString) -> Self {
        Self::new(Cause::Run, what, why, advice)
    }

    /// The user ended the run.
    pub fn interrupted() -> Self {
        Self::new(
            Cause::Interrupt,
            "interrupted",
            "a signal asked the runner to end",
            "start it again; QEMU is gone and no unfinished file is left",
        )
    }

    /// Adds a text to show below the message, such as a log. An empty text adds nothing.
    #[must_use]
    pub fn with(mut self, title: &str, text: &str) -> Self {
        if !text.trim().is_empty() {
            self.details += &format!("\n{title}:\n{}", text.trim_end());
        }
        self
    }

    /// The exit code: 2 for bad input or a missing tool, 1 for a failed run, 130 if interrupted.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.cause {
            Cause::Caller => 2,
            Cause::Run => 1,
            Cause::Interrupt => 130,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_why_and_what_to_do() {
        let error =
            Error::run("no rain", "no clouds", "wait").with("log", "").with("log", "drip\n");
        assert_eq!(
            error.to_string(),
            "no rain\n  why:        no clouds\n  what to do: wait\nlog:\ndrip"
        );
        assert_eq!(error.exit_code(), ExitCode::FAILURE);
    }
}
