//! The NVDIMM: where it is, whether the caches survive a power cut with it, and its one owner.

// Invariants:
// 1. The first `take` that finds it hands it out, and nothing else makes a reference into it. While
//    the guest runs, QEMU is the only program on the host that has its file open.
// 2. It lies where `start` maps memory write-back, and outside of the memory that the program and
//    the firmware use.

use core::sync::atomic::{AtomicBool, Ordering};

use wouldblock::{
    cache::Cache,
    persist::{Domain, Misaligned, Region},
};

use crate::{
    acpi::{self, Malformed, Persistent},
    board,
    hvm::MemoryMap,
    start::{DEVICES, MAPPED},
};

/// Why the machine's NVDIMM cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// ACPI's tables make no sense.
    Tables(Malformed),
    /// It is empty, not whole pages, or lies beyond the first 8 GiB or among the devices.
    NotMapped,
    /// It lies in other memory.
    Overlap,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Tables(malformed) => write!(f, "ACPI's tables make no sense: {malformed}"),
            Self::NotMapped => f.write_str("the NVDIMM is not where the board maps memory"),
            Self::Overlap => f.write_str("the NVDIMM lies in other memory"),
        }
    }
}

impl core::error::Error for Error {}

/// The NVDIMM.
#[derive(Debug)]
pub struct Nvdimm {
    base: u64,
    memory: &'static mut [u8],
    domain: Domain,
}

/// The machine's first NVDIMM, once; `None` after that, and on a machine that has none. Reads the
/// firmware's tables only now.
///
/// # Errors
/// [`Error`].
pub fn take() -> Result<Option<Nvdimm>, Error> {
    static TAKEN: AtomicBool = AtomicBool::new(false);

    let map = &board().memory;
    let Some(rsdp) = map.rsdp() else {
        return Ok(None);
    };
    let read = |address, into: &mut [u8]| read_firmware(map, address, into);
    let Some(found) = acpi::persistent_memory(&read, rsdp).map_err(Error::Tables)? else {
        return Ok(None);
    };
    check(found, map)?;
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(None);
    }
    // SAFETY: by `check` it is mapped and other than the program's memory (invariant 2), and handed
    // out here only, once (invariant 1). Every byte is initialized: it is the host's file.
    let memory =
        unsafe { core::slice::from_raw_parts_mut(found.base as *mut u8, found.length as usize) };
    // A platform that says nothing is taken for the weaker kind: to flush is never wrong.
    let eadr = found.capabilities.is_some_and(|capabilities| capabilities.flushes_caches());
    let domain = if eadr { Domain::Caches } else { Domain::MemoryController };
    Ok(Some(Nvdimm { base: found.base, memory, domain }))
}

impl Nvdimm {
    /// Its first physical address.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        self.memory.len()
    }

    /// What survives a power cut, as the platform says. If it says nothing: only what has reached
    /// the memory controller.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// All of it as a persistent region.
    ///
    /// # Errors
    /// [`Misaligned`]: on a CPU whose lines are longer than a page; there is none.
    pub fn region(&mut self, cache: Cache) -> Result<Region<'_>, Misaligned> {
        Region::new(self.memory, cache, self.domain)
    }
}

/// Page 0 is not mapped.
const PAGE: u64 = 4096;

/// Invariant 2.
fn check(found: Persistent, map: &MemoryMap) -> Result<(), Error> {
    let Persistent { base, length, .. } = found;
    let end = base.checked_add(length).filter(|&end| end <= MAPPED).ok_or(Error::NotMapped)?;
    let overlaps = |start: u64, size| base < start.saturating_add(size) && start < end;
    let whole_pages = length > 0 && base.is_multiple_of(PAGE) && length.is_multiple_of(PAGE);
    if !whole_pages || overlaps(DEVICES.start, DEVICES.end - DEVICES.start) {
        return Err(Error::NotMapped);
    }
    /// Persistent memory itself, in an E820 map (ACPI 6.5, table 15.6).
    const PERSISTENT: u32 = 7;
    let mut others = map.ranges().iter().filter(|range| range.kind != PERSISTENT);
    if others.any(|range| overlaps(range.start, range.size)) {
        return Err(Error::Overlap);
    }
    Ok(())
}

/// Reads the memory that the firmware keeps for itself. Each table lies in one such range of the
/// memory map.
fn read_firmware(map: &MemoryMap, address: u64, into: &mut [u8]) -> Option<()> {
    const MEMORY: u32 = 1;
    let end = address.checked_add(into.len() as u64).filter(|&end| end <= MAPPED)?;
    map.ranges().iter().find(|range| {
        let kept = range.start.max(PAGE)..range.start.saturating_add(range.size);
        range.kind != MEMORY && kept.start <= address && end <= kept.end
    })?;
    for (byte, address) in into.iter_mut().zip(address..) {
        // SAFETY: mapped, and none of the program's memory, which is of kind 1. Volatile: it may be
        // a device's; those that the map names have no registers that change when they are read.
        *byte = unsafe { (address as *const u8).read_volatile() };
    }
    Some(())
}
