//! The IDT: one interrupt gate for each of the 256 vectors, each to its stub in `trampolines.s`.
//! Interrupt gates mask interrupts on entry, so handlers do not nest unless one of them unmasks.

use core::sync::atomic::{AtomicPtr, Ordering};

use static_cell::StaticCell;
use x86_64::{
    VirtAddr,
    instructions::tables::lidt,
    structures::{DescriptorTablePointer, idt::Entry},
};

use crate::{segments::DOUBLE_FAULT_STACK, vectors};

unsafe extern "C" {
    /// 256 stubs of 16 bytes, from `trampolines.s`.
    static trampolines: [[u8; 16]; 256];
}

type Gate = Entry<()>;

/// The table, once it is filled.
static TABLE: AtomicPtr<Gate> = AtomicPtr::new(core::ptr::null_mut());

/// Fills and loads the table. Called once, by `start`, with the lasting GDT loaded.
pub(crate) fn load() {
    static IDT: StaticCell<[Gate; 256]> = StaticCell::new();

    let idt = IDT.init([const { Gate::missing() }; 256]);
    for (vector, gate) in idt.iter_mut().enumerate() {
        // SAFETY: only the address is taken.
        let stub = VirtAddr::from_ptr(unsafe { &raw const trampolines[vector] });
        // SAFETY: each stub is an entry as this vector needs it: `trampolines.s` knows which
        // vectors push an error code.
        let options = unsafe { gate.set_handler_addr(stub) };
        if vector == usize::from(vectors::DOUBLE_FAULT) {
            // SAFETY: `segments` has put a stack there, and no other vector uses it.
            unsafe { options.set_stack_index(DOUBLE_FAULT_STACK) };
        }
    }
    TABLE.store(idt.as_mut_ptr(), Ordering::Release);
    load_filled();
}

/// Loads the table that [`load`] has filled: the cores share it.
pub(crate) fn load_filled() {
    let pointer = DescriptorTablePointer {
        limit: (size_of::<[Gate; 256]>() - 1) as u16,
        base: VirtAddr::from_ptr(TABLE.load(Ordering::Acquire)),
    };
    // SAFETY: the table is complete and lives for ever.
    unsafe { lidt(&pointer) };
}

/// Leads a vector past its stub, to `entry`. After `load`, interrupts masked.
///
/// # Safety
/// `entry` is what this vector's gate may lead to.
pub(crate) unsafe fn redirect(vector: u8, entry: VirtAddr) {
    let table = TABLE.load(Ordering::Acquire);
    // SAFETY: `load` has filled a table of 256 gates, to which there is no reference.
    let gate = unsafe { &mut *table.add(usize::from(vector)) };
    // SAFETY: by the caller.
    unsafe { gate.set_handler_addr(entry) };
}
