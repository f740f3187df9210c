//! What the guest reports, as the host reads it: with strings of its own.

pub use ::report::{
    Appended, Counts, Domain, Echoed, Kind, Nvdimm, Port, Recorded, Recovered, Soaked, Stream,
    Stretch, Xorshift, spi,
};

/// One report.
pub type Report = ::report::Report<String>;
/// A file on the guest's card.
pub type File = ::report::File<String>;
/// A property of the machine.
pub type Property = ::report::Property<String>;
/// A row of the tour.
pub type Row = ::report::Row<String>;
/// A row of the tour that this machine cannot run.
pub type Absent = ::report::Absent<String>;
/// Something that was in the background while a row was recorded.
pub type InFlight = ::report::InFlight<String>;
/// A figure of a bench.
pub type Figure = ::report::Figure<String>;
/// The longest time that an operation keeps interrupts masked.
pub type Masked = ::report::Masked<String>;
/// A wait path that was swept.
pub type SweptPath = ::report::SweptPath<String>;
/// A wait path that is broken on purpose, and was swept.
pub type SweptTwin = ::report::SweptTwin<String>;
