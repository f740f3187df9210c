//! One line of the report, which a program on the host reads.

use serde::Serialize;

const LONGEST: usize = 2048;

/// Writes one line, as JSON. The line is whole: nothing comes in between.
///
/// # Panics
/// If the line would be longer than 2 KiB.
pub fn send(line: &impl Serialize, mut write: impl FnMut(&[u8])) {
    let mut buffer = [0; LONGEST];
    let length = serde_json_core::to_slice(line, &mut buffer).expect("the report fits its line");
    critical_section::with(|_| {
        write(&buffer[..length]);
        write(b"\n");
    });
}
