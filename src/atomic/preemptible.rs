//! Atomics, cells and critical sections with boundaries, at which the host sweep may run a handler.

pub(crate) use core::sync::atomic::Ordering;

pub(crate) use crate::hooks::section;

use crate::hooks::{access, boundary};

/// The methods of an atomic, each with a boundary before the access.
macro_rules! behind_a_boundary {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $inner:ident;)*) => {$(
        #[allow(dead_code)] // The lock-free files use all of them, the ones with sections some.
        #[track_caller]
        pub(crate) fn $name(&self, $($arg: $ty),*) -> $ret {
            boundary();
            self.0.$inner($($arg),*)
        }
    )*};
}

/// An atomic of `core`, with a boundary before each access.
macro_rules! preemptible {
    ($atomic:ident, $value:ty) => {
        /// The one of `core`, with a boundary before each access.
        #[derive(Debug)]
        pub(crate) struct $atomic(core::sync::atomic::$atomic);

        impl $atomic {
            pub(crate) const fn new(value: $value) -> Self {
                Self(core::sync::atomic::$atomic::new(value))
            }

            behind_a_boundary! {
                load(order: Ordering) -> $value = load;
                store(value: $value, order: Ordering) -> () = store;
                fetch_add(value: $value, order: Ordering) -> $value = fetch_add;
                fetch_sub(value: $value, order: Ordering) -> $value = fetch_sub;
                fetch_or(value: $value, order: Ordering) -> $value = fetch_or;
                fetch_and(value: $value, order: Ordering) -> $value = fetch_and;
                swap(value: $value, order: Ordering) -> $value = swap;
                // The strong form, which never fails spuriously: the runs of a sweep must be equal up
                // to their event.
                compare_exchange_weak(
                    current: $value, new: $value, success: Ordering, failure: Ordering
                ) -> Result<$value, $value> = compare_exchange;
            }
        }
    };
}

preemptible!(AtomicU32, u32);
#[cfg(not(any(
    wouldblock_sections,
    wouldblock_single_core,
    not(target_pointer_width = "64"),
    not(target_has_atomic = "32")
)))]
preemptible!(AtomicU16, u16);

/// A cell with the interface of loom's. The sweep reports accesses that overlap.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    #[track_caller]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        access(self.0.get(), false, || read(self.0.get()))
    }

    #[track_caller]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get(), true, || write(self.0.get()))
    }
}
