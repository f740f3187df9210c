//! An operation of any type, in place.

// Invariant: from `new` until `into_inner` or `drop`, `storage` holds a value of the type that
// `kind` describes.

use core::{
    any::TypeId,
    cell::UnsafeCell,
    fmt,
    mem::{ManuallyDrop, MaybeUninit},
    ptr,
};

use super::Background;
use crate::attempt::{Attempt, forward_arming};

/// Any background operation with this output and error, in `N` bytes, without an allocator.
///
/// For operations whose type cannot be named in a `static` (those with closures, as
/// [`map`](crate::Attempt::map) makes), or one slot for different types over time. `N` bytes
/// (rounded up to 8) plus a pointer; one more indirect call per step.
///
/// ```
/// use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use wouldblock::{Attempt, job::{Background, Inline, Slot}};
///
/// static DATA: AtomicU32 = AtomicU32::new(0); // Stands for a register: 0 is "not yet".
/// static SLOT: Slot<Inline<u32, (), 16>> = Slot::new();
///
/// struct Read;
/// impl Attempt for Read {
///     type Output = u32;
///     type Error = ();
///     fn attempt(&mut self) -> nb::Result<u32, ()> {
///         match DATA.load(Relaxed) {
///             0 => Err(nb::Error::WouldBlock),
///             data => Ok(data),
///         }
///     }
/// }
/// impl Background for Read { fn begin(&mut self) {} fn cancel(&mut self) {} }
///
/// let scale = 2;
/// let mut job = SLOT.start(Inline::new(Read.map(move |data| data * scale))).unwrap();
/// DATA.store(21, Relaxed);
/// drop(SLOT.on_interrupt()); // In the handler.
/// assert_eq!(job.attempt().unwrap().result, Ok(42));
/// ```
///
/// An operation that is larger than `N` bytes, or aligned to more than 8, does not compile:
///
/// ```compile_fail
/// # use wouldblock::{Attempt, job::{Background, Inline}};
/// # struct Read([u8; 17]);
/// # impl Attempt for Read {
/// #     type Output = u8;
/// #     type Error = ();
/// #     fn attempt(&mut self) -> nb::Result<u8, ()> { Ok(self.0[3]) }
/// # }
/// # impl Background for Read { fn begin(&mut self) {} fn cancel(&mut self) {} }
/// let _ = Inline::<u8, (), 16>::new(Read([0; 17]));
/// ```
#[must_use = "an operation does nothing until it is started"]
pub struct Inline<T: 'static, E: 'static, const N: usize> {
    kind: &'static Kind<T, E>,
    storage: Storage<N>,
}

/// An `UnsafeCell`, since the operation may contain a cell: so this is not `Sync` either.
#[repr(align(8))]
struct Storage<const N: usize>(UnsafeCell<MaybeUninit<[u8; N]>>);

type Dyn<T, E> = dyn Background<Output = T, Error = E>;

/// Describes the type of an operation that is stored without its type.
struct Kind<T: 'static, E: 'static> {
    /// The operation at an address that holds one.
    erase: fn(*mut ()) -> *mut Dyn<T, E>,
    id: fn() -> TypeId,
}

impl<T, E> Kind<T, E> {
    /// The description of `A`.
    const fn of<A: Background<Output = T, Error = E> + 'static>() -> &'static Self {
        &Self { erase: |address| address.cast::<A>() as *mut Dyn<T, E>, id: TypeId::of::<A> }
    }

    /// Whether it describes `A`.
    fn is<A: 'static>(&self) -> bool {
        (self.id)() == TypeId::of::<A>()
    }
}

// SAFETY: by the invariant it holds a value of a `Background` type, hence `Send`, and `kind` points
// to constants.
unsafe impl<T, E, const N: usize> Send for Inline<T, E, N> {}

impl<T, E, const N: usize> fmt::Debug for Inline<T, E, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inline(..)")
    }
}

impl<T, E, const N: usize> Inline<T, E, N> {
    /// Stores `op` without its type.
    #[inline]
    pub fn new<A: Background<Output = T, Error = E> + 'static>(op: A) -> Self {
        const {
            assert!(size_of::<A>() <= N, "the operation is larger than the N bytes of this Inline");
            assert!(align_of::<A>() <= 8, "the operation is aligned to more than 8 bytes");
        }
        let storage = Storage(UnsafeCell::new(MaybeUninit::uninit()));
        // SAFETY: the storage is large enough and aligned, as checked above.
        unsafe { storage.0.get().cast::<A>().write(op) };
        Self { kind: Kind::of::<A>(), storage }
    }

    /// The operation, if it is of type `A`.
    ///
    /// # Errors
    /// `self`, unchanged, if it is of another type.
    pub fn into_inner<A: 'static>(self) -> Result<A, Self> {
        if !self.kind.is::<A>() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: by the invariant it holds an `A`, which is moved out once.
        Ok(unsafe { this.storage.0.get().cast::<A>().read() })
    }
}

impl<T, E, const N: usize> Inline<T, E, N> {
    #[inline(always)]
    fn get_mut(&mut self) -> &mut Dyn<T, E> {
        let address = self.storage.0.get().cast();
        // SAFETY: by the invariant it holds an operation, which is borrowed as `self` is.
        unsafe { &mut *(self.kind.erase)(address) }
    }
}

impl<T, E, const N: usize> Drop for Inline<T, E, N> {
    fn drop(&mut self) {
        // SAFETY: by the invariant it holds an operation, which is dropped once.
        unsafe { ptr::drop_in_place(self.get_mut()) };
    }
}

impl<T, E, const N: usize> Attempt for Inline<T, E, N> {
    type Output = T;
    type Error = E;

    #[inline]
    fn attempt(&mut self) -> nb::Result<T, E> {
        self.get_mut().attempt()
    }

    forward_arming!(|this| this.get_mut());
}

impl<T: Send, E: Send, const N: usize> Background for Inline<T, E, N> {
    forward_background!(|this| this.get_mut());
}
