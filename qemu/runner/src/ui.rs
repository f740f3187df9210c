//! The terminal: results go to stdout, progress and errors to stderr. Bars and colours only where a
//! terminal is.

use crate::error::Error;
use console::{Term, style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::{
    fmt::Display,
    io::Write,
    sync::LazyLock,
    time::{Duration, Instant},
};

/// Every bar, so that lines can be printed above all of them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Prints a line of the result. A reader that has gone is no error of ours.
pub fn print(line: impl Display) {
    BARS.suspend(|| _ = writeln!(std::io::stdout(), "{line}"));
}

/// Prints a line about what is going on.
pub fn note(line: impl Display) {
    BARS.suspend(|| _ = writeln!(std::io::stderr(), "{line}"));
}

/// Prints an error.
pub fn error(error: &Error) {
    note(format_args!("{} {error}", style("error:").red().bold().for_stderr()));
}

/// Something that takes a while: a spinner on a terminal, else one line when it begins and one when
/// it ends.
pub struct Step {
    bar: ProgressBar,
    begun: Instant,
}

impl Step {
    /// Begins it, naming what is done.
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

    /// What it is at now; only a terminal shows it.
    pub fn at(&self, detail: impl Display) {
        self.bar.set_message(detail.to_string());
    }

    /// Ends it, saying with what result.
    pub fn end(self, result: impl Display) {
        note(format_args!("{result} ({:.1} s)", self.begun.elapsed().as_secs_f32()));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar for `length` bytes.
pub fn bytes(length: u64, what: &'static str) -> ProgressBar {
    let bar = BARS.add(ProgressBar::new(length).with_message(what));
    if let Ok(style) = ProgressStyle::with_template(
        "{msg} {wide_bar:.cyan} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
    ) {
        bar.set_style(style);
    }
    bar
}
