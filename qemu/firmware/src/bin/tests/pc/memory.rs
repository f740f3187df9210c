//! What the loader says of the memory, and which addresses are mapped.

use core::{arch::asm, hint::black_box};

use board::{
    Board,
    exceptions::{self, Exception, Frame},
};

const GIB: u64 = 1 << 30;

crate::registry::test!(memory_map);
fn memory_map(board: &'static Board) {
    let usable: u64 = board.memory.usable().map(|range| range.size).sum();
    assert!(usable > 16 << 20, "only {usable} bytes of memory in the map");
    let here = memory_map as *const () as u64;
    assert!(
        board.memory.usable().any(|range| (range.start..range.start + range.size).contains(&here)),
        "{here:#x}, where this code is, is not memory"
    );
}

crate::registry::test!(mapped_to_8_gib);
fn mapped_to_8_gib(_: &'static Board) {
    for address in [2 << 20, 3 * GIB, 4 * GIB - 4096, 4 * GIB, 8 * GIB - 8] {
        // SAFETY: mapped and aligned. There is memory or nothing at the address, a read has no side
        // effect, and any bytes are a valid `u64`.
        black_box(unsafe { (black_box(address) as *const u64).read_volatile() });
    }
}

crate::registry::test!(not_mapped);
fn not_mapped(_: &'static Board) {
    /// The length of the instruction that reads below.
    const LENGTH: u64 = 2;

    fn skip(frame: &mut Frame) -> bool {
        if !frame.instruction().starts_with(&[0x8a, 0x01]) {
            return false;
        }
        // SAFETY: this is the instruction below, whose result is not used.
        unsafe { frame.skip(LENGTH) };
        true
    }

    // SAFETY: `skip` uses its frame only.
    unsafe { exceptions::set_handler(Exception::PageFault, skip) };
    for address in [0, 4095, 8 * GIB, 1 << 40] {
        let last_fault: u64;
        // SAFETY: either it faults, and `skip` continues after it, or the assertion fails.
        unsafe {
            asm!(
                "mov cr2, {zero}",
                "mov al, byte ptr [rcx]",
                "mov {fault}, cr2",
                zero = in(reg) u64::MAX,
                fault = out(reg) last_fault,
                in("rcx") address,
                out("al") _,
                options(nostack),
            );
        }
        assert_eq!(last_fault, address, "no page fault");
    }
}

crate::registry::test!(acpi_root, needs Pci);
fn acpi_root(board: &'static Board) {
    let root = board.memory.rsdp().expect("SeaBIOS makes one");
    // SAFETY: mapped, and written by SeaBIOS only, before this program started.
    assert_eq!(unsafe { *(root as *const [u8; 8]) }, *b"RSD PTR ");
}
