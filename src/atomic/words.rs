//! Bytes and words that are loaded and stored, and never exchanged: one instruction each on every
//! processor, without a lock prefix, a loop or a critical section.
//!
//! Each is written by one context at a time: it has one writer, or is written in critical sections.
//! In a binary of one core ([`wouldblock_single_core`](crate#one-core)) the order that the compiler
//! keeps is all that handlers and the foreground need, so there the barriers of the processor are
//! left out.

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU8, AtomicU32};

#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, AtomicU32};

use super::{Ordering, const_unless_loom};

/// How this binary loads and stores what another context may have written. Between it and the
/// context's other accesses the compiler fence of [`order`] stands, where it says `Relaxed`.
const ACQUIRE: Ordering =
    if cfg!(wouldblock_single_core) { Ordering::Relaxed } else { Ordering::Acquire };
const RELEASE: Ordering =
    if cfg!(wouldblock_single_core) { Ordering::Relaxed } else { Ordering::Release };

/// Keeps the order of the accesses before and after it, in a binary of one core.
#[inline(always)]
fn order() {
    #[cfg(wouldblock_single_core)]
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// A place where an interrupt may come, for the host sweep.
#[inline(always)]
fn boundary() {
    #[cfg(all(feature = "testing", not(loom)))]
    crate::hooks::boundary();
}

macro_rules! word {
    ($(#[$meta:meta])* $name:ident, $value:ty, $atomic:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(crate) struct $name($atomic);

        impl $name {
            const_unless_loom! {
                #[inline(always)]
                pub(crate) fn new(value: $value) -> Self {
                    Self($atomic::new(value))
                }
            }

            /// The value, of which nothing else follows.
            #[inline(always)]
            pub(crate) fn get(&self) -> $value {
                boundary();
                self.0.load(Ordering::Relaxed)
            }

            /// Stores a value, from which nothing else follows.
            #[inline(always)]
            pub(crate) fn set(&self, value: $value) {
                boundary();
                self.0.store(value, Ordering::Relaxed);
            }

            /// The value. What was done before it was [released](Self::release) is seen after this.
            #[inline(always)]
            pub(crate) fn acquire(&self) -> $value {
                boundary();
                let value = self.0.load(ACQUIRE);
                order();
                value
            }

            /// Stores a value: whoever [acquires](Self::acquire) it sees what was done before this.
            #[inline(always)]
            pub(crate) fn release(&self, value: $value) {
                boundary();
                order();
                self.0.store(value, RELEASE);
            }
        }
    };
}

word!(
    /// A byte.
    Byte, u8, AtomicU8
);
word!(
    /// A word of 32 bits.
    Word, u32, AtomicU32
);

/// What is stored before this is seen by other cores before what is loaded after it is loaded.
#[inline(always)]
pub(crate) fn full_fence() {
    boundary();
    #[cfg(wouldblock_single_core)]
    order();
    #[cfg(all(not(wouldblock_single_core), not(loom)))]
    core::sync::atomic::fence(Ordering::SeqCst);
    #[cfg(loom)]
    super::loom::full_fence();
}

/// Runs `f` so that no other core runs such an `f` at the same time. In a binary of one core it is
/// no section: a handler may come in between.
#[inline(always)]
pub(crate) fn exclusive<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(not(wouldblock_single_core))]
    return super::section(|_| f());
    #[cfg(wouldblock_single_core)]
    {
        order();
        let end = f();
        order();
        end
    }
}
