//! One door to atomics and cells, so that the same source runs on hardware, on the host and under
//! loom.
//!
//! Where the target has no compare-and-swap (Cortex-M0, RISC-V without `A`), a read-modify-write is
//! a short critical section; loads and stores stay plain there.
//!
//! With the feature `testing` each access, and each end of a critical section, is a boundary at
//! which the host sweep may run a handler. Without it nothing of that is compiled.

#[cfg(any(loom, not(feature = "testing")))]
use critical_section::CriticalSection;
#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering},
};

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::Ordering;

#[cfg(all(not(loom), not(feature = "testing"), target_has_atomic = "32"))]
pub(crate) use core::sync::atomic::AtomicU32;

#[cfg(all(not(loom), feature = "testing"))]
pub(crate) use preemptible::{AtomicU32, section};

#[cfg(all(not(loom), not(feature = "testing"), not(target_has_atomic = "32")))]
pub(crate) use without_cas::AtomicU32;

/// `const fn` everywhere but under loom, whose atomics are made at run time.
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block) => {
        #[cfg(not(loom))]
        $(#[$meta])*
        $vis const fn $name($($arg: $ty),*) -> $ret $body

        #[cfg(loom)]
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) -> $ret $body
    };
}
pub(crate) use const_unless_loom;

/// Runs `f` in a critical section.
#[cfg(all(not(loom), not(feature = "testing")))]
#[inline(always)]
pub(crate) fn section<R>(f: impl FnOnce(CriticalSection<'_>) -> R) -> R {
    critical_section::with(f)
}

/// Runs `f` in a critical section, which loom sees as a lock: of the two things a section does, it
/// models the one between cores.
#[cfg(loom)]
pub(crate) fn section<R>(f: impl FnOnce(CriticalSection<'_>) -> R) -> R {
    loom::lazy_static! {
        static ref SECTION: loom::sync::Mutex<()> = loom::sync::Mutex::new(());
    }
    let _section = SECTION.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: the lock is held until `f` has returned; loom's threads are all there are.
    f(unsafe { CriticalSection::new() })
}

/// A cell with loom's interface, so that loom sees every access.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    #[cfg(not(feature = "testing"))]
    #[inline(always)]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    #[cfg(not(feature = "testing"))]
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }

    #[cfg(feature = "testing")]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        crate::testing::run::access(self.0.get(), false, || read(self.0.get()))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        crate::testing::run::access(self.0.get(), true, || write(self.0.get()))
    }
}

#[cfg(all(not(loom), feature = "testing"))]
mod preemptible {
    use core::sync::atomic::Ordering;

    use critical_section::CriticalSection;

    use crate::testing::run::{boundary, masked};

    /// Runs `f` in a critical section. What was held off meanwhile comes at its end.
    pub(crate) fn section<R>(f: impl FnOnce(CriticalSection<'_>) -> R) -> R {
        boundary();
        let end = critical_section::with(|section| masked(|| f(section)));
        boundary();
        end
    }

    /// `core::sync::atomic::AtomicU32`, with a boundary before each access.
    #[derive(Debug)]
    pub(crate) struct AtomicU32(core::sync::atomic::AtomicU32);

    /// The same methods, each behind a boundary.
    macro_rules! behind_a_boundary {
        ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $inner:ident;)*) => {$(
            pub(crate) fn $name(&self, $($arg: $ty),*) -> $ret {
                boundary();
                self.0.$inner($($arg),*)
            }
        )*};
    }

    impl AtomicU32 {
        pub(crate) const fn new(value: u32) -> Self {
            Self(core::sync::atomic::AtomicU32::new(value))
        }

        behind_a_boundary! {
            load(order: Ordering) -> u32 = load;
            store(value: u32, order: Ordering) -> () = store;
            fetch_add(value: u32, order: Ordering) -> u32 = fetch_add;
            fetch_sub(value: u32, order: Ordering) -> u32 = fetch_sub;
            fetch_or(value: u32, order: Ordering) -> u32 = fetch_or;
            fetch_and(value: u32, order: Ordering) -> u32 = fetch_and;
            swap(value: u32, order: Ordering) -> u32 = swap;
            // The strong form: a sweep counts on it that every run is the same up to its event.
            compare_exchange_weak(current: u32, new: u32, success: Ordering, failure: Ordering)
                -> Result<u32, u32> = compare_exchange;
        }
    }
}

#[cfg(all(
    not(loom),
    any(all(test, feature = "std"), all(not(feature = "testing"), not(target_has_atomic = "32")))
))]
mod without_cas {
    use core::sync::atomic::Ordering;

    /// What `core::sync::atomic::AtomicU32` is elsewhere. Every read-modify-write is whole with
    /// respect to every other and to every store of this type's users, because all of them run in a
    /// critical section.
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

        pub(crate) fn fetch_add(&self, value: u32, _: Ordering) -> u32 {
            self.update(|now| now.wrapping_add(value))
        }

        pub(crate) fn fetch_sub(&self, value: u32, _: Ordering) -> u32 {
            self.update(|now| now.wrapping_sub(value))
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

        pub(crate) fn compare_exchange_weak(
            &self,
            current: u32,
            new: u32,
            _: Ordering,
            _: Ordering,
        ) -> Result<u32, u32> {
            let before = self.update(|now| if now == current { new } else { now });
            if before == current { Ok(before) } else { Err(before) }
        }

        fn update(&self, next: impl FnOnce(u32) -> u32) -> u32 {
            critical_section::with(|_| {
                let before = self.0.load(Ordering::SeqCst);
                self.0.store(next(before), Ordering::SeqCst);
                before
            })
        }
    }

    /// Every operation of the shim beside the real one: the same answers, the same value left.
    #[cfg(test)]
    #[test]
    fn it_does_what_an_atomic_does() {
        use core::sync::atomic::{AtomicU32 as Real, Ordering::SeqCst};

        for (value, operand) in [(0, 1), (7, 7), (u32::MAX, 3), (0x55, 0x0f), (2, 5)] {
            let (ours, real) = (AtomicU32::new(value), Real::new(value));
            let answers = [
                (ours.fetch_add(operand, SeqCst), real.fetch_add(operand, SeqCst)),
                (ours.fetch_sub(2, SeqCst), real.fetch_sub(2, SeqCst)),
                (ours.fetch_or(operand, SeqCst), real.fetch_or(operand, SeqCst)),
                (ours.fetch_and(!1, SeqCst), real.fetch_and(!1, SeqCst)),
                (ours.swap(operand, SeqCst), real.swap(operand, SeqCst)),
            ];
            assert!(answers.iter().all(|(ours, real)| ours == real), "{answers:?}");
            for expected in [operand, operand ^ 1] {
                assert_eq!(
                    ours.compare_exchange_weak(expected, 9, SeqCst, SeqCst),
                    real.compare_exchange(expected, 9, SeqCst, SeqCst)
                );
            }
            assert_eq!(ours.load(SeqCst), real.load(SeqCst));
            ours.store(1, SeqCst);
            assert_eq!(ours.load(SeqCst), 1);
        }
    }
}
