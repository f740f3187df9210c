//! Copying past the cache. It uses general registers, because firmware may not use SSE registers;
//! every x86_64 CPU has MOVNTI.

use core::arch::asm;

/// The unit of write combining: 64 bytes on all x86_64 CPUs.
const LINE: usize = 64;

/// Copies `from` to `to`, which has the same length: whole lines by non-temporal stores, the rest
/// by ordinary stores.
///
/// A non-temporal store goes past the cache. If its line is in the cache, it may change the cache
/// instead. So the caller flushes each line in any case; a flush is ordered after older stores to
/// its line (SDM vol. 2, CLWB). **SFENCE or MFENCE must follow before other code may rely on the
/// copy**: a later store of this CPU, even a release store, may become visible before a
/// non-temporal store (SDM vol. 1, 10.4.6.2).
pub(super) fn non_temporal(to: &mut [u8], from: &[u8]) {
    debug_assert_eq!(to.len(), from.len());
    // The compiler then knows it too, so that a C firmware links no panic.
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
    // SAFETY: stores only the 64 bytes that are borrowed here. The region's `copy` and
    // `copy_persist` execute the fence that they need before they return.
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
