//! `flash`, and its adapter: over a fake chip that panics at what no driver may do. There is a boundary
//! before each access of the fake.

mod by_hand;
mod contract;
mod driver;
mod limit;
mod rules;
mod sweep;

use wouldblock::testing::{Fault, Report};

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
