//! Atomics, cells and critical sections with boundaries, at which the host sweep may run a handler.

pub(crate) use core::sync::atomic::Ordering;

use critical_section::CriticalSection;

use crate::hooks::{access, boundary, masked};

/// Runs `f` in a critical section. An event that was held off during it comes at its end.
pub(crate) fn section<R>(f: impl FnOnce(CriticalSection<'_>) -> R) -> R {
    boundary();
    let end = critical_section::with(|section| masked(|| f(section)));
    boundary();
    end
}

/// `core::sync::atomic::AtomicU32`, with a boundary before each access.
#[derive(Debug)]
pub(crate) struct AtomicU32(core::sync::atomic::AtomicU32);

/// The same methods, each with a boundary before the access.
macro_rules! behind_a_boundary {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $inner:ident;)*) => {$(
        #[allow(dead_code)] // The lock-free files use all of them, the ones with sections some.
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
        // The strong form, which never fails spuriously: the runs of a sweep must be equal up to
        // their event.
        compare_exchange_weak(current: u32, new: u32, success: Ordering, failure: Ordering)
            -> Result<u32, u32> = compare_exchange;
    }
}

/// A cell with the interface of loom's. The sweep reports accesses that overlap.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        access(self.0.get(), false, || read(self.0.get()))
    }

    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        access(self.0.get(), true, || write(self.0.get()))
    }
}
