//! The board's search through ACPI's tables, on tables that are right and on tables that are wrong
//! in every way: the search returns a result or a typed error, always ends, and reads no byte
//! outside of the firmware's memory.

#[path = "../../qemu/boards/pc/src/acpi.rs"]
mod acpi;

use acpi::{Malformed, Persistent, persistent_memory};
use std::cell::Cell;

/// Where the firmware's memory begins.
const BASE: u64 = 0x7fe_0000;
const RSDT: usize = 64;
const XSDT: usize = 128;
const NFIT: usize = 256;
const SIZE: usize = 512;

/// Offsets in the NFIT.
const RANGE: usize = 40;
const OTHER_RANGE: usize = RANGE + 56;
const CONTROL_REGION: usize = OTHER_RANGE + 56;
const CAPABILITIES: usize = CONTROL_REGION + 32;
const END: usize = CAPABILITIES + 16;

const GUID: [u8; 16] = [
    0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40, 0xac, 0x43, 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb,
];

/// The firmware's memory.
#[derive(Clone)]
struct Firmware(Vec<u8>);

impl Firmware {
    /// RSDP, RSDT, XSDT, and an NFIT with two ranges (the first is not persistent memory), a
    /// structure that the search skips, and the capabilities.
    fn new() -> Self {
        let mut firmware = Self(vec![0xcc; SIZE]);
        firmware.put(0, b"RSD PTR ");
        firmware.put(8, &[0; 28]);
        firmware.put(15, &[2]);
        firmware.put(16, &(BASE as u32 + RSDT as u32).to_le_bytes());
        firmware.put(20, &36_u32.to_le_bytes());
        firmware.put(24, &(BASE + XSDT as u64).to_le_bytes());
        // The first entry leads to a table that the search skips: the root table itself.
        firmware.table(RSDT, b"RSDT", 44);
        firmware.put(RSDT + 36, &(BASE as u32 + RSDT as u32).to_le_bytes());
        firmware.put(RSDT + 40, &(BASE as u32 + NFIT as u32).to_le_bytes());
        firmware.table(XSDT, b"XSDT", 52);
        firmware.put(XSDT + 36, &(BASE + RSDT as u64).to_le_bytes());
        firmware.put(XSDT + 44, &(BASE + NFIT as u64).to_le_bytes());

        firmware.table(NFIT, b"NFIT", END);
        for (at, kind, length) in
            [(RANGE, 0, 56), (OTHER_RANGE, 0, 56), (CONTROL_REGION, 4, 32), (CAPABILITIES, 7, 16)]
        {
            firmware.structure(at, kind, length);
        }
        firmware.put(NFIT + OTHER_RANGE + 16, &GUID);
        firmware.put(NFIT + OTHER_RANGE + 32, &0x1_0000_0000_u64.to_le_bytes());
        firmware.put(NFIT + OTHER_RANGE + 40, &0x400_0000_u64.to_le_bytes());
        firmware.put(NFIT + CAPABILITIES + 4, &[1]);
        firmware.put(NFIT + CAPABILITIES + 8, &3_u32.to_le_bytes());
        firmware.sealed()
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn table(&mut self, at: usize, signature: &[u8; 4], length: usize) {
        self.0[at..at + length].fill(0);
        self.put(at, signature);
        self.put(at + 4, &(length as u32).to_le_bytes());
    }

    fn structure(&mut self, at: usize, kind: u16, length: u16) {
        self.put(NFIT + at, &kind.to_le_bytes());
        self.put(NFIT + at + 2, &length.to_le_bytes());
    }

    fn seal(&mut self, at: usize, checksum: usize, length: usize) {
        self.0[checksum] = 0;
        let sum = self.0[at..at + length].iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        self.0[checksum] = sum.wrapping_neg();
    }

    /// The same with every checksum right.
    fn sealed(mut self) -> Self {
        self.seal(0, 8, 20);
        self.seal(0, 32, 36);
        for at in [RSDT, XSDT, NFIT] {
            let length = u32::from_le_bytes(self.0[at + 4..at + 8].try_into().unwrap()) as usize;
            if at + length <= SIZE {
                self.seal(at, at + 9, length);
            }
        }
        self
    }

    fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.put(at, bytes);
        self
    }

    /// The result of the search, and the number of bytes that it has read.
    fn search(&self) -> (Result<Option<Persistent>, Malformed>, usize) {
        let bytes_read = Cell::new(0);
        let read = |address: u64, into: &mut [u8]| {
            let start = usize::try_from(address.checked_sub(BASE)?).ok()?;
            into.copy_from_slice(self.0.get(start..start.checked_add(into.len())?)?);
            bytes_read.set(bytes_read.get() + into.len());
            assert!(bytes_read.get() < 100 * SIZE, "no end");
            Some(())
        };
        (persistent_memory(&read, BASE), bytes_read.get())
    }

    fn found(&self) -> Result<Option<Persistent>, Malformed> {
        self.search().0
    }
}

/// Base, length, and whether the caches and the memory controller are flushed.
fn facts(found: Result<Option<Persistent>, Malformed>) -> (u64, u64, Option<(bool, bool)>) {
    let found = found.expect("sound tables").expect("persistent memory");
    let capabilities = found.capabilities;
    let flushes = capabilities.map(|c| (c.flushes_caches(), c.flushes_memory_controller()));
    (found.base, found.length, flushes)
}

#[test]
fn persistent_memory_is_found_by_either_root_table() {
    let expected = (0x1_0000_0000, 0x400_0000, Some((true, true)));
    assert_eq!(facts(Firmware::new().found()), expected);
    // A revision without an XSDT: the search does not read the rest of the pointer.
    assert_eq!(facts(Firmware::new().with(24, &[0; 8]).sealed().found()), expected);
    let first = Firmware::new().with(15, &[0]).with(20, &[0xff; 12]).sealed();
    assert_eq!(facts(first.found()), expected);
}

#[test]
fn only_what_the_platform_declares_valid_counts() {
    let flushes = |highest: u8, bits: u32| {
        let firmware = Firmware::new()
            .with(NFIT + CAPABILITIES + 4, &[highest])
            .with(NFIT + CAPABILITIES + 8, &bits.to_le_bytes());
        facts(firmware.sealed().found()).2
    };
    assert_eq!(flushes(1, 3), Some((true, true)));
    assert_eq!(flushes(1, 2), Some((false, true)));
    assert_eq!(flushes(0, 3), Some((true, false)));
    assert_eq!(flushes(31, u32::MAX), Some((true, true)));
    assert_eq!(flushes(255, u32::MAX), Some((true, true)));
    let silent = Firmware::new().with(NFIT + CAPABILITIES, &[9]).sealed();
    assert_eq!(facts(silent.found()).2, None);
}

#[test]
fn a_machine_without_it_has_none() {
    let other = Firmware::new().with(NFIT + OTHER_RANGE + 16, &[0]).sealed();
    assert_eq!(other.found(), Ok(None));
    let no_table = Firmware::new().with(NFIT, b"OEM1");
    assert_eq!(no_table.found(), Ok(None));
}

#[test]
fn every_changed_byte_of_a_table_is_noticed() {
    let tables = [0..36, XSDT..XSDT + 52, NFIT..NFIT + END];
    for at in tables.into_iter().flatten() {
        let mut firmware = Firmware::new();
        firmware.0[at] ^= 0x10;
        let found = firmware.found();
        // A table with an unknown signature is no error.
        let renamed = (NFIT..NFIT + 4).contains(&at);
        assert!(if renamed { found == Ok(None) } else { found.is_err() }, "{at}: {found:?}");
    }
}

#[test]
fn lengths_are_not_trusted() {
    let with_length = |at: usize, length: u32| {
        Firmware::new().with(at + 4, &length.to_le_bytes()).sealed().found()
    };
    for table in [XSDT, NFIT] {
        for length in [0, 8, 35] {
            assert_eq!(with_length(table, length), Err(Malformed::Length));
        }
        for length in [SIZE as u32, u32::MAX] {
            assert_eq!(with_length(table, length), Err(Malformed::OutOfBounds));
        }
    }
    // Half an entry.
    assert_eq!(with_length(XSDT, 40), Err(Malformed::Length));
    // Only the head of a structure.
    assert_eq!(with_length(NFIT, END as u32 + 2), Err(Malformed::Length));
    // A table that ends where the structures would begin, or before that.
    assert_eq!(with_length(NFIT, 40), Ok(None));
    assert_eq!(with_length(NFIT, 36), Ok(None));
    // The length of the root pointer.
    for (length, error) in
        [(0, Malformed::Length), (20, Malformed::Length), (u32::MAX, Malformed::OutOfBounds)]
    {
        let firmware = Firmware::new().with(20, &u32::to_le_bytes(length)).sealed();
        assert_eq!(firmware.found(), Err(error));
    }
}

#[test]
fn a_structure_of_no_length_is_no_loop_and_a_long_one_does_not_lead_out() {
    for structure in [RANGE, OTHER_RANGE, CONTROL_REGION, CAPABILITIES] {
        let rest = (END - structure) as u16;
        for length in [0, 1, 2, 3, rest + 1, u16::MAX] {
            let firmware =
                Firmware::new().with(NFIT + structure + 2, &length.to_le_bytes()).sealed();
            assert_eq!(firmware.found(), Err(Malformed::Length), "{structure}: {length}");
        }
    }
    // A structure that is shorter than its fields.
    let short = Firmware::new().with(NFIT + OTHER_RANGE + 2, &[40]).sealed();
    assert_eq!(short.found(), Err(Malformed::Length));
    let short = Firmware::new().with(NFIT + CAPABILITIES + 2, &[8]).sealed();
    assert_eq!(short.found(), Err(Malformed::Length));
}

#[test]
fn pointers_are_not_trusted() {
    for address in [0, BASE - 1, BASE + SIZE as u64 - 3, u64::MAX - 3, u64::MAX] {
        for at in [24, XSDT + 36, XSDT + 44] {
            let firmware = Firmware::new().with(at, &address.to_le_bytes()).sealed();
            let expected = if (at, address) == (24, 0) {
                Ok(()) // There is no XSDT.
            } else {
                Err(Malformed::OutOfBounds)
            };
            assert_eq!(firmware.found().map(drop), expected, "{at}: {address:#x}");
        }
    }
    let other = Firmware::new().with(24, &(BASE + NFIT as u64).to_le_bytes()).sealed();
    assert_eq!(other.found(), Err(Malformed::Signature));
}

/// Two adjacent bytes are changed and the checksums made right again: the search ends, and reads
/// few bytes.
#[test]
fn the_search_always_ends() {
    let mut most = 0;
    for at in [0..36, RSDT..RSDT + 44, XSDT..XSDT + 52, NFIT..NFIT + END].into_iter().flatten() {
        for values in [[0, 0], [0xff, 0xff], [0, 1], [1, 0], [0x80, 0], [4, 0]] {
            most = most.max(Firmware::new().with(at, &values).sealed().search().1);
        }
    }
    println!("at most {most} bytes are read");
    assert!(most < 4 * SIZE, "{most}");
}
