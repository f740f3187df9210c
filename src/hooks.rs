//! The hooks by which host tests interrupt the library: `atomic` calls them, and a run of `testing`
//! installs what they do on its thread. Without a run they do nothing.

use core::panic::Location;
use std::{
    any::type_name,
    cell::{Cell, RefCell},
    rc::Rc,
};

use critical_section::CriticalSection;

use crate::section;

thread_local! {
    /// The run of this thread.
    static RUN: RefCell<Option<Rc<dyn Hooks>>> = const { RefCell::new(None) };
    /// Whether there is one. Outside a run a boundary checks only this.
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    /// Whether handlers are held off on this thread without a critical section.
    static MASKED: Cell<bool> = const { Cell::new(false) };
    /// Whether the next end of a critical section is one of the library's, which is a boundary already.
    static KNOWN: Cell<bool> = const { Cell::new(false) };
}

/// Where a boundary is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the access in this line.
    Access(&'static Location<'static>),
    /// Where a critical section begins: the library's in this line, or that of other code.
    Begin(Option<&'static Location<'static>>),
    /// Behind a critical section.
    End(Option<&'static Location<'static>>),
}

/// A cell: its address, and its type. The type tells a cell from its first field, which has the same
/// address.
pub(crate) type Address = (usize, &'static str);

/// What a run does at the hooks.
pub(crate) trait Hooks {
    /// An interrupt may come here.
    fn boundary(&self, here: Place);
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

/// Whether handlers are held off on this thread. Async-signal-safe.
pub(crate) fn held_off() -> bool {
    MASKED.get() || section::held()
}

/// Marks a place at which an interrupt may come. A fake of a device calls this at the beginning of
/// each register access. The library calls it at each access to memory that it shares with
/// handlers. Every end of a critical section is such a place, too. Outside a
/// [`sweep`](crate::testing::sweep()) it does nothing.
///
/// A failure names the line of this call; or, if the function around it is `#[track_caller]`, the
/// line of the driver that calls that.
#[inline]
#[track_caller]
pub fn boundary() {
    boundary_at(Place::Access(Location::caller()));
}

fn boundary_at(here: Place) {
    if let Some(run) = current() {
        run.boundary(here);
    }
}

/// Runs `f` in a critical section. An event that was held off during it comes at its end.
#[track_caller]
pub(crate) fn section<R>(f: impl FnOnce(CriticalSection<'_>) -> R) -> R {
    let line = Location::caller();
    boundary_at(Place::Begin(Some(line)));
    KNOWN.set(true);
    let end = critical_section::with(|section| {
        let end = f(section);
        KNOWN.set(true);
        end
    });
    boundary_at(Place::End(Some(line)));
    end
}

/// This thread is about to enter a critical section, the library's or another.
pub(crate) fn section_begins() {
    if !KNOWN.take() {
        boundary_at(Place::Begin(None));
    }
}

/// This thread has left a critical section, the library's or another.
pub(crate) fn section_ends() {
    if !KNOWN.take() {
        boundary_at(Place::End(None));
    }
}

/// Runs `f` while handlers are held off.
pub(crate) fn masked<R>(f: impl FnOnce() -> R) -> R {
    /// Whether they were before.
    struct Mask(bool);
    impl Drop for Mask {
        fn drop(&mut self) {
            MASKED.set(self.0);
        }
    }
    let _mask = Mask(MASKED.replace(true));
    f()
}

/// Runs `f`, which uses the content of `cell`. Gives the run up if the interrupted code is already
/// using the cell, and one of the two uses is exclusive. An interrupt may come before the use, and,
/// if it is exclusive, in the middle of it.
#[track_caller]
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
