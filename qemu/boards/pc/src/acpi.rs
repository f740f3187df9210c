//! ACPI's tables, as far as the board needs them: from the root pointer to the NFIT, and in it to
//! persistent memory (ACPI 6.5: 5.2.5.3 RSDP, 5.2.7 RSDT, 5.2.8 XSDT, 5.2.26 NFIT).
//!
//! This file does not need the board, so it is tested on the host (`host-tests/tests/acpi.rs`).

// Invariant: no table is trusted. Memory is read only through `Memory`, which refuses addresses that
// are not the firmware's; a length is compared with its surroundings before it is used; every loop
// gets nearer to its end with each round.

/// The firmware's memory: fills `into` from a physical address, or returns `None` where that is
/// not the firmware's.
pub trait Memory: Fn(u64, &mut [u8]) -> Option<()> {}

impl<F: Fn(u64, &mut [u8]) -> Option<()>> Memory for F {}

/// What is wrong with the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// An address or a length leads out of the firmware's memory.
    OutOfBounds,
    /// The table is another one than its pointer says.
    Signature,
    /// The bytes of a table do not add up to 0.
    Checksum,
    /// A table or a structure is shorter than its contents, or longer than what contains it.
    Length,
}

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::OutOfBounds => "it leads out of the firmware's memory",
            Self::Signature => "a pointer leads to another table",
            Self::Checksum => "a checksum is wrong",
            Self::Length => "a length is impossible",
        })
    }
}

impl core::error::Error for Malformed {}

/// A range of persistent memory, as the NFIT says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persistent {
    /// Its first physical address.
    pub base: u64,
    /// Its length in bytes.
    pub length: u64,
    /// What the platform does when the power goes; `None` if it does not say.
    pub capabilities: Option<Capabilities>,
}

/// The NFIT's platform capabilities (5.2.26.9), those that it declares valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u32);

impl Capabilities {
    /// When the power goes, the CPU's caches are flushed to the memory: eADR.
    #[must_use]
    pub fn flushes_caches(self) -> bool {
        self.0 & 1 << 0 != 0
    }

    /// When the power goes, the memory controller's queues are: ADR.
    #[must_use]
    pub fn flushes_memory_controller(self) -> bool {
        self.0 & 1 << 1 != 0
    }
}

/// 66F0D379-B4F3-4074-AC43-0D3318B78CDB: byte-addressable persistent memory (5.2.26.2).
const PERSISTENT_MEMORY: [u8; 16] = [
    0x79, 0xd3, 0xf0, 0x66, 0xf3, 0xb4, 0x74, 0x40, 0xac, 0x43, 0x0d, 0x33, 0x18, 0xb7, 0x8c, 0xdb,
];

/// The first range of persistent memory; `None` if the tables name none.
///
/// # Errors
/// [`Malformed`].
pub fn persistent_memory(memory: &impl Memory, rsdp: u64) -> Result<Option<Persistent>, Malformed> {
    /// The header and four reserved bytes.
    const STRUCTURES: u32 = 40;
    const SPA_RANGE: u16 = 0;
    const PLATFORM_CAPABILITIES: u16 = 7;

    let Some(nfit) = find(memory, rsdp, *b"NFIT")? else {
        return Ok(None);
    };
    let (mut range, mut capabilities) = (None, None);
    let mut at = STRUCTURES;
    while at < nfit.length {
        let [kind, length] = halves(nfit.field(at)?);
        let length = u32::from(length);
        // A length of 0 too: the loop would not advance.
        if length < 4 || length > nfit.length - at {
            return Err(Malformed::Length);
        }
        let structure = Table { address: nfit.address + u64::from(at), length, ..nfit };
        match kind {
            SPA_RANGE if range.is_none() && structure.field(16)? == PERSISTENT_MEMORY => {
                let base = u64::from_le_bytes(structure.field(32)?);
                range = Some((base, u64::from_le_bytes(structure.field(40)?)));
            }
            PLATFORM_CAPABILITIES => {
                let [highest] = structure.field(4)?;
                let valid = u32::MAX >> 31_u32.saturating_sub(highest.into());
                capabilities = Some(Capabilities(u32::from_le_bytes(structure.field(8)?) & valid));
            }
            _ => {}
        }
        at += length;
    }
    Ok(range.map(|(base, length)| Persistent { base, length, capabilities }))
}

/// Kind and length of a structure.
fn halves([a, b, c, d]: [u8; 4]) -> [u16; 2] {
    [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
}

/// The table with this signature, which the root table names.
fn find<M: Memory>(
    memory: &M,
    rsdp: u64,
    signature: [u8; 4],
) -> Result<Option<Table<'_, M>>, Malformed> {
    let (root, entry) = root(memory, rsdp)?;
    for at in (Table::<M>::HEADER..root.length).step_by(entry) {
        let address = if entry == 8 {
            u64::from_le_bytes(root.field(at)?)
        } else {
            u32::from_le_bytes(root.field(at)?).into()
        };
        // Only the table that is looked for is read further. The others may be broken.
        let head = Table { memory, address, length: 4 };
        if head.field(0)? == signature {
            return Table::at(memory, address, signature).map(Some);
        }
    }
    Ok(None)
}

/// The root table, and how long its entries are: the XSDT if there is one, else the RSDT.
fn root<M: Memory>(memory: &M, address: u64) -> Result<(Table<'_, M>, usize), Malformed> {
    const FIRST_VERSION: u32 = 20;
    const REVISION: u32 = 15;
    let rsdp = Table { memory, address, length: FIRST_VERSION };
    if rsdp.field(0)? != *b"RSD PTR " {
        return Err(Malformed::Signature);
    }
    rsdp.check()?;
    if rsdp.field(REVISION)? >= [2] {
        let length = u32::from_le_bytes(Table { length: 36, ..rsdp }.field(20)?);
        let rsdp = Table { length, ..rsdp };
        let xsdt = u64::from_le_bytes(rsdp.field(24)?);
        rsdp.check()?;
        if xsdt != 0 {
            return Ok((Table::at(memory, xsdt, *b"XSDT")?, 8));
        }
    }
    let rsdt = u32::from_le_bytes(rsdp.field(16)?);
    Ok((Table::at(memory, rsdt.into(), *b"RSDT")?, 4))
}

/// A table, or a part of one.
struct Table<'m, M> {
    memory: &'m M,
    address: u64,
    length: u32,
}

// By hand: the memory itself is not copied.
impl<M> Clone for Table<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Table<'_, M> {}

impl<'m, M: Memory> Table<'m, M> {
    /// Signature, length, revision, checksum, and whose it is.
    const HEADER: u32 = 36;

    /// The whole table at this address.
    fn at(memory: &'m M, address: u64, signature: [u8; 4]) -> Result<Self, Malformed> {
        let header = Self { memory, address, length: Self::HEADER };
        if header.field(0)? != signature {
            return Err(Malformed::Signature);
        }
        let length = u32::from_le_bytes(header.field(4)?);
        if length < Self::HEADER {
            return Err(Malformed::Length);
        }
        let table = Self { length, ..header };
        table.check()?;
        Ok(table)
    }

    /// The bytes at this offset.
    fn field<const N: usize>(&self, at: u32) -> Result<[u8; N], Malformed> {
        let left = self.length.checked_sub(at).ok_or(Malformed::Length)?;
        if (left as usize) < N {
            return Err(Malformed::Length);
        }
        let mut bytes = [0; N];
        let address = self.address.checked_add(at.into()).ok_or(Malformed::OutOfBounds)?;
        (self.memory)(address, &mut bytes).ok_or(Malformed::OutOfBounds)?;
        Ok(bytes)
    }

    /// All bytes add up to 0.
    fn check(&self) -> Result<(), Malformed> {
        let mut sum = 0_u8;
        for at in 0..self.length {
            let [byte] = self.field(at)?;
            sum = sum.wrapping_add(byte);
        }
        if sum == 0 { Ok(()) } else { Err(Malformed::Checksum) }
    }
}
