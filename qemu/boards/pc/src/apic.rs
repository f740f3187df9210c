//! The local APIC and the IOAPIC, at the addresses where every PC has them.

/// The one of the core that asks: each has its own, at the same address.
pub(crate) mod local {
    use x86_64::registers::model_specific::Msr;

    use common::mmio::Mmio;

    use crate::vectors;

    const BASE: u64 = 0xfee0_0000;
    // SAFETY: `enable` puts it there; mapped by `start`. No access makes it touch memory.
    const REGISTERS: Mmio = unsafe { Mmio::new(BASE as usize, 0x1000) };

    const TASK_PRIORITY: usize = 0x80;
    const END_OF_INTERRUPT: usize = 0xb0;
    const SPURIOUS: usize = 0xf0;
    const COMMAND: usize = 0x300;
    const TIMER: usize = 0x320;
    const INPUT_0: usize = 0x350;
    const INPUT_1: usize = 0x360;
    const INITIAL_COUNT: usize = 0x380;
    const CURRENT_COUNT: usize = 0x390;
    const DIVIDE: usize = 0x3e0;

    const MASKED: u32 = 1 << 16;
    const PERIODIC: u32 = 1 << 17;
    const EXTERNAL: u32 = 7 << 8;

    /// On, with nothing coming through.
    pub(crate) fn enable() {
        const ON: u64 = 1 << 11;
        let mut base = Msr::new(0x1b);
        // SAFETY: the APIC's architectural place, which nothing else uses.
        unsafe { base.write(BASE | ON | base.read() & 1 << 8) };
        REGISTERS.write32(SPURIOUS, u32::from(vectors::SPURIOUS) | 1 << 8);
        REGISTERS.write32(TASK_PRIORITY, 0);
        REGISTERS.write32(TIMER, MASKED | u32::from(vectors::SPURIOUS));
        // Not INPUT_0: while the 8259 may still ask, QEMU 7.2 would keep a stale request and
        // deliver a vector of -1. `pass_pic_through` sets it, once the 8259 is masked.
        REGISTERS.write32(INPUT_1, MASKED);
    }

    /// The 8259 pair is wired to input 0.
    pub(crate) fn pass_pic_through(yes: bool) {
        REGISTERS.write32(INPUT_0, if yes { EXTERNAL } else { MASKED });
    }

    #[inline]
    pub(crate) fn end_of_interrupt() {
        REGISTERS.write32(END_OF_INTERRUPT, 0);
    }

    const ASSERT: u32 = 1 << 14;

    pub(crate) fn send_self(vector: u8) {
        const TO_SELF: u32 = 1 << 18;
        REGISTERS.write32(COMMAND, TO_SELF | ASSERT | u32::from(vector));
    }

    /// To every core but this one. One store: a handler in between that sends too disturbs nothing.
    #[inline]
    pub(crate) fn send_others(command: u32) {
        const TO_OTHERS: u32 = 3 << 18;
        REGISTERS.write32(COMMAND, TO_OTHERS | ASSERT | command);
    }

    #[cfg(feature = "second-core")]
    pub(crate) fn send_to(core: crate::cpu::Core, command: u32) {
        const DESTINATION: usize = 0x310;
        critical_section::with(|_| {
            REGISTERS.write32(DESTINATION, core.apic_id() << 24);
            REGISTERS.write32(COMMAND, ASSERT | command);
        });
    }

    pub(crate) fn set_timer_vector(vector: u8) {
        REGISTERS.write32(TIMER, MASKED | u32::from(vector));
    }

    pub(crate) fn mask_timer() {
        change_timer(|entry| entry | MASKED);
    }

    pub(crate) fn unmask_timer() {
        change_timer(|entry| entry & !MASKED);
    }

    fn change_timer(change: impl FnOnce(u32) -> u32) {
        critical_section::with(|_| REGISTERS.write32(TIMER, change(REGISTERS.read32(TIMER))));
    }

    /// Chooses mode and speed (the clock divided by 2 to the `shift`, at most 7), the timer
    /// stopped.
    pub(crate) fn set_up_timer(periodic: bool, shift: u32) {
        stop_timer();
        change_timer(|entry| if periodic { entry | PERIODIC } else { entry & !PERIODIC });
        // Encoded as bits 3, 1 and 0: 0 is "by 2", 7 is "by 1".
        let code = shift.wrapping_sub(1) & 7;
        REGISTERS.write32(DIVIDE, (code & 4) << 1 | code & 3);
    }

    /// Counts down from here.
    #[inline(always)]
    pub(crate) fn start_timer(count: u32) {
        REGISTERS.write32(INITIAL_COUNT, count);
    }

    pub(crate) fn stop_timer() {
        REGISTERS.write32(INITIAL_COUNT, 0);
    }

    #[inline(always)]
    pub(crate) fn timer_count() -> u32 {
        REGISTERS.read32(CURRENT_COUNT)
    }
}

/// The one of the chipset: GSI 0 to 23.
pub(crate) mod io {
    use common::mmio::Mmio;

    use crate::cpu::Core;

    // SAFETY: where all three machines have it, whatever runs; mapped by `start`. No access makes it
    // touch memory.
    const REGISTERS: Mmio = unsafe { Mmio::new(0xfec0_0000, 0x20) };

    const SELECT: usize = 0x00;
    const WINDOW: usize = 0x10;

    const VERSION: u32 = 0x01;
    const MASKED: u32 = 1 << 16;
    const LEVEL: u32 = 1 << 15;

    /// Everything masked. The trigger is set already: QEMU's model forgets a level that rises on a
    /// masked edge input.
    pub(crate) fn start() {
        let last = read(VERSION) >> 16 & 0xff;
        for gsi in 0..=last {
            write(low(gsi), trigger(gsi) | MASKED);
            write(low(gsi) + 1, 0);
        }
    }

    pub(crate) fn enable(gsi: u8, vector: u8, core: Core) {
        let gsi = u32::from(gsi);
        critical_section::with(|_| {
            write(low(gsi) + 1, core.apic_id() << 24);
            write(low(gsi), trigger(gsi) | u32::from(vector));
        });
    }

    /// As QEMU's ACPI tables declare it: what PCI may be routed to is level, active high; the rest
    /// is edge.
    fn trigger(gsi: u32) -> u32 {
        if matches!(gsi, 5 | 9 | 10 | 11 | 16..) { LEVEL } else { 0 }
    }

    pub(crate) fn disable(gsi: u8) {
        critical_section::with(|_| {
            let entry = read(low(gsi.into()));
            write(low(gsi.into()), entry | MASKED);
        });
    }

    /// The register of the entry's lower half; the upper half is the next.
    fn low(gsi: u32) -> u32 {
        0x10 + 2 * gsi
    }

    /// Select and window are a pair: in a critical section, or before interrupts are enabled.
    fn read(register: u32) -> u32 {
        REGISTERS.write32(SELECT, register);
        REGISTERS.read32(WINDOW)
    }

    /// As for `read`.
    fn write(register: u32, value: u32) {
        REGISTERS.write32(SELECT, register);
        REGISTERS.write32(WINDOW, value);
    }
}
