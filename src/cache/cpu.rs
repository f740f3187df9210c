//! The instructions with which a CPU flushes its cache, as CPUID reports them or as firmware knows
//! them.

use core::{
    arch::{
        asm,
        x86_64::{__cpuid, CpuidResult},
    },
    sync::atomic::{AtomicU32, Ordering},
};

/// An instruction that flushes one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
#[doc(hidden)]
pub enum Instruction {
    /// Write back and invalidate, ordered like a store on Intel.
    Clflush = 1,
    /// Write back and invalidate, weakly ordered.
    Clflushopt = 2,
    /// Write back; the CPU may keep the line.
    Clwb = 3,
}

/// Further instructions that a CPU may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
#[doc(hidden)]
pub enum Extra {
    /// Hint: fetch a line for writing ([`Cache::prefetch_for_writing`]).
    Prefetchw = 1,
    /// Hint: move a line to a more distant cache ([`Cache::demote`]).
    Cldemote = 2,
    /// Zero a line without fetching it ([`Cache::zero`]).
    Clzero = 4,
    /// Write back all lines without invalidating them ([`wbnoinvd`](super::wbnoinvd)).
    Wbnoinvd = 8,
}

/// The instructions with which this CPU flushes its cache, and the length of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cache {
    line: u16,
    pub(super) flush: Instruction,
    pub(super) write_back: Instruction,
    /// On CPUs other than Intel's, CLFLUSH is as weakly ordered as CLFLUSHOPT, and needs an MFENCE
    /// before and after it.
    pub(super) clflush_is_weak: bool,
    /// Bits of [`Extra`].
    extras: u8,
}

impl Cache {
    /// What CPUID reports. `None` on a CPU without CLFLUSH.
    ///
    /// Under a hypervisor CPUID may trap, which takes microseconds. So it is executed once and the
    /// result is kept. (Several threads that call this for the first time at the same time each
    /// execute it.)
    pub fn get() -> Option<Self> {
        /// 0: not known yet. Otherwise bit 0 is set, and the other bits are `Cache::pack`.
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

    /// As [`get`](Self::get), but executes CPUID again.
    #[doc(hidden)] // For tests, and for `c`.
    pub fn detect() -> Option<Self> {
        Self::of(__cpuid)
    }

    /// What these leaves report. Asks for each leaf at most once. Sources: Intel SDM vol. 2, CPUID;
    /// AMD APM vol. 3, appendix E.
    fn of(cpuid: impl Fn(u32) -> CpuidResult) -> Option<Self> {
        const CLFLUSH: u32 = 1 << 19; // leaf 1, EDX
        const CLFLUSHOPT: u32 = 1 << 23; // leaf 7, EBX
        const CLWB: u32 = 1 << 24; // leaf 7, EBX
        const CLDEMOTE: u32 = 1 << 25; // leaf 7, ECX
        const PREFETCHW: u32 = 1 << 8; // leaf 8000_0001h, ECX
        const CLZERO: u32 = 1; // leaf 8000_0008h, EBX
        const WBNOINVD: u32 = 1 << 9; // leaf 8000_0008h, EBX
        let (basic, leaf1) = (cpuid(0), cpuid(1));
        let line = (leaf1.ebx >> 8 & 0xff) as u16 * 8;
        if leaf1.edx & CLFLUSH == 0 || !line.is_power_of_two() {
            return None;
        }
        let last_extended = cpuid(0x8000_0000).eax;
        let leaf = |leaf, last| if leaf <= last { cpuid(leaf) } else { NO_LEAF };
        let leaf7 = leaf(7, basic.eax);
        let extended1 = leaf(0x8000_0001, last_extended);
        let extended8 = leaf(0x8000_0008, last_extended);
        let flush = if leaf7.ebx & CLFLUSHOPT != 0 {
            Instruction::Clflushopt
        } else {
            Instruction::Clflush
        };
        let write_back = if leaf7.ebx & CLWB != 0 { Instruction::Clwb } else { flush };
        let extras = [
            (leaf7.ecx & CLDEMOTE, Extra::Cldemote),
            (extended1.ecx & PREFETCHW, Extra::Prefetchw),
            (extended8.ebx & CLZERO, Extra::Clzero),
            (extended8.ebx & WBNOINVD, Extra::Wbnoinvd),
        ]
        .into_iter()
        .fold(0, |bits, (found, extra)| if found != 0 { bits | extra as u8 } else { bits });
        let is_intel = [basic.ebx, basic.edx, basic.ecx] == INTEL;
        Some(Self { line, flush, write_back, clflush_is_weak: !is_intel, extras })
    }

    /// For firmware that knows its CPU: the bytes in a line, the instruction for
    /// [`Batch::flush`](super::Batch::flush), the instruction for
    /// [`Batch::write_back`](super::Batch::write_back), and whether CLFLUSH needs MFENCE before and
    /// after it. (It does on every CPU that is not Intel's.)
    ///
    /// # Safety
    /// The CPU has both instructions, and its lines are at least `line` bytes long. `line` is a
    /// power of two and at least 8, so that the start of a line is aligned for a word.
    pub const unsafe fn new(
        line: u16,
        flush: Instruction,
        write_back: Instruction,
        clflush_is_weak: bool,
    ) -> Self {
        Self { line, flush, write_back, clflush_is_weak, extras: 0 }
    }

    /// Adds one of the [`Extra`] instructions.
    ///
    /// # Safety
    /// The CPU has the instruction. For [`Extra::Clzero`]: its lines are exactly
    /// [`line`](Self::line) bytes long.
    pub const unsafe fn with(self, extra: Extra) -> Self {
        Self { extras: self.extras | extra as u8, ..self }
    }

    /// Whether this CPU has that instruction.
    #[doc(hidden)]
    pub const fn has(&self, extra: Extra) -> bool {
        self.extras & extra as u8 != 0
    }

    /// Whether CLFLUSH is used, and is as weakly ordered as CLFLUSHOPT.
    pub(super) const fn has_weak_clflush(&self) -> bool {
        self.clflush_is_weak
            && (matches!(self.flush, Instruction::Clflush)
                || matches!(self.write_back, Instruction::Clflush))
    }

    /// Bytes in a line.
    pub const fn line(&self) -> usize {
        self.line as usize
    }

    /// The instruction that [`Batch::flush`](super::Batch::flush) uses.
    #[doc(hidden)] // For tests, and for `c`.
    pub const fn flush_instruction(&self) -> Instruction {
        self.flush
    }

    /// The instruction that [`Batch::write_back`](super::Batch::write_back) uses.
    #[doc(hidden)] // For tests, and for `c`.
    pub const fn write_back_instruction(&self) -> Instruction {
        self.write_back
    }

    /// Whether CLFLUSH needs MFENCE before and after it.
    #[doc(hidden)] // For `c`.
    pub const fn clflush_is_weak(&self) -> bool {
        self.clflush_is_weak
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

/// The content of a leaf that the CPU does not have.
const NO_LEAF: CpuidResult = CpuidResult { eax: 0, ebx: 0, ecx: 0, edx: 0 };

/// "GenuineIntel", as CPUID leaf 0 gives it in EBX, EDX, ECX.
const INTEL: [u32; 3] =
    [u32::from_le_bytes(*b"Genu"), u32::from_le_bytes(*b"ineI"), u32::from_le_bytes(*b"ntel")];

impl Instruction {
    /// Flushes `count` lines of `line` bytes, the first at `first`. Returns the address after the
    /// last.
    ///
    /// # Safety
    /// The CPU has the instruction, and the lines are mapped.
    #[inline(always)]
    pub(super) unsafe fn issue(self, first: usize, count: usize, line: usize) -> usize {
        let each = |flush: fn(usize)| {
            (0..count).fold(first, |address, _| {
                flush(address);
                address.wrapping_add(line)
            })
        };
        // One loop for each instruction, so that no loop tests which it is. Neither `nomem` nor
        // `readonly`: the compiler must not move a store to the flushed memory past the flush.
        match self {
            // SAFETY: by the caller. It changes neither flags nor any value that a program can see.
            Self::Clflush => each(|address| unsafe {
                asm!("clflush [{}]", in(reg) address, options(nostack, preserves_flags));
            }),
            // SAFETY: as above.
            Self::Clflushopt => each(|address| unsafe {
                asm!("clflushopt [{}]", in(reg) address, options(nostack, preserves_flags));
            }),
            // SAFETY: as above.
            Self::Clwb => each(|address| unsafe {
                asm!("clwb [{}]", in(reg) address, options(nostack, preserves_flags));
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Instruction::{Clflush, Clflushopt, Clwb};

    #[test]
    fn packing_and_unpacking_a_cache_loses_nothing() {
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

    /// A CPU of `vendor`, with leaves up to `last` and extended leaves up to `last_extended`. The
    /// other fields are registers with feature bits.
    #[derive(Clone, Copy)]
    struct Leaves {
        vendor: &'static [u8; 12],
        last: u32,
        last_extended: u32,
        line: u32,
        leaf1_edx: u32,
        leaf7: [u32; 2],
        extended1_ecx: u32,
        extended8_ebx: u32,
    }

    /// An AMD CPU that has every instruction.
    const ALL: Leaves = Leaves {
        vendor: b"AuthenticAMD",
        last: 7,
        last_extended: 0x8000_0008,
        line: 64,
        leaf1_edx: 1 << 19,
        leaf7: [1 << 23 | 1 << 24, 1 << 25],
        extended1_ecx: 1 << 8,
        extended8_ebx: 1 | 1 << 9,
    };

    impl Leaves {
        /// What CPUID returns. Past its last leaf a CPU returns unrelated values: here all bits are
        /// set.
        fn asked(self, leaf: u32) -> CpuidResult {
            let word = |n: usize| {
                let bytes = self.vendor.as_chunks().0[n];
                u32::from_le_bytes(bytes)
            };
            let (eax, ebx, ecx, edx) = match leaf {
                0 => (self.last, word(0), word(2), word(1)),
                1 => (0, (self.line / 8) << 8, 0, self.leaf1_edx),
                7 if self.last >= 7 => (0, self.leaf7[0], self.leaf7[1], 0),
                0x8000_0000 => (self.last_extended, 0, 0, 0),
                0x8000_0001 if self.last_extended >= leaf => (0, 0, self.extended1_ecx, 0),
                0x8000_0008 if self.last_extended >= leaf => (0, self.extended8_ebx, 0, 0),
                _ => (!0, !0, !0, !0),
            };
            CpuidResult { eax, ebx, ecx, edx }
        }

        fn cache(self) -> Option<Cache> {
            Cache::of(|leaf| self.asked(leaf))
        }

        /// The instructions that were found, and whether CLFLUSH is weak.
        fn found(self) -> (Instruction, Instruction, bool) {
            let cache = self.cache().unwrap();
            (cache.flush, cache.write_back, cache.clflush_is_weak)
        }
    }

    #[test]
    fn a_cpu_without_an_instruction_uses_the_next_best() {
        let [opt, wb] = [1 << 23, 1 << 24];
        let with = |leaf7_ebx| Leaves { leaf7: [leaf7_ebx, 0], ..ALL };
        assert_eq!(with(opt | wb).found(), (Clflushopt, Clwb, true));
        assert_eq!(with(wb).found(), (Clflush, Clwb, true));
        assert_eq!(with(opt).found(), (Clflushopt, Clflushopt, true));
        assert_eq!(with(0).found(), (Clflush, Clflush, true));
        // A CPU without leaf 7 has neither instruction, whatever it returns for that leaf.
        assert_eq!(Leaves { last: 6, ..ALL }.found(), (Clflush, Clflush, true));
        // Intel's CLFLUSH is ordered. On other CPUs it is taken to be weak.
        for (vendor, weak) in [
            (b"GenuineIntel", false),
            (b"AuthenticAMD", true),
            (b"HygonGenuine", true),
            (b"CentaurHauls", true),
        ] {
            assert_eq!(Leaves { vendor, ..with(0) }.found(), (Clflush, Clflush, weak));
        }
    }

    #[test]
    fn without_clflush_there_is_no_cache() {
        assert_eq!(Leaves { leaf1_edx: !(1 << 19), ..ALL }.cache(), None);
        // A line of 0 bytes, or of a length that is not a power of two, is impossible: not
        // accepted.
        assert_eq!(Leaves { line: 0, ..ALL }.cache(), None);
        assert_eq!(Leaves { line: 24, ..ALL }.cache(), None);
        for line in [32, 64, 128, 1024] {
            assert_eq!(Leaves { line, ..ALL }.cache().unwrap().line(), line as usize);
        }
    }

    #[test]
    fn every_extra_is_found_alone() {
        let none = Leaves { leaf7: [0, 0], extended1_ecx: 0, extended8_ebx: 0, ..ALL };
        let all = [Extra::Prefetchw, Extra::Cldemote, Extra::Clzero, Extra::Wbnoinvd];
        for (leaves, found) in [
            (none, None),
            (Leaves { extended1_ecx: 1 << 8, ..none }, Some(Extra::Prefetchw)),
            (Leaves { leaf7: [0, 1 << 25], ..none }, Some(Extra::Cldemote)),
            (Leaves { extended8_ebx: 1, ..none }, Some(Extra::Clzero)),
            (Leaves { extended8_ebx: 1 << 9, ..none }, Some(Extra::Wbnoinvd)),
            // Without the leaf there is no such instruction, whatever the CPU returns.
            (Leaves { last_extended: 0x8000_0000, last: 6, ..ALL }, None),
        ] {
            let cache = leaves.cache().unwrap();
            assert!(all.into_iter().all(|extra| cache.has(extra) == (found == Some(extra))));
        }
        assert!(all.into_iter().all(|extra| ALL.cache().unwrap().has(extra)));
    }

    #[test]
    fn no_leaf_is_asked_twice() {
        let asked = core::cell::Cell::new(([0; 6], 0));
        Cache::of(|leaf| {
            let (mut leaves, count) = asked.get();
            leaves[count] = leaf;
            asked.set((leaves, count + 1));
            ALL.asked(leaf)
        });
        assert_eq!(asked.get(), ([0, 1, 0x8000_0000, 7, 0x8000_0001, 0x8000_0008], 6));
    }
}
