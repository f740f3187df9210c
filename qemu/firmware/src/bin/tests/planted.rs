//! Tests that fail on purpose, each in its own way. `list` does not report them; the runner's own
//! tests run each one and expect the failure to be detected.

use core::{
    arch::asm,
    hint::{black_box, spin_loop},
};

use board::{Board, exit, serial};
use firmware::report::{self, Port, Report, Stream};
use wouldblock::uart16550::{Register, Registers};
use x86_64::{
    VirtAddr,
    instructions::{interrupts, tables::lidt},
    structures::DescriptorTablePointer,
};

/// The planted test of that name (from the command line).
pub fn find(name: &str) -> Option<fn(&'static Board)> {
    Some(match name {
        "planted::panic" => panic,
        "planted::hang" => hang,
        "planted::triple_fault" => triple_fault,
        "planted::page_fault" => page_fault,
        "planted::fault_while_logging" => fault_while_logging,
        "planted::stack_overflow" => stack_overflow,
        "planted::stray_interrupt" => stray_interrupt,
        "planted::silent_exit" => silent_exit,
        "planted::wrong_bytes" => wrong_bytes,
        _ => return None,
    })
}

fn panic(_: &'static Board) {
    panic!("planted");
}

fn hang(_: &'static Board) {
    loop {
        spin_loop();
    }
}

fn triple_fault(_: &'static Board) {
    let empty = DescriptorTablePointer { limit: 0, base: VirtAddr::zero() };
    // SAFETY: deliberately unsound: the triple fault is what this test is for.
    unsafe { lidt(&empty) };
    interrupts::int3();
}

fn page_fault(_: &'static Board) {
    let past_the_mapping = black_box(1_u64 << 40) as *const u8;
    // SAFETY: deliberately unsound: the page fault is what this test is for.
    unsafe { past_the_mapping.read_volatile() };
}

fn fault_while_logging(board: &'static Board) {
    struct Faults(&'static Board);

    impl defmt::Format for Faults {
        fn format(&self, _: defmt::Formatter) {
            page_fault(self.0);
        }
    }

    defmt::error!("half of a message, then {}", Faults(board));
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

fn silent_exit(_: &'static Board) {
    exit::silently()
}

fn wrong_bytes(_: &'static Board) {
    report::send(&Report::Sends(Stream { port: Port::Com2, bytes: 1, seed: 1 }));
    serial::COM2.write(Register::Data, b'?');
}
