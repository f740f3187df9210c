//! The hooks by which host tests interrupt the library: `atomic` calls them, and a run of `testing`
//! installs what they do on its thread. Without a run they do nothing.

use std::{
    any::type_name,
    cell::{Cell, RefCell},
    rc::Rc,
};

thread_local! {
    /// The run of this thread.
    static RUN: RefCell<Option<Rc<dyn Hooks>>> = const { RefCell::new(None) };
    /// Whether there is one. Outside a run a boundary checks only this.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    /// The number of the library's critical sections that this thread is in.
    static SECTIONS: Cell<u32> = const { Cell::new(0) };
}

/// A cell: its address, and its type. The type tells a cell from its first field, which has the same
/// address.
pub(crate) type Address = (usize, &'static str);

/// What a run does at the hooks.
pub(crate) trait Hooks {
    /// An interrupt may come here.
    fn boundary(&self);
    /// The use of a cell begins. Does not return if the interrupted code is already using the cell,
    /// and one of the two uses is exclusive.
    fn begin_access(&self, cell: Address, exclusive: bool);
    /// The last use that has begun ends.
    fn end_access(&self);
}

/// Installs the run of this thread.
pub(crate) fn install(run: Rc<dyn Hooks>) {
    RUN.set(Some(run));
    RUNNING.set(true);
}

/// Removes the run of this thread.
pub(crate) fn remove() {
    pause();
    RUN.set(None);
}

/// The run of this thread gets no more calls.
pub(crate) fn pause() {
    RUNNING.set(false);
}

/// Whether this thread is in one of the library's critical sections.
pub(crate) fn in_section() -> bool {
    SECTIONS.get() != 0
}

/// Marks a place at which an interrupt may come. A fake of a device calls this at the beginning of
/// each register access. The library calls it at each access to memory that it shares with
/// handlers, and at both ends of its critical sections. Outside a
/// [`sweep`](crate::testing::sweep()) it does nothing.
#[inline]
pub fn boundary() {
    if let Some(run) = current() {
        run.boundary();
    }
}

/// Runs `f` while handlers are held off.
pub(crate) fn masked<R>(f: impl FnOnce() -> R) -> R {
    struct Mask;
    impl Drop for Mask {
        fn drop(&mut self) {
            SECTIONS.set(SECTIONS.get() - 1);
        }
    }
    SECTIONS.set(SECTIONS.get() + 1);
    let _mask = Mask;
    f()
}

/// Runs `f`, which uses the content of `cell`. Gives the run up if the interrupted code is already
/// using the cell, and one of the two uses is exclusive. An interrupt may come before the use, and,
/// if it is exclusive, in the middle of it.
pub(crate) fn access<T, R>(cell: *const T, exclusive: bool, f: impl FnOnce() -> R) -> R {
    boundary();
    let run = if size_of::<T>() != 0 { current() } else { None };
    let Some(run) = run else { return f() };
    run.begin_access((cell.addr(), type_name::<T>()), exclusive);
    let _access = Access(run);
    if exclusive {
        boundary();
    }
    f()
}

/// The use of a cell, which ends when this is dropped.
struct Access(Rc<dyn Hooks>);

impl Drop for Access {
    fn drop(&mut self) {
        self.0.end_access();
    }
}

fn current() -> Option<Rc<dyn Hooks>> {
    if RUNNING.get() { RUN.with_borrow(Clone::clone) } else { None }
}
