//! What a CPU has to flush its cache with: CPUID's answer, or a firmware's own knowledge.

use core::{
    arch::{
        asm,
        x86_64::{__cpuid, __cpuid_count, CpuidResult},
    },
    sync::atomic::{AtomicU32, Ordering},
};

/// An instruction that flushes one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Instruction {
    /// Write back and invalidate, ordered like a store on Intel.
    Clflush = 1,
    /// Write back and invalidate, weakly ordered.
    Clflushopt = 2,
    /// Write back, and keep the line if the CPU likes.
    Clwb = 3,
}

/// A hint or an operation that a CPU may have besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Extra {
    /// Hint: fetch a line in order to write it ([`Cache::prefetch_for_writing`]).
    Prefetchw = 1,
    /// Hint: move a line to a more distant cache ([`Cache::demote`]).
    Cldemote = 2,
    /// Zero a line without fetching it ([`Cache::zero`]).
    Clzero = 4,
    /// Write all back and keep it ([`wbnoinvd`](super::wbnoinvd)).
    Wbnoinvd = 8,
}

/// What this CPU has to flush its cache with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cache {
    line: u16,
    pub(super) flush: Instruction,
    pub(super) write_back: Instruction,
    /// On CPUs other than Intel's CLFLUSH is as weak as CLFLUSHOPT, and needs an MFENCE before and
    /// after it.
    pub(super) clflush_is_weak: bool,
    /// Bits of [`Extra`].
    extras: u8,
}

impl Cache {
    /// What CPUID says. Asked once and kept: CPUID may trap, for microseconds, under a hypervisor.
    /// `None` on a CPU without CLFLUSH.
    pub fn get() -> Option<Self> {
        /// 0: not asked yet. Otherwise bit 0 is set, and the rest is `Cache::pack`.
        static KNOWN: AtomicU32 = AtomicU32::new(0);
        let known = match KNOWN.load(Ordering::Relaxed) {
            0 => {
                let asked = Self::detect().map_or(0, Self::pack) | 1;
                KNOWN.store(asked, Ordering::Relaxed);
                asked
            }
            known => known,
        };
        Self::unpack(known)
    }

    /// As [`get`](Self::get), asked anew.
    pub fn detect() -> Option<Self> {
        const CLFLUSH: u32 = 1 << 19; // leaf 1, EDX
        const CLFLUSHOPT: u32 = 1 << 23; // leaf 7, EBX
        const CLWB: u32 = 1 << 24; // leaf 7, EBX
        let leaf0 = __cpuid(0);
        let leaf1 = __cpuid(1);
        let line = u16::try_from((leaf1.ebx >> 8 & 0xff) * 8).unwrap_or(0);
        if leaf1.edx & CLFLUSH == 0 || !line.is_power_of_two() {
            return None;
        }
        let leaf7 = if leaf0.eax >= 7 { __cpuid_count(7, 0).ebx } else { 0 };
        let flush =
            if leaf7 & CLFLUSHOPT != 0 { Instruction::Clflushopt } else { Instruction::Clflush };
        let write_back = if leaf7 & CLWB != 0 { Instruction::Clwb } else { flush };
        let intel = [leaf0.ebx, leaf0.edx, leaf0.ecx] == INTEL;
        let extras = Self::detect_extras(leaf0.eax);
        Some(Self { line, flush, write_back, clflush_is_weak: !intel, extras })
    }

    /// The bits of [`Extra`]. `last` is the last leaf of the basic ones.
    fn detect_extras(last: u32) -> u8 {
        const CLDEMOTE: u32 = 1 << 25; // leaf 7, ECX
        const PREFETCHW: u32 = 1 << 8; // leaf 8000_0001h, ECX
        const CLZERO: u32 = 1; // leaf 8000_0008h, EBX
        const WBNOINVD: u32 = 1 << 9; // leaf 8000_0008h, EBX
        let last_extended = __cpuid(0x8000_0000).eax;
        let leaf7 = if last >= 7 { __cpuid_count(7, 0).ecx } else { 0 };
        let [extended1, extended8] = [0x8000_0001, 0x8000_0008]
            .map(|leaf| if last_extended >= leaf { __cpuid(leaf) } else { NO_LEAF });
        [
            (leaf7 & CLDEMOTE, Extra::Cldemote),
            (extended1.ecx & PREFETCHW, Extra::Prefetchw),
            (extended8.ebx & CLZERO, Extra::Clzero),
            (extended8.ebx & WBNOINVD, Extra::Wbnoinvd),
        ]
        .into_iter()
        .fold(0, |bits, (found, extra)| if found != 0 { bits | extra as u8 } else { bits })
    }

    /// By hand, for firmware that knows its CPU: bytes in a line, the instruction for
    /// [`Batch::flush`](super::Batch::flush), the one for
    /// [`Batch::write_back`](super::Batch::write_back), and whether CLFLUSH needs MFENCE before and
    /// after it (it does on every CPU but Intel's).
    ///
    /// # Safety
    /// The CPU has both instructions, and its lines are at least `line` bytes long. `line` is a
    /// power of two.
    pub const unsafe fn new(
        line: u16,
        flush: Instruction,
        write_back: Instruction,
        clflush_is_weak: bool,
    ) -> Self {
        Self { line, flush, write_back, clflush_is_weak, extras: 0 }
    }

    /// The same with one more of the [`Extra`] instructions.
    ///
    /// # Safety
    /// The CPU has it. For [`Extra::Clzero`]: its lines are exactly [`line`](Self::line) bytes
    /// long.
    pub const unsafe fn with(self, extra: Extra) -> Self {
        Self { extras: self.extras | extra as u8, ..self }
    }

    /// Whether this CPU has it.
    pub const fn has(&self, extra: Extra) -> bool {
        self.extras & extra as u8 != 0
    }

    /// Whether CLFLUSH is in use and as weak as CLFLUSHOPT.
    pub(super) const fn has_weak_clflush(&self) -> bool {
        self.clflush_is_weak
            && (matches!(self.flush, Instruction::Clflush)
                || matches!(self.write_back, Instruction::Clflush))
    }

    /// Bytes in a line.
    pub const fn line(&self) -> usize {
        self.line as usize
    }

    /// The instruction behind [`Batch::flush`](super::Batch::flush).
    pub const fn flush_instruction(&self) -> Instruction {
        self.flush
    }

    /// The instruction behind [`Batch::write_back`](super::Batch::write_back).
    pub const fn write_back_instruction(&self) -> Instruction {
        self.write_back
    }

    const fn pack(self) -> u32 {
        (self.line as u32) << 16
            | (self.extras as u32) << 12
            | (self.flush as u32) << 8
            | (self.write_back as u32) << 4
            | (self.clflush_is_weak as u32) << 1
    }

    const fn unpack(known: u32) -> Option<Self> {
        const fn instruction(code: u32) -> Option<Instruction> {
            match code & 0xf {
                1 => Some(Instruction::Clflush),
                2 => Some(Instruction::Clflushopt),
                3 => Some(Instruction::Clwb),
                _ => None,
            }
        }
        match (instruction(known >> 8), instruction(known >> 4)) {
            (Some(flush), Some(write_back)) => Some(Self {
                line: (known >> 16) as u16,
                flush,
                write_back,
                clflush_is_weak: known & 2 != 0,
                extras: (known >> 12) as u8 & 0xf,
            }),
            _ => None,
        }
    }
}

/// What a leaf that the CPU does not have says.
const NO_LEAF: CpuidResult = CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 };

/// "GenuineIntel", as CPUID leaf 0 gives it in EBX, EDX, ECX.
const INTEL: [u32; 3] =
    [u32::from_le_bytes(*b"Genu"), u32::from_le_bytes(*b"ineI"), u32::from_le_bytes(*b"ntel")];

impl Instruction {
    /// Flushes `count` lines of `line` bytes from `first` on.
    ///
    /// # Safety
    /// The CPU has the instruction, and the lines are mapped.
    #[inline(always)]
    pub(super) unsafe fn issue(self, first: usize, count: usize, line: usize) {
        let lines = (0..count).map(|n| first.wrapping_add(n * line));
        // A loop for each, so that none asks which. Neither `nomem` nor `readonly`: the compiler
        // must not move a store of what is flushed past it.
        match self {
            // SAFETY: by the caller. It changes neither memory, as a program sees it, nor flags.
            Self::Clflush => lines.for_each(|address| unsafe {
                asm!("clflush [{}]", in(reg) address, options(nostack, preserves_flags));
            }),
            // SAFETY: as above.
            Self::Clflushopt => lines.for_each(|address| unsafe {
                asm!("clflushopt [{}]", in(reg) address, options(nostack, preserves_flags));
            }),
            // SAFETY: as above.
            Self::Clwb => lines.for_each(|address| unsafe {
                asm!("clwb [{}]", in(reg) address, options(nostack, preserves_flags));
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_the_cpu_is_kept_whole() {
        use Instruction::{Clflush, Clflushopt, Clwb};
        for (flush, write_back) in
            [(Clflush, Clflush), (Clflushopt, Clwb), (Clflushopt, Clflushopt)]
        {
            for weak in [false, true] {
                for extras in 0..16 {
                    let cache =
                        Cache { line: 64, flush, write_back, clflush_is_weak: weak, extras };
                    assert_eq!(Cache::unpack(cache.pack() | 1), Some(cache));
                }
            }
        }
        assert_eq!(Cache::unpack(1), None);
    }
}
