//! Failures of a PC.

use core::{arch::asm, hint::black_box};

use board::Board;
use x86_64::{
    VirtAddr,
    instructions::{interrupts, tables::lidt},
    structures::DescriptorTablePointer,
};

/// Those that no other machine has.
pub fn find(name: &str) -> Option<fn(&'static Board)> {
    Some(match name {
        "triple_fault" => triple_fault,
        "page_fault" => |_| fault(),
        "stack_overflow" => stack_overflow,
        "stray_interrupt" => stray_interrupt,
        _ => return None,
    })
}

/// A page fault: exception 14.
pub fn fault() {
    let past_the_mapping = black_box(1_u64 << 40) as *const u8;
    // SAFETY: deliberately unsound: the page fault is what this test is for.
    unsafe { past_the_mapping.read_volatile() };
}

fn triple_fault(_: &'static Board) {
    let empty = DescriptorTablePointer { limit: 0, base: VirtAddr::zero() };
    // SAFETY: deliberately unsound: the triple fault is what this test is for.
    unsafe { lidt(&empty) };
    interrupts::int3();
}

fn stack_overflow(_: &'static Board) {
    fn deeper(depth: u64) -> u64 {
        let here = black_box([depth; 64]);
        if depth == u64::MAX {
            return 0;
        }
        here[0] + deeper(depth + 1)
    }
    black_box(deeper(black_box(0)));
}

fn stray_interrupt(_: &'static Board) {
    // SAFETY: the board ends the run at a vector without a handler.
    unsafe { asm!("int 0x30") };
}
