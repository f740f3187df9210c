//! What a program on the host reads: one JSON object a line, to QEMU's second debug port, 0xe8.

pub use ::report::{
    Absent, Appended, Domain, Echoed, Figure, Kind, Masked, Nvdimm, Port, Recovered, Row, Soaked,
    Stream, SweptPath, SweptTwin, Xorshift, Xorshift64,
};
use x86_64::instructions::port::Port as IoPort;

const PORT: u16 = 0xe8;
const LONGEST: usize = 2048;

/// One line of the report.
pub type Report<'a> = ::report::Report<&'a str>;

/// Sends one line. The critical section keeps other lines from coming in between.
///
/// # Panics
/// If the line would be longer than 2 KiB.
pub fn send(report: &Report) {
    let mut line = [0; LONGEST];
    let length = serde_json_core::to_slice(report, &mut line).expect("the report fits its line");
    let mut port = IoPort::<u8>::new(PORT);
    critical_section::with(|_| {
        for byte in line[..length].iter().chain(b"\n") {
            // SAFETY: QEMU's debug console, or nothing.
            unsafe { port.write(*byte) };
        }
    });
}
