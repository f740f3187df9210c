//! Copying past the cache, with general registers: firmware has no SSE registers to spare, and
//! MOVNTI is in every x86_64 CPU.

use core::arch::asm;

/// A line of what is written combined. All x86_64 CPUs combine by 64 bytes.
const LINE: usize = 64;

/// Copies `from` to `to`, which is as long: whole lines by non-temporal stores, the rest by
/// ordinary ones.
///
/// Such a store goes past the cache, unless its line is in the cache: then it may be done there.
/// The caller's flush of each line serves both, and is ordered after older stores to its line (SDM
/// vol. 2, CLWB). **SFENCE or MFENCE follows before anybody else may rely on what was copied**: a
/// later store of this CPU, a release too, may be seen before a non-temporal one (SDM vol. 1,
/// 10.4.6.2).
pub(super) fn non_temporal(to: &mut [u8], from: &[u8]) {
    debug_assert_eq!(to.len(), from.len());
    // The same for the compiler, so that no panic is left in a C firmware.
    let Some(from) = from.get(..to.len()) else { return };
    let to_line = to.as_ptr().addr().wrapping_neg() % LINE;
    let (head, to) = to.split_at_mut(to_line.min(to.len()));
    let (from_head, from) = from.split_at(head.len());
    head.copy_from_slice(from_head);
    let (to, tail) = to.as_chunks_mut::<LINE>();
    let (from, from_tail) = from.as_chunks::<LINE>();
    for (to, from) in to.iter_mut().zip(from) {
        line(to, from);
    }
    tail.copy_from_slice(from_tail);
}

#[inline(always)]
fn line(to: &mut [u8; LINE], from: &[u8; LINE]) {
    let words: [u64; 8] = core::array::from_fn(|n| u64::from_ne_bytes(from.as_chunks().0[n]));
    // SAFETY: stores the 64 bytes that are borrowed here, and nothing else. The fence that they need
    // follows in the region's `copy` and `copy_persist`, before either returns.
    unsafe {
        asm!(
            "movnti [{to}], {}",
            "movnti [{to} + 8], {}",
            "movnti [{to} + 16], {}",
            "movnti [{to} + 24], {}",
            "movnti [{to} + 32], {}",
            "movnti [{to} + 40], {}",
            "movnti [{to} + 48], {}",
            "movnti [{to} + 56], {}",
            in(reg) words[0],
            in(reg) words[1],
            in(reg) words[2],
            in(reg) words[3],
            in(reg) words[4],
            in(reg) words[5],
            in(reg) words[6],
            in(reg) words[7],
            to = in(reg) to.as_mut_ptr(),
            options(nostack, preserves_flags)
        );
    }
}
