//! The preemption sweep over the library's own wait paths: an interrupt at every boundary, then at
//! every pair. Every check is shown to be able to fail, by the broken twins in `twins` and
//! `promises`.

mod device;
mod event;
mod job;
mod promises;
mod scope;
mod slots;
mod sync;
mod twins;
mod uart;

use wouldblock::testing::Report;

/// Prints the report, and asserts that the sweep was no smaller than it is known to be, and found
/// nothing.
#[track_caller]
fn clean(report: &Report, boundaries: u64) {
    println!("sweep: {report}");
    report.assert_clean();
    assert!(report.boundaries() >= boundaries, "the sweep has shrunk: {report}");
}

/// Prints the report of a broken twin, and asserts that its fault, counted by `count`, was found.
#[track_caller]
fn caught(report: &Report, count: impl Fn(&Report) -> u64) {
    println!("twin caught: {report}");
    assert!(count(report) > 0, "the twin was not caught: {report}");
    assert_eq!(count(report), report.failures().len() as u64, "other faults too: {report}");
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
