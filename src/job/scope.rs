//! A background operation that borrows: a function that does not return before the operation has
//! ended.

// Invariant: while the slot holds a `Lent`, only the slot uses what the `Lent` points to, and the
// frame of `ScopedSlot::scope` that it points into is not left. The job is in that frame since
// before `begin`, the user's code cannot move it out, and the frame is left only after the job was
// collected.

use core::{cell::UnsafeCell, convert::Infallible, fmt, mem, ptr::NonNull, task::Waker};

use super::{Background, Busy, Done, Job, Slot, Stepped, handle::Ended};
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
/// The operation may have any type and any buffers, also on a stack. 56 bytes on a 64-bit target;
/// each step costs one more indirect call than in a [`Slot`].
///
/// ```
/// use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use wouldblock::{Attempt, block::Spin, job::{Background, ScopedSlot}};
///
/// static COME: AtomicUsize = AtomicUsize::new(0); // Stands for the device: the bytes it has.
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
///         handler(); // The read continues in the background ...
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

    /// Starts `op` in the background, runs `foreground` meanwhile, and returns when both have
    /// ended: the value of `foreground` and the end of `op`. Before it calls `foreground`, only an
    /// interrupt tries the operation.
    ///
    /// If the operation has not ended when `foreground` returns, it is cancelled and waited for,
    /// with `idle`. So `foreground` must call [`ScopedJob::wait`] to let the operation complete.
    ///
    /// # Errors
    /// [`Busy`] with the operation while another one is in the slot; `foreground` is not called.
    ///
    /// # Panics
    /// If `foreground` or the operation's `begin` panics. Before the panic leaves this function,
    /// the operation is cancelled and waited for, spinning, and the slot is idle again. If the
    /// device never releases the buffers, this waits for ever, as every blocking call does. It also
    /// waits for ever if the operation's own try, `arm`, `disarm` or `cancel` panics, since it is
    /// not known what its device still does.
    pub fn scope<A: Background, R>(
        &'static self,
        op: A,
        idle: impl Idle,
        foreground: impl FnOnce(&mut ScopedJob<'_>) -> R,
    ) -> Result<(R, Done<A>), Busy<A>> {
        let held = UnsafeCell::new(Held { op, result: None });
        // SAFETY: the invariant: `frame` collects the job before `frame` and `held` are dropped.
        let lent = unsafe { Lent::new(&held) };
        if !self.0.reserve() {
            return Err(Busy(held.into_inner().op));
        }
        // Made before the device is started: if `begin` panics, its drop waits for the end.
        let mut frame = Frame { job: Job::of(&self.0) };
        // SAFETY: this call has reserved the slot; the frame has the job.
        unsafe { self.0.fill_for_job(lent) };
        let value = foreground(&mut ScopedJob { job: &mut frame.job });
        frame.end(idle);
        drop(frame);
        let Held { op, result } = held.into_inner();
        // SAFETY: the job has ended, and `Held` stores the result before its try returns an end.
        let result = unsafe { result.unwrap_unchecked() };
        Ok((value, Done { op, result }))
    }

    /// Whether [`scope`](Self::scope) would accept an operation now.
    #[doc(hidden)]
    pub fn is_idle(&self) -> bool {
        self.0.is_idle()
    }
}

/// The operation of a [`ScopedSlot::scope`], while it runs and after it has ended.
///
/// Every wait ends at once after the operation has ended. The scope returns the operation's result.
pub struct ScopedJob<'f> {
    job: &'f mut Job<Lent>,
}

impl fmt::Debug for ScopedJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedJob").field(&self.job).finish()
    }
}

impl ScopedJob<'_> {
    /// Waits for the end, and idles with `idle` between two tries.
    #[inline]
    pub fn wait(&mut self, idle: impl Idle) {
        let Ok(()) = self.ended().block(idle);
    }

    /// One try.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: the operation still runs.
    #[inline]
    pub fn attempt(&mut self) -> Result<(), nb::Error<Infallible>> {
        self.ended().attempt()
    }

    /// The end, in every form. It may be waited for several times.
    #[inline]
    pub const fn ended(&mut self) -> Operation<impl Wait<Output = (), Error = Infallible>> {
        Operation::new(ScopeEnded(Ended(self.job)))
    }

    /// Asks the operation to stop. Its end says how far it got.
    pub fn cancel(&mut self) {
        self.job.cancel();
    }
}

/// See [`ScopedJob::ended`].
struct ScopeEnded<'j>(Ended<'j, Lent>);

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
        self.end(Spin); // Waits only if a panic unwinds.
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

/// What the slot owns: the address of the operation in the frame.
struct Lent(NonNull<Dyn<'static>>);

// SAFETY: by the invariant it is the only way to what it points to, which is `Background`, hence
// `Send`.
unsafe impl Send for Lent {}

impl Lent {
    /// # Safety
    /// Until the operation has ended and was collected from its slot, `held` is neither moved nor
    /// used.
    unsafe fn new<'a, A: Background + 'a>(held: &UnsafeCell<Held<A>>) -> Self {
        let held: *mut Dyn<'a> = held.get();
        // SAFETY: the address comes from a reference, so it is not null. The caller guarantees what
        // the erased lifetime would.
        Self(unsafe {
            mem::transmute::<NonNull<Dyn<'a>>, NonNull<Dyn<'static>>>(NonNull::new_unchecked(held))
        })
    }

    #[inline(always)]
    fn get_mut(&mut self) -> &mut Dyn<'static> {
        // SAFETY: by the invariant nothing else uses it while this is in the slot, and only the
        // slot uses this.
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
