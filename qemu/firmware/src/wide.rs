//! 64 bits that a handler and the foreground share.
//!
//! The problem: on 32 bits, `portable-atomic` makes them with a lock if the processor has
//! compare-and-swap. A handler that interrupts the holder of the lock would wait for ever. So here they
//! are made with critical sections.

#[cfg(target_has_atomic = "64")]
pub use core::sync::atomic::AtomicU64;

#[cfg(not(target_has_atomic = "64"))]
pub use sections::AtomicU64;

#[cfg(not(target_has_atomic = "64"))]
mod sections {
    use core::{cell::Cell, sync::atomic::Ordering};

    use critical_section::Mutex;

    /// 64 bits, each access a critical section. The orderings mean nothing: a section is in order
    /// with every other one.
    #[derive(Debug)]
    pub struct AtomicU64(Mutex<Cell<u64>>);

    impl AtomicU64 {
        /// With a value.
        pub const fn new(value: u64) -> Self {
            Self(Mutex::new(Cell::new(value)))
        }

        /// The value.
        pub fn load(&self, _: Ordering) -> u64 {
            self.change(|value| value)
        }

        /// Another value.
        pub fn store(&self, value: u64, _: Ordering) {
            self.change(|_| value);
        }

        /// The sum, wrapped. Returns the value before.
        pub fn fetch_add(&self, more: u64, _: Ordering) -> u64 {
            self.change(|value| value.wrapping_add(more))
        }

        /// The larger one. Returns the value before.
        pub fn fetch_max(&self, other: u64, _: Ordering) -> u64 {
            self.change(|value| value.max(other))
        }

        fn change(&self, f: impl FnOnce(u64) -> u64) -> u64 {
            critical_section::with(|section| {
                let value = self.0.borrow(section);
                value.replace(f(value.get()))
            })
        }
    }
}
