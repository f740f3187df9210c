//! The pair of 8259s: IRQ 0 to 15 at vectors 32 to 47.
//!
//! Invariant: after `start` the pair is only touched here, in critical sections or in a handler
//! with interrupts masked.

use pic8259::ChainedPics;
use x86_64::instructions::port::Port;

use crate::vectors;

/// The registers that read as "interrupt request" unless told otherwise.
const COMMAND: [u16; 2] = [0x20, 0xa0];
/// Edge/level control registers.
const ELCR: u16 = 0x4d0;

fn pics() -> ChainedPics {
    // SAFETY: a multiple of 8 each, above the exceptions; the pair keeps its state itself, this is
    // only its addresses.
    unsafe { ChainedPics::new(vectors::FIRST, vectors::FIRST + 8) }
}

/// Remaps the pair, everything masked.
pub(crate) fn start() {
    let mut pics = pics();
    // SAFETY: the IDT is loaded, and all the pair's vectors lead to `interrupts::dispatch`.
    unsafe {
        pics.initialize();
        pics.disable();
    }
}

/// Lets an IRQ through. The second 8259 comes in over IRQ 2 of the first.
pub(crate) fn unmask(irq: u8, level: bool) {
    critical_section::with(|_| {
        set_trigger(irq, level);
        change_masks(|masks| masks & !(1 << irq) & !(1 << 2));
    });
}

pub(crate) fn mask(irq: u8) {
    critical_section::with(|_| change_masks(|masks| masks | 1 << irq));
}

fn change_masks(change: impl FnOnce(u16) -> u16) {
    let mut pics = pics();
    // SAFETY: masks have no effect on memory; `start` has initialized the pair.
    unsafe {
        let [low, high] = change(u16::from_le_bytes(pics.read_masks())).to_le_bytes();
        pics.write_masks(low, high);
    }
}

/// Level lines must be level here too: an edge-triggered input would miss a device that asks while
/// another one still does.
fn set_trigger(irq: u8, level: bool) {
    let mut port = Port::<u8>::new(ELCR + u16::from(irq / 8));
    let bit = 1 << (irq % 8);
    // SAFETY: the registers exist on all PCI chipsets and on QEMU's ISA bus; they have no effect on
    // memory.
    unsafe {
        let levels = port.read();
        let wanted = if level { levels | bit } else { levels & !bit };
        if wanted != levels {
            port.write(wanted);
        }
    }
}

/// To both 8259s if it came over the second.
pub(crate) fn end_of_interrupt(vector: u8) {
    // SAFETY: called by the handler of an interrupt of this vector (`Line::acknowledge`); it has no
    // effect on memory.
    unsafe { pics().notify_end_of_interrupt(vector) }
}

/// An 8259 whose request went away before it could say which says 7. Whether that was so is in its
/// in-service register. If the second one did it, the first one did have a request, from the
/// second, and is owed its end.
pub(crate) fn settle_spurious(vector: u8) -> bool {
    const READ_IN_SERVICE: u8 = 0x0b;
    const READ_REQUESTED: u8 = 0x0a;

    let irq = vector.wrapping_sub(vectors::FIRST);
    if irq != 7 && irq != 15 {
        return false;
    }
    let mut port = Port::<u8>::new(COMMAND[usize::from(irq / 8)]);
    // SAFETY: chooses which register reads, and back; no effect on memory. Interrupts are masked.
    let in_service = unsafe {
        port.write(READ_IN_SERVICE);
        let value = port.read();
        port.write(READ_REQUESTED);
        value
    };
    let spurious = in_service & 1 << 7 == 0;
    if spurious && irq == 15 {
        end_of_interrupt(vectors::FIRST);
    }
    spurious
}
