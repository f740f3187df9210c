//! A background operation that borrows: a bracket that does not return before it has ended.

// Invariant: while the slot has a tenant, what that points to is used through the slot alone, and
// the frame of `ScopedSlot::scope` to which it belongs is not left. The tenant's job is in that
// frame from before its `begin`, out of the user's reach, and the frame is only left after the job
// was collected.

use core::{cell::UnsafeCell, convert::Infallible, fmt, mem, ptr::NonNull, task::Waker};

use super::{Background, Busy, Done, Ended, Job, Slot, Stepped};
use crate::{
    atomic::const_unless_loom,
    attempt::{Attempt, forward_arming},
    block::{Idle, Spin},
    event::{
        Operation,
        wait::{Wait, forward_waiting, sealed::Sealed},
    },
};

/// Room for one background operation at a time that may borrow what it works on, in a `static`.
///
/// Of any type, and with any buffers, also on a stack. 56 bytes on a 64-bit target; each step costs
/// one indirect call more than in a [`Slot`].
///
/// ```
/// use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use wouldblock::{Attempt, block::Spin, job::{Background, ScopedSlot}};
///
/// static COME: AtomicUsize = AtomicUsize::new(0); // Stands for the device: bytes that have come.
/// static SLOT: ScopedSlot = ScopedSlot::new();
///
/// fn handler() { drop(SLOT.on_interrupt()); }
///
/// struct Read<'b> { buffer: &'b mut [u8], read: usize }
/// impl Attempt for Read<'_> {
///     type Output = usize;
///     type Error = ();
///     fn attempt(&mut self) -> nb::Result<usize, ()> {
///         while self.read < self.buffer.len() && self.read < COME.load(Relaxed) {
///             self.buffer[self.read] = b'a' + self.read as u8;
///             self.read += 1;
///         }
///         if self.read < self.buffer.len() { Err(nb::Error::WouldBlock) } else { Ok(self.read) }
///     }
/// }
/// impl Background for Read<'_> { fn begin(&mut self) {} fn cancel(&mut self) {} }
///
/// let mut buffer = [0; 3];
/// let read = Read { buffer: &mut buffer, read: 0 };
/// let (sum, done) = SLOT
///     .scope(read, Spin, |job| {
///         COME.store(3, Relaxed);
///         handler(); // The read goes on in the background ...
///         let sum: u32 = (1..=10).sum(); // ... while this works on something else.
///         job.wait(Spin);
///         sum
///     })
///     .expect("nothing else is in the slot");
/// assert_eq!((sum, done.result, &buffer), (55, Ok(3), b"abc"));
/// ```
#[derive(Default)]
pub struct ScopedSlot(Slot<Lent>);

impl fmt::Debug for ScopedSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedSlot").field(&self.0).finish()
    }
}

impl ScopedSlot {
    const_unless_loom! {
        /// An idle slot.
        pub fn new() -> Self {
            Self(Slot::new())
        }
    }

    /// One step, by a handler, as [`Slot::on_interrupt`].
    #[inline]
    pub fn on_interrupt(&'static self) -> Stepped {
        self.0.on_interrupt()
    }

    /// Sets `op` going in the background, runs `foreground` meanwhile, and returns when both have
    /// ended, with what `foreground` returned and the end of `op`. It is never tried before this
    /// calls `foreground`, except by an interrupt.
    ///
    /// An operation that has not ended when `foreground` returns is cancelled, and waited for, with
    /// `idle` to pass the time. So `foreground` calls [`ScopedJob::wait`] if it wants the end.
    ///
    /// # Errors
    /// [`Busy`] with the operation while another one is in the slot: `foreground` was not run.
    ///
    /// # Panics
    /// If `foreground` or the operation's `begin` does. Before that unwinds out of here, the
    /// operation is cancelled and waited for, spinning, and the slot is idle again. A device that
    /// never lets go is waited for for ever, as every blocking call does. So is an operation whose
    /// own try panics, since it is not known what its device still does.
    pub fn scope<A: Background, R>(
        &'static self,
        op: A,
        idle: impl Idle,
        foreground: impl FnOnce(&mut ScopedJob<'_>) -> R,
    ) -> Result<(R, Done<A>), Busy<A>> {
        let held = UnsafeCell::new(Held { op, result: None });
        // SAFETY: the invariant: `frame` collects the job before it, and `held`, goes.
        let lent = unsafe { Lent::new(&held) };
        if !self.0.reserve() {
            return Err(Busy(held.into_inner().op));
        }
        // Before the device is set going: if `begin` panics, this waits for the end.
        let mut frame = Frame { job: Job::of(&self.0) };
        // SAFETY: reserved, by this call; the job is the frame's.
        unsafe { self.0.fill_for_job(lent) };
        let value = foreground(&mut ScopedJob { job: &mut frame.job });
        frame.end(idle);
        drop(frame);
        let Held { op, result } = held.into_inner();
        // SAFETY: the job has ended, and `Held` answers with an end only after it has put it there.
        let result = unsafe { result.unwrap_unchecked() };
        Ok((value, Done { op, result }))
    }

    /// Whether [`scope`](Self::scope) would accept an operation now.
    pub fn is_idle(&self) -> bool {
        self.0.is_idle()
    }
}

/// The operation of a [`ScopedSlot::scope`], while it runs and after it.
///
/// It ends when the operation has, again and again: what the operation yields is what the scope
/// returns.
pub struct ScopedJob<'f> {
    job: &'f mut Job<Lent>,
}

impl fmt::Debug for ScopedJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedJob").field(&self.job).finish()
    }
}

impl ScopedJob<'_> {
    /// Waits for the end; `idle` says how the time between two looks is passed.
    #[inline]
    pub fn wait(&mut self, idle: impl Idle) {
        let Ok(()) = self.ended().block(idle);
    }

    /// One look.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: it still runs.
    #[inline]
    pub fn attempt(&mut self) -> Result<(), nb::Error<Infallible>> {
        self.ended().attempt()
    }

    /// The end, in every form, again and again.
    #[inline]
    pub const fn ended(&mut self) -> Operation<ScopeEnded<'_>> {
        Operation::new(ScopeEnded(Ended(self.job)))
    }

    /// Asks the operation to stop. It still has an end, which says how far it got.
    pub fn cancel(&mut self) {
        self.job.cancel();
    }
}

/// See [`ScopedJob::ended`].
pub struct ScopeEnded<'j>(Ended<'j, Lent>);

impl Sealed for ScopeEnded<'_> {}
#[diagnostic::do_not_recommend]
impl Wait for ScopeEnded<'_> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.0.0.is_collected() { Ok(()) } else { self.0.attempt().map(drop) }
    }

    forward_waiting!(|this| this.0);
}

/// The part of a scope that is never left before the job has ended.
struct Frame {
    job: Job<Lent>,
}

impl Frame {
    fn end(&mut self, idle: impl Idle) {
        if !self.job.is_collected() {
            self.job.cancel();
            let Ok(_collected) = self.job.ended().block(idle);
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.end(Spin); // Nothing to do, but where a panic unwinds.
    }
}

/// The operation in the frame, and the place for its result.
struct Held<A: Attempt> {
    op: A,
    result: Option<Result<A::Output, A::Error>>,
}

impl<A: Attempt> Attempt for Held<A> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.result = match self.op.attempt() {
            Ok(output) => Some(Ok(output)),
            Err(nb::Error::Other(error)) => Some(Err(error)),
            Err(nb::Error::WouldBlock) => return Err(nb::Error::WouldBlock),
        };
        Ok(())
    }

    forward_arming!(|this| this.op);
}

impl<A: Background> Background for Held<A> {
    forward_background!(|this| this.op);
}

type Dyn<'a> = dyn Background<Output = (), Error = Infallible> + 'a;

/// What the slot owns: the address of what is held in the frame.
struct Lent(NonNull<Dyn<'static>>);

// SAFETY: by the invariant it is the only way to what it points to, which is `Background`, hence
// `Send`.
unsafe impl Send for Lent {}

impl Lent {
    /// # Safety
    /// Until the operation has ended and was collected from its slot, `held` stays where it is, and
    /// is not used.
    unsafe fn new<'a, A: Background + 'a>(held: &UnsafeCell<Held<A>>) -> Self {
        let held: *mut Dyn<'a> = held.get();
        // SAFETY: an address comes from a reference, so it is not null. The lifetime that is
        // forgotten here is what the caller answers for.
        Self(unsafe {
            mem::transmute::<NonNull<Dyn<'a>>, NonNull<Dyn<'static>>>(NonNull::new_unchecked(held))
        })
    }

    #[inline(always)]
    fn get_mut(&mut self) -> &mut Dyn<'static> {
        // SAFETY: by the invariant nobody else uses it while this is in the slot, and only the slot
        // uses this.
        unsafe { self.0.as_mut() }
    }
}

impl Attempt for Lent {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        self.get_mut().attempt()
    }

    forward_arming!(|this| this.get_mut());
}

impl Background for Lent {
    forward_background!(|this| this.get_mut());
}
