//! What a PVH loader hands over: `hvm_start_info` of Xen's public header
//! `arch-x86/hvm/start_info.h`.
//!
//! The firmware's tables lie in memory that is the program's, in part in page 0. So all of them are
//! copied.

use core::{ffi::CStr, slice};

use static_cell::StaticCell;

/// The head of the tables.
#[repr(C)]
pub(crate) struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

const MAGIC: u32 = 0x336e_c578;

const LONGEST_COMMAND_LINE: usize = 1024;
const MOST_RANGES: usize = 32;

/// A range of physical addresses and what is there.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Range {
    /// First address.
    pub start: u64,
    /// Length in bytes.
    pub size: u64,
    /// As in an E820 map: 1 is memory.
    pub kind: u32,
    reserved: u32,
}

/// Which addresses are memory, as the firmware says.
#[derive(Debug)]
pub struct MemoryMap {
    ranges: [Range; MOST_RANGES],
    count: usize,
    rsdp: u64,
}

impl MemoryMap {
    /// All ranges, also those that are reserved.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges[..self.count]
    }

    /// The ranges that are memory.
    pub fn usable(&self) -> impl Iterator<Item = Range> {
        self.ranges().iter().copied().filter(|range| range.kind == 1)
    }

    /// Address of ACPI's root pointer, if the firmware has found one.
    #[must_use]
    pub fn rsdp(&self) -> Option<u64> {
        (self.rsdp != 0).then_some(self.rsdp)
    }
}

/// The command line and the memory map. Called once, by `start`.
///
/// # Safety
/// `start_info` is what the firmware handed over at the PVH entry, and memory outside the linked
/// image is as it was then.
///
/// # Panics
/// If it is not that (wrong magic, a command line that is not UTF-8) or does not fit.
pub(crate) unsafe fn read(start_info: *const StartInfo) -> (&'static str, MemoryMap) {
    static COMMAND_LINE: StaticCell<[u8; LONGEST_COMMAND_LINE]> = StaticCell::new();

    // SAFETY: by the contract.
    let info = unsafe { &*start_info };
    assert_eq!(info.magic, MAGIC, "not booted by PVH");

    let mut command_line = "";
    if info.command_line != 0 {
        // SAFETY: PVH says: the address of a NUL-terminated string, or 0.
        let bytes = unsafe { CStr::from_ptr(info.command_line as *const _) }.to_bytes();
        let copy = &mut COMMAND_LINE.init([0; LONGEST_COMMAND_LINE])[..bytes.len()];
        copy.copy_from_slice(bytes);
        command_line = str::from_utf8(copy).expect("the command line is UTF-8");
    }

    let mut memory =
        MemoryMap { ranges: [Range::default(); MOST_RANGES], count: 0, rsdp: info.rsdp };
    if info.version >= 1 && info.memory_map != 0 {
        memory.count = info.memory_map_entries as usize;
        // SAFETY: PVH says, from version 1 on: an array of this many entries, or 0.
        let ranges =
            unsafe { slice::from_raw_parts(info.memory_map as *const Range, memory.count) };
        memory.ranges[..memory.count].copy_from_slice(ranges);
    }
    (command_line, memory)
}
