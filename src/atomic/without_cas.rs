//! Read-modify-writes for targets without compare-and-swap.

use core::sync::atomic::Ordering;

/// An `AtomicU32` for targets without compare-and-swap. Every read-modify-write and every store is
/// a critical section, so they are atomic with respect to each other.
#[derive(Debug)]
pub(crate) struct AtomicU32(core::sync::atomic::AtomicU32);

impl AtomicU32 {
    pub(crate) const fn new(value: u32) -> Self {
        Self(core::sync::atomic::AtomicU32::new(value))
    }

    pub(crate) fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    pub(crate) fn store(&self, value: u32, order: Ordering) {
        critical_section::with(|_| self.0.store(value, order));
    }

    pub(crate) fn fetch_or(&self, value: u32, _: Ordering) -> u32 {
        self.update(|now| now | value)
    }

    pub(crate) fn fetch_and(&self, value: u32, _: Ordering) -> u32 {
        self.update(|now| now & value)
    }

    pub(crate) fn swap(&self, value: u32, _: Ordering) -> u32 {
        self.update(|_| value)
    }

    fn update(&self, next: impl FnOnce(u32) -> u32) -> u32 {
        critical_section::with(|_| {
            let before = self.0.load(Ordering::SeqCst);
            self.0.store(next(before), Ordering::SeqCst);
            before
        })
    }
}

/// Every operation returns what the one of `core` returns, and leaves the same value.
#[cfg(test)]
#[test]
fn it_does_what_an_atomic_does() {
    use core::sync::atomic::{AtomicU32 as Real, Ordering::SeqCst};

    for (value, operand) in [(0, 1), (7, 7), (u32::MAX, 3), (0x55, 0x0f), (2, 5)] {
        let (ours, real) = (AtomicU32::new(value), Real::new(value));
        let returned = [
            (ours.fetch_or(operand, SeqCst), real.fetch_or(operand, SeqCst)),
            (ours.fetch_and(!1, SeqCst), real.fetch_and(!1, SeqCst)),
            (ours.swap(operand, SeqCst), real.swap(operand, SeqCst)),
        ];
        assert!(returned.iter().all(|(ours, real)| ours == real), "{returned:?}");
        assert_eq!(ours.load(SeqCst), real.load(SeqCst));
        ours.store(1, SeqCst);
        assert_eq!(ours.load(SeqCst), 1);
    }
}
