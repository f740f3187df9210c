//! Words that are loaded and stored, and never exchanged: one instruction each on every
//! processor, without a lock prefix, a loop or a critical section.
//!
//! What several contexts change is changed in critical sections, unless each of them stores the same
//! value, or one of them owns it.
//! In a binary of one core ([`wouldblock_single_core`](crate#one-core)) the order that the compiler
//! keeps is all that handlers and the foreground need, so there the barriers of the processor are
//! left out.

#[cfg(not(loom))]
use core::sync::atomic::AtomicU32;

#[cfg(loom)]
use loom::sync::atomic::AtomicU32;

use super::{Ordering, const_unless_loom};

/// How this binary loads and stores what another context may have written. Between it and the
/// context's other accesses the compiler fence of [`order`] stands, where it says `Relaxed`.
pub(super) const ACQUIRE: Ordering =
    if cfg!(wouldblock_single_core) { Ordering::Relaxed } else { Ordering::Acquire };
pub(super) const RELEASE: Ordering =
    if cfg!(wouldblock_single_core) { Ordering::Relaxed } else { Ordering::Release };

/// Keeps the order of the accesses before and after it, in a binary of one core.
#[inline(always)]
pub(crate) fn order() {
    #[cfg(wouldblock_single_core)]
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}

/// A place where an interrupt may come, for the host sweep.
#[inline(always)]
#[cfg_attr(all(feature = "testing", not(loom)), track_caller)]
pub(super) fn boundary() {
    #[cfg(all(feature = "testing", not(loom)))]
    crate::hooks::boundary();
}

/// A type of such values.
macro_rules! word {
    ($(#[$meta:meta])* $name:ident, $value:ty, $atomic:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(crate) struct $name(pub(super) $atomic);

        impl $name {
            const_unless_loom! {
                #[inline(always)]
                pub(crate) fn new(value: $value) -> Self {
                    Self($atomic::new(value))
                }
            }

            /// The value, of which nothing else follows.
            #[inline(always)]
            #[cfg_attr(all(feature = "testing", not(loom)), track_caller)]
            pub(crate) fn get(&self) -> $value {
                boundary();
                self.0.load(Ordering::Relaxed)
            }

            /// The value. What was done before it was [released](Self::release) is seen after this.
            #[inline(always)]
            #[cfg_attr(all(feature = "testing", not(loom)), track_caller)]
            pub(crate) fn acquire(&self) -> $value {
                boundary();
                let value = self.0.load(ACQUIRE);
                order();
                value
            }

            /// Stores a value: a context that [acquires](Self::acquire) it sees what was done before this.
            #[inline(always)]
            #[cfg_attr(all(feature = "testing", not(loom)), track_caller)]
            pub(crate) fn release(&self, value: $value) {
                boundary();
                order();
                self.0.store(value, RELEASE);
            }
        }
    };
}
#[cfg(any(
    wouldblock_sections,
    wouldblock_single_core,
    not(target_pointer_width = "64"),
    not(target_has_atomic = "32")
))]
pub(super) use word;

word!(
    /// A word of 32 bits.
    Word, u32, AtomicU32
);
