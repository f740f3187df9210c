//! What RTIC needs of a peripheral crate, for the two interrupts that are used here. With the
//! peripheral crate of your chip, leave this file out.

use cortex_m::interrupt::InterruptNumber;

pub use Interrupt as interrupt;

/// The bits of a priority that the chip has.
pub const NVIC_PRIO_BITS: u8 = 3;

/// The interrupts, by their number.
#[allow(
    non_camel_case_types,
    clippy::upper_case_acronyms,
    reason = "the names are those of the chip's manual, as a peripheral crate has them"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Interrupt {
    UART5 = 8,
    /// No device is connected to it: RTIC runs its async tasks in it.
    UNUSED = 40,
}

// SAFETY: each interrupt has its own number, that of the chip, which does not change.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

#[derive(Clone, Copy)]
union Vector {
    handler: unsafe extern "C" fn(),
    reserved: usize,
}

extern "C" {
    fn UART5();
    fn UNUSED();
}

#[link_section = ".vector_table.interrupts"]
#[no_mangle]
static __INTERRUPTS: [Vector; 41] = {
    let mut vectors = [Vector { reserved: 0 }; 41];
    vectors[Interrupt::UART5 as usize] = Vector { handler: UART5 };
    vectors[Interrupt::UNUSED as usize] = Vector { handler: UNUSED };
    vectors
};
