//! Reports to the host, in the vocabulary that the crate `report` shares with the runner.

use board::console;
pub use report::{
    Absent, Appended, Counts, Domain, Echoed, Figure, File, InFlight, Kind, Masked, Nvdimm, Port,
    Property, Recorded, Recovered, Row, Soaked, Stream, Stretch, SweptPath, SweptTwin, Xorshift,
    Xorshift64, spi,
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
