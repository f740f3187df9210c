//! What a record holds: bytes that depend only on its number and on the seed of the boot that wrote
//! it. So the host knows them, too, and does not mistake remains of an older boot for them.

use firmware::report::Xorshift;
use wouldblock::persist::{Memory, log::Log};

/// The longest payload.
pub const LONGEST: usize = 96;

/// The payload of a record, 0 to [`LONGEST`] bytes; the first pseudo-random byte decides its
/// length.
pub fn payload(seed: u32, sequence: u64, into: &mut [u8; LONGEST]) -> &[u8] {
    let mut stream = Xorshift::new((seed ^ (sequence as u32).wrapping_mul(0x9e37_79b9)).max(1));
    let length = stream.word() as u8;
    let length = usize::from(length) % (LONGEST + 1);
    stream.fill(&mut into[..length]);
    &into[..length]
}

/// A digest of the numbers, lengths and payloads of all records, by FNV-1a with 64 bits.
pub fn digest<M: Memory>(log: &Log<M>) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    for record in log.records() {
        add(&record.sequence.to_le_bytes());
        add(&(record.length as u64).to_le_bytes());
        add(log.read(&record, &mut [0; LONGEST]).expect("a record of this log"));
    }
    sum
}
