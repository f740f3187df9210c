//! Output: results go to stdout, progress and errors to stderr. Bars and colours only on a terminal.

use crate::error::Error;
use console::{Term, style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    fmt::Display,
    io::Write,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// All bars, so that lines can be printed above them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Prints a line of the result. It is no error if stdout is closed.
pub fn print(line: impl Display) {
    BARS.suspend(|| _ = writeln!(std::io::stdout(), "{line}"));
}

/// Prints a line about the progress.
pub fn note(line: impl Display) {
    BARS.suspend(|| _ = writeln!(std::io::stderr(), "{line}"));
}

/// Prints an error.
pub fn error(error: &Error) {
    note(format_args!("{} {error}", style("error:").red().bold().for_stderr()));
}

/// A step that takes a while. On a terminal it is a spinner, otherwise one line when it begins and
/// one when it ends.
pub struct Step {
    bar: ProgressBar,
    begun: Instant,
}

impl Step {
    /// Begins the step. `what` names it.
    pub fn begin(what: impl Display) -> Self {
        if !Term::stderr().is_term() {
            note(format_args!("{what} ..."));
        }
        let bar = BARS.add(ProgressBar::new_spinner());
        bar.set_prefix(what.to_string());
        if let Ok(style) =
            ProgressStyle::with_template("{spinner:.cyan} {prefix} {elapsed} {msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, begun: Instant::now() }
    }

    /// Shows a detail of the progress, on a terminal only.
    pub fn at(&self, detail: impl Display) {
        self.bar.set_message(detail.to_string());
    }

    /// Ends the step and prints its result.
    pub fn end(self, result: impl Display) {
        note(format_args!("{result} ({:.1} s)", self.begun.elapsed().as_secs_f32()));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A progress bar for `length` bytes.
pub fn bytes(length: u64, what: &'static str) -> ProgressBar {
    let bar = BARS.add(ProgressBar::new(length).with_message(what));
    if let Ok(style) = ProgressStyle::with_template(
        "{msg} {wide_bar:.cyan} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
    ) {
        bar.set_style(style);
    }
    bar
}
