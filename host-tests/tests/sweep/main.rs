//! The preemption sweep over the library's own wait paths: an interrupt at every boundary, then at
//! every pair of boundaries. The broken twins in `twins` and `promises` show that every check can
//! fail.

mod compose;
mod device;
mod digital;
mod edges;
mod event;
mod job;
mod nested;
mod polled;
mod promises;
mod scope;
mod slots;
mod sync;
mod timeouts;
mod twins;
mod uart;

use std::time::Duration;

use fakes::leak;
use wouldblock::{
    event::{Operation, wait::Wait},
    testing::{Cpu, Report},
    time,
};

/// Prints the report, and asserts that the sweep found nothing and had at least `boundaries`
/// boundaries.
#[track_caller]
fn clean(report: &Report, boundaries: u64) {
    println!("sweep: {report}");
    report.assert_clean();
    assert!(report.boundaries() >= boundaries, "the sweep has shrunk: {report}");
}

/// Prints the report of a broken twin, and asserts that the sweep found its fault, which `count`
/// counts, and no other fault.
#[track_caller]
fn caught(report: &Report, count: impl Fn(&Report) -> u64) {
    println!("twin caught: {report}");
    assert!(count(report) > 0, "the twin was not caught: {report}");
    assert_eq!(count(report), report.failures().len() as u64, "other faults too: {report}");
}

/// A form in which a test waits for an operation.
#[derive(Clone, Copy, Debug)]
enum Form {
    Block,
    /// With a deadline that is too far away to be reached.
    Bounded,
    Await,
}

impl Form {
    const ALL: [Self; 3] = [Self::Block, Self::Bounded, Self::Await];

    /// Waits for the end of `op` in this form.
    fn run<W: Wait>(self, cpu: &Cpu, mut op: Operation<W>) -> Result<W::Output, W::Error> {
        match self {
            Self::Block => op.block(cpu),
            Self::Await => cpu.block_on(op),
            Self::Bounded => match op.block_for(cpu, cpu.clock(), Duration::from_secs(1000)) {
                Ok(output) => Ok(output),
                Err(time::Error::Other(error)) => Err(error),
                Err(time::Error::TimedOut) => panic!("timed out"),
            },
        }
    }
}
