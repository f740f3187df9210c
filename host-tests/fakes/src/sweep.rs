//! What a test asks of the report of a sweep.

use wouldblock::testing::{Fault, Report};

/// Prints the report, and asserts that the sweep found nothing and had at least `boundaries`
/// boundaries.
#[track_caller]
pub fn clean(report: &Report, boundaries: u64) {
    println!("sweep: {report}");
    report.assert_clean();
    assert!(report.boundaries() >= boundaries, "the sweep has shrunk: {report}");
}

/// Prints the report of a broken twin, and asserts that the sweep found its fault, which `count`
/// counts ([`Report::lost`], or [`panicked`]), and no other fault.
#[track_caller]
pub fn caught(report: &Report, count: impl Fn(&Report) -> u64) {
    println!("twin caught: {report}");
    assert!(count(report) > 0, "the twin was not caught: {report}");
    assert_eq!(count(report), report.failures().len() as u64, "other faults too: {report}");
}

/// In how many runs an assertion, of a fake or of the scenario, has failed with these words.
pub fn panicked(words: &str) -> impl Fn(&Report) -> u64 {
    move |report| {
        let failures = report.failures().iter();
        let panics = failures.filter(
            |failure| matches!(&failure.fault, Fault::Panicked(text) if text.contains(words)),
        );
        panics.count() as u64
    }
}
