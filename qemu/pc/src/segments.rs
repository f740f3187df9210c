//! The lasting GDT, and a TSS for the one thing it is needed for: a stack of their own for double
//! faults, so that a stack that overflowed into its guard page is reported and does not end in a
//! triple fault.

use static_cell::StaticCell;
use x86_64::{
    VirtAddr,
    instructions::{
        segmentation::{CS, Segment},
        tables::load_tss,
    },
    structures::{
        gdt::{Descriptor, GlobalDescriptorTable},
        tss::TaskStateSegment,
    },
};

/// Which entry of the TSS's interrupt stack table is the stack for double faults.
pub(crate) const DOUBLE_FAULT_STACK: u16 = 0;

/// 16 KiB, aligned as the ABI wants it.
type Stack = [u128; 1024];

/// Loads both. Called once, by `boot`.
pub(crate) fn load() {
    static STACK: StaticCell<Stack> = StaticCell::new();
    static TSS: StaticCell<TaskStateSegment> = StaticCell::new();
    static GDT: StaticCell<GlobalDescriptorTable> = StaticCell::new();

    let stack = STACK.uninit().as_mut_ptr();
    let tss = TSS.init(TaskStateSegment::new());
    tss.interrupt_stack_table[usize::from(DOUBLE_FAULT_STACK)] =
        VirtAddr::from_ptr(stack) + size_of::<Stack>() as u64;

    let gdt = GDT.init(GlobalDescriptorTable::new());
    let code = gdt.append(Descriptor::kernel_code_segment());
    let tss = gdt.append(Descriptor::tss_segment(tss));
    gdt.load();
    // SAFETY: both selectors were just made for this table; the code segment is a 64-bit one like
    // the one in use.
    unsafe {
        CS::set_reg(code);
        load_tss(tss);
    }
}
