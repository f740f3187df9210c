//! The lasting GDT of each core, and a TSS for two things: a stack of their own for double faults, so
//! that a stack that overflowed into its guard page is reported and does not end in a triple fault;
//! and to tell the cores apart, since the TSS of each has a selector of its own.

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

use crate::cpu::{Core, SECOND_TASK};

/// Which entry of the TSS's interrupt stack table is the stack for double faults.
pub(crate) const DOUBLE_FAULT_STACK: u16 = 0;

/// 16 KiB, aligned as the ABI wants it.
type Stack = [u128; 1024];

/// What one core has.
struct Segments {
    stack: StaticCell<Stack>,
    tss: StaticCell<TaskStateSegment>,
    gdt: StaticCell<GlobalDescriptorTable>,
}

/// Loads both. Called once on each core, by `start`.
pub(crate) fn load(core: Core) {
    static SEGMENTS: [Segments; Core::COUNT] = [const {
        Segments { stack: StaticCell::new(), tss: StaticCell::new(), gdt: StaticCell::new() }
    }; Core::COUNT];

    let segments = &SEGMENTS[core as usize];
    let stack = segments.stack.uninit().as_mut_ptr();
    let tss = segments.tss.init(TaskStateSegment::new());
    tss.interrupt_stack_table[usize::from(DOUBLE_FAULT_STACK)] =
        VirtAddr::from_ptr(stack) + size_of::<Stack>() as u64;

    let gdt = segments.gdt.init(GlobalDescriptorTable::new());
    let code = gdt.append(Descriptor::kernel_code_segment());
    if core == Core::Second {
        // In between, so that its TSS comes by another selector.
        gdt.append(Descriptor::kernel_data_segment());
    }
    let tss = gdt.append(Descriptor::tss_segment(tss));
    assert!(core == Core::First || tss.0 == SECOND_TASK, "`cpu` tells the cores apart by it");
    gdt.load();
    // SAFETY: both selectors were just made for this table; the code segment is a 64-bit one like
    // the one in use.
    unsafe {
        CS::set_reg(code);
        load_tss(tss);
    }
}
