//! `i2c`, and its adapters: over a fake bus that panics at what no controller may do. There is a
//! boundary before each access of the fake.

mod rules;
mod shared;
mod stuck;
mod sweep;
#[expect(dead_code, reason = "the conformance tests use the rest of it")]
mod wire;

use wouldblock::testing::{Fault, Report, Sweep};

/// The whole sweep, or the first places of it for a twin, each of whose failures keeps a thread.
const fn sized(sweep: Sweep<'_>, is_twin: bool) -> Sweep<'_> {
    if is_twin { sweep.limit(12) } else { sweep }
}

/// Prints the report, and asserts that the sweep found nothing and had at least `boundaries`
/// boundaries.
#[track_caller]
fn clean(report: &Report, boundaries: u64) {
    println!("sweep: {report}");
    report.assert_clean();
    assert!(report.boundaries() >= boundaries, "the sweep has shrunk: {report}");
}

/// Prints the report of a broken twin, and asserts that each failure is of the kind that `is` names,
/// and that there is one.
#[track_caller]
fn caught(report: &Report, is: impl Fn(&Fault) -> bool) {
    println!("twin caught: {report}");
    assert!(!report.failures().is_empty(), "the twin was not caught: {report}");
    assert!(report.failures().iter().all(|failure| is(&failure.fault)), "other faults: {report}");
}

/// Whether the fake's or the scenario's own assertion has failed, with these words.
fn panicked(words: &str) -> impl Fn(&Fault) -> bool {
    move |fault| matches!(fault, Fault::Panicked(text) if text.contains(words))
}
