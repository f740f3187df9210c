//! An operation of any type, on the heap, which no handler ever frees.

// Invariant: a node belongs to its `Boxed` until that is dropped or emptied; then, whole, to the
// list of the dropped, until one call of `free_dropped` takes it off. `next` is only used in a
// critical section, while the node is in the list.

use alloc::boxed::Box;
use core::{
    any::TypeId,
    cell::Cell,
    fmt,
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};

use critical_section::Mutex;

use super::Background;
use crate::{
    atomic::section,
    attempt::{Attempt, forward_arming},
};

type Dyn<T, E> = dyn Background<Output = T, Error = E>;

/// What of a node does not depend on the type of its operation.
struct Header {
    next: Cell<*mut Header>,
    /// Frees the node of which this is the header.
    free: unsafe fn(*mut Header),
    id: fn() -> TypeId,
}

/// The header comes first, so the address of one is that of the other.
#[repr(C)]
struct Node<A: ?Sized> {
    header: Header,
    op: A,
}

/// The nodes that were dropped and are not freed yet.
struct Dropped(Mutex<Cell<*mut Header>>);

// SAFETY: by the invariant what it points to is whole, belongs to nobody else, and holds an
// operation, which is `Send`; the pointer is only touched in critical sections.
unsafe impl Sync for Dropped {}

static DROPPED: Dropped = Dropped(Mutex::new(Cell::new(ptr::null_mut())));

/// Any background operation with this output and error, on the heap: for what is too large for an
/// [`Inline`](super::Inline), or whose size is only known at run time. Two pointers; each step
/// costs one indirect call more.
///
/// Dropping one neither drops what is inside nor frees its memory: that is done by the next
/// [`new`](Self::new), or by [`free_dropped`]. So a callback, in an interrupt handler, may drop it.
///
/// ```
/// use wouldblock::{Attempt, job::{self, Boxed, Slot}};
///
/// static SLOT: Slot<Boxed<usize, ()>> = Slot::new();
///
/// let bytes = vec![7_u8; 4096];
/// let read = job::from_fns(|| {}, move || Ok::<_, nb::Error<()>>(bytes.len()), || {});
/// SLOT.start_with(Boxed::new(read), |done| assert_eq!(done.result, Ok(4096))).unwrap();
/// drop(SLOT.on_interrupt()); // In the handler, which frees nothing.
/// assert_eq!(job::free_dropped(), 1);
/// ```
#[must_use = "an operation does nothing until it is started"]
pub struct Boxed<T: 'static, E: 'static>(NonNull<Node<Dyn<T, E>>>);

// SAFETY: by the invariant it owns its node, and a `Background` is `Send`.
unsafe impl<T, E> Send for Boxed<T, E> {}

impl<T, E> fmt::Debug for Boxed<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Boxed(..)")
    }
}

impl<T, E> Boxed<T, E> {
    /// `op`, without its type, in memory of its own. First frees what was dropped. Not for
    /// handlers: it allocates.
    pub fn new<A: Background<Output = T, Error = E> + 'static>(op: A) -> Self {
        free_dropped();
        let header =
            Header { next: Cell::new(ptr::null_mut()), free: free::<A>, id: TypeId::of::<A> };
        let node: Box<Node<Dyn<T, E>>> = Box::new(Node { header, op });
        Self(NonNull::from(Box::leak(node)))
    }

    /// The operation, if it is of this type; its memory is freed, so this is not for handlers.
    ///
    /// # Errors
    /// This, unharmed, if it is of another type.
    pub fn into_inner<A: 'static>(self) -> Result<A, Self> {
        // SAFETY: by the invariant this owns the node.
        if (unsafe { self.0.as_ref() }.header.id)() != TypeId::of::<A>() {
            return Err(self);
        }
        let node = ManuallyDrop::new(self).0.cast::<Node<A>>();
        // SAFETY: by the invariant this owned the node, which has let go of it. It came from a box
        // of a `Node<A>`, as its id says.
        Ok(unsafe { Box::from_raw(node.as_ptr()) }.op)
    }

    #[inline(always)]
    fn get_mut(&mut self) -> &mut Dyn<T, E> {
        // SAFETY: by the invariant this owns the node, which is borrowed as `self` is.
        unsafe { &mut self.0.as_mut().op }
    }
}

impl<T, E> Drop for Boxed<T, E> {
    fn drop(&mut self) {
        let header = self.0.cast::<Header>();
        section(|section| {
            let list = DROPPED.0.borrow(section);
            // SAFETY: by the invariant the node was this one's until now; it enters the list here.
            unsafe { header.as_ref() }.next.set(list.replace(header.as_ptr()));
        });
    }
}

/// Drops the operations whose [`Boxed`] was dropped, and frees their memory; returns how many. For
/// a program that has a quiet moment. Never call it in a handler.
///
/// # Panics
/// If one of the drops does. Its memory is free, and the others are left for the next call.
pub fn free_dropped() -> usize {
    let mut freed = 0;
    while let Some(header) = take_dropped() {
        // SAFETY: by the invariant what was taken off the list belongs to this call; `free` is that
        // of this node, which is not used after it.
        unsafe { (header.as_ref().free)(header.as_ptr()) };
        freed += 1;
    }
    freed
}

/// Takes one node off the list: one at a time, so that the rest stays there if a drop panics.
fn take_dropped() -> Option<NonNull<Header>> {
    section(|section| {
        let list = DROPPED.0.borrow(section);
        let first = NonNull::new(list.get())?;
        // SAFETY: by the invariant it is whole while it is in the list.
        list.set(unsafe { first.as_ref() }.next.get());
        Some(first)
    })
}

/// # Safety
/// `header` is that of a `Node<A>` that came from a box, and it is the caller's.
unsafe fn free<A>(header: *mut Header) {
    // SAFETY: by the caller; a node begins with its header.
    drop(unsafe { Box::from_raw(header.cast::<Node<A>>()) });
}

impl<T, E> Attempt for Boxed<T, E> {
    type Output = T;
    type Error = E;

    #[inline]
    fn attempt(&mut self) -> nb::Result<T, E> {
        self.get_mut().attempt()
    }

    forward_arming!(|this| this.get_mut());
}

impl<T: Send, E: Send> Background for Boxed<T, E> {
    forward_background!(|this| this.get_mut());
}
