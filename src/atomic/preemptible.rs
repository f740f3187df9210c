//! Atomics, cells and critical sections with boundaries, at which the host sweep may run a handler.

use core::fmt;
pub(crate) use core::sync::atomic::Ordering;

pub(crate) use crate::hooks::section;

use crate::hooks::{access, boundary};

/// The methods of an atomic, each with a boundary before the access.
macro_rules! behind_a_boundary {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $inner:ident;)*) => {$(
        #[doc = concat!("As `", stringify!($name), "` of `core`, behind a boundary.")]
        #[track_caller]
        pub fn $name(&self, $($arg: $ty),*) -> $ret {
            boundary();
            self.0.$inner($($arg),*)
        }
    )*};
}

/// An atomic of `core`, with a boundary before each access. `more` names methods that not all have.
macro_rules! preemptible {
    ($atomic:ident, $value:ty, more: $($more:tt)*) => {
        /// The one of `core`. Each access is a boundary of the sweep, at which an interrupt may come
        /// before it.
        #[repr(transparent)]
        pub struct $atomic(core::sync::atomic::$atomic);

        #[allow(dead_code)] // The library uses some of them, and does not offer all types.
        impl $atomic {
            /// As `new` of `core`.
            pub const fn new(value: $value) -> Self {
                Self(core::sync::atomic::$atomic::new(value))
            }

            /// As `from_ptr` of `core`.
            ///
            /// # Safety
            /// As there.
            pub const unsafe fn from_ptr<'a>(value: *mut $value) -> &'a Self {
                // SAFETY: as the caller promises. This type is laid out as that of `core`, which is laid
                // out as its value.
                unsafe { &*value.cast() }
            }

            /// As `as_ptr` of `core`. What is done through it has no boundary.
            pub const fn as_ptr(&self) -> *mut $value {
                self.0.as_ptr()
            }

            /// As `get_mut` of `core`: exclusive, so there is no boundary.
            pub fn get_mut(&mut self) -> &mut $value {
                self.0.get_mut()
            }

            /// As `into_inner` of `core`: exclusive, so there is no boundary.
            pub const fn into_inner(self) -> $value {
                self.0.into_inner()
            }

            behind_a_boundary! {
                load(order: Ordering) -> $value = load;
                store(value: $value, order: Ordering) -> () = store;
                swap(value: $value, order: Ordering) -> $value = swap;
                fetch_and(value: $value, order: Ordering) -> $value = fetch_and;
                fetch_nand(value: $value, order: Ordering) -> $value = fetch_nand;
                fetch_or(value: $value, order: Ordering) -> $value = fetch_or;
                fetch_xor(value: $value, order: Ordering) -> $value = fetch_xor;
                compare_exchange(
                    current: $value, new: $value, success: Ordering, failure: Ordering
                ) -> Result<$value, $value> = compare_exchange;
                // The strong form, which never fails spuriously: the runs of a sweep must be equal up
                // to their event.
                compare_exchange_weak(
                    current: $value, new: $value, success: Ordering, failure: Ordering
                ) -> Result<$value, $value> = compare_exchange;
                $($more)*
            }

            /// As `fetch_update` of `core`: a load and an exchange, each behind a boundary.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut next: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut before = self.load(fetch);
                while let Some(new) = next(before) {
                    match self.compare_exchange_weak(before, new, set, fetch) {
                        Ok(before) => return Ok(before),
                        Err(now) => before = now,
                    }
                }
                Err(before)
            }

            /// As `try_update` of `core`, which is another name of `fetch_update`.
            #[track_caller]
            pub fn try_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                next: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                self.fetch_update(set, fetch, next)
            }

            /// As `update` of `core`: a load and an exchange, each behind a boundary.
            #[track_caller]
            pub fn update(
                &self,
                set: Ordering,
                fetch: Ordering,
                mut next: impl FnMut($value) -> $value,
            ) -> $value {
                match self.fetch_update(set, fetch, |value| Some(next(value))) {
                    Ok(before) | Err(before) => before,
                }
            }
        }

        impl Default for $atomic {
            fn default() -> Self {
                Self::new(<$value>::default())
            }
        }

        impl From<$value> for $atomic {
            fn from(value: $value) -> Self {
                Self::new(value)
            }
        }

        impl fmt::Debug for $atomic {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// An atomic integer.
macro_rules! integer {
    ($atomic:ident, $value:ty) => {
        preemptible!($atomic, $value, more:
            fetch_add(value: $value, order: Ordering) -> $value = fetch_add;
            fetch_sub(value: $value, order: Ordering) -> $value = fetch_sub;
            fetch_max(value: $value, order: Ordering) -> $value = fetch_max;
            fetch_min(value: $value, order: Ordering) -> $value = fetch_min;
        );
    };
}

preemptible!(AtomicBool, bool, more: fetch_not(order: Ordering) -> bool = fetch_not;);
integer!(AtomicU8, u8);
integer!(AtomicU32, u32);
integer!(AtomicUsize, usize);
#[cfg(not(any(
    wouldblock_sections,
    wouldblock_single_core,
    not(target_pointer_width = "64"),
    not(target_has_atomic = "32")
)))]
integer!(AtomicU16, u16);

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
