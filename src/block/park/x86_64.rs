//! `sti` takes effect only after the next instruction, which is the `hlt` (Intel SDM vol. 2, STI),
//! so an interrupt in between still ends the `hlt`.

use ::x86_64::instructions::interrupts;

#[inline(always)]
pub fn has_masked_interrupts() -> bool {
    !interrupts::are_enabled()
}

#[inline(always)]
pub fn sleep_unless(news: impl Fn() -> bool) {
    interrupts::disable();
    if news() { interrupts::enable() } else { interrupts::enable_and_hlt() }
}
