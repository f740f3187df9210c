//! Reports to the host, in the vocabulary that the crate `report` shares with the runner.

use board::console;
pub use report::{
    Absent, Appended, Domain, Echoed, Figure, Kind, Masked, Nvdimm, Port, Recovered, Row, Soaked,
    Stream, SweptPath, SweptTwin, Xorshift, Xorshift64,
};

/// One report.
pub type Report<'a> = report::Report<&'a str>;

/// Sends a report, as one line.
///
/// # Panics
/// If the line would be longer than 2 KiB.
pub fn send(report: &Report) {
    console::send(report);
}
