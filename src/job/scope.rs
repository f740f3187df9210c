//! A background operation that borrows: a bracket that does not return before it has ended.
//!
//! # Invariant
//! **While the line's slot has a tenant, what that points to is used through the slot alone, and
//! the frame of [`Line::scope`] to which it belongs is not left.** The tenant's job is in that
//! frame, out of the user's reach, and the frame is only left after the job was collected.

use core::{cell::UnsafeCell, convert::Infallible, fmt, mem, ptr::NonNull, time::Duration};

use super::{Background, Busy, Done, Driven, Job, Slot};
use crate::{
    atomic::const_unless_loom,
    attempt::{Attempt, forward_arming},
    block::{Idle, IdleUntil, Spin},
    time::{Clock, Deadline},
};

/// Room for one background operation at a time that may borrow what it works on, in a `static`: of
/// any type, and with buffers that are anybody's, a stack's too. 56 bytes on a 64-bit target; each
/// step costs one indirect call more than in a [`Slot`].
///
/// ```
/// use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use wouldblock::{Attempt, block::Spin, job::{Background, Line}};
///
/// static COME: AtomicUsize = AtomicUsize::new(0); // Stands for the device: bytes that have come.
/// static LINE: Line = Line::new();
///
/// fn handler() { drop(LINE.on_interrupt()); }
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
/// let (sum, done) = LINE
///     .scope(read, Spin, |job| {
///         COME.store(3, Relaxed);
///         handler(); // The read goes on in the background ...
///         let sum: u32 = (1..=10).sum(); // ... while this works on something else.
///         job.wait(Spin);
///         sum
///     })
///     .expect("nothing else is on the line");
/// assert_eq!((sum, done.result, &buffer), (55, Ok(3), b"abc"));
/// ```
#[derive(Default)]
pub struct Line(Slot<Lent>);

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Line").field(&self.0).finish()
    }
}

impl Line {
    const_unless_loom! {
        /// A line with nothing on it.
        pub fn new() -> Self {
            Self(Slot::new())
        }
    }

    /// One step, by a handler, as [`Slot::on_interrupt`].
    #[inline]
    pub fn on_interrupt(&'static self) -> Driven {
        self.0.on_interrupt()
    }

    /// Sets `op` going in the background, runs `foreground` meanwhile, and returns when both have
    /// ended, with what `foreground` returned and the end of `op`. It is never tried before this
    /// calls `foreground`, except by an interrupt.
    ///
    /// An operation that has not ended when `foreground` returns is cancelled, and waited for, with
    /// `idle` to pass the time. So `foreground` calls [`Scoped::wait`] if it wants the end. If
    /// `foreground` panics, and that unwinds, the operation is cancelled and waited for, spinning:
    /// a device that never lets go is waited for for ever, as every blocking call does. So is an
    /// operation whose own try panics, since nobody knows what its device still does.
    ///
    /// # Errors
    /// [`Busy`] with the operation while another one is on the line: `foreground` was not run.
    pub fn scope<A: Background, R>(
        &'static self,
        op: A,
        idle: impl Idle,
        foreground: impl FnOnce(&mut Scoped<'_>) -> R,
    ) -> Result<(R, Done<A>), Busy<A>> {
        let held = UnsafeCell::new(Held { op, result: None });
        // SAFETY: the invariant: `frame` collects the job before it, and `held`, goes.
        let lent = unsafe { Lent::new(&held) };
        let Ok(job) = self.0.start(lent) else { return Err(Busy(held.into_inner().op)) };
        let mut frame = Frame { job };
        let value = foreground(&mut Scoped { job: &mut frame.job });
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

/// The operation of a [`Line::scope`], while it runs and after it.
///
/// As an [`Attempt`] it ends when the operation has, again and again: what the operation yields is
/// what the scope returns.
pub struct Scoped<'f> {
    job: &'f mut Job<Lent>,
}

impl fmt::Debug for Scoped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scoped").field(&self.job).finish()
    }
}

impl Scoped<'_> {
    /// Waits for the end; `idle` says how the time between two looks is passed.
    #[inline]
    pub fn wait(&mut self, idle: impl Idle) {
        self.job.collect(idle);
    }

    /// Waits for at least `duration`, as [`try_until`](Self::try_until).
    ///
    /// # Errors
    /// As [`try_until`](Self::try_until).
    #[inline]
    pub fn try_for<C: Clock>(
        &mut self,
        idle: impl IdleUntil<C>,
        clock: C,
        duration: Duration,
    ) -> nb::Result<(), Infallible> {
        self.try_until(idle, &Deadline::after(clock, duration))
    }

    /// Waits until `deadline`, and looks once more after it.
    ///
    /// # Errors
    /// [`nb::Error::WouldBlock`]: the time is up, and the operation still runs.
    #[inline]
    pub fn try_until<C: Clock>(
        &mut self,
        idle: impl IdleUntil<C>,
        deadline: &Deadline<C>,
    ) -> nb::Result<(), Infallible> {
        self.job.collect_until(idle, deadline).map(drop)
    }

    /// Asks the operation to stop. It still has an end, which says how far it got.
    pub fn cancel(&mut self) {
        self.job.cancel();
    }
}

impl Attempt for Scoped<'_> {
    type Output = ();
    type Error = Infallible;

    #[inline]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.job.is_collected() { Ok(()) } else { self.job.attempt().map(drop) }
    }
}

/// The part of a scope that is never left before the job has ended.
struct Frame {
    job: Job<Lent>,
}

impl Frame {
    fn end(&mut self, idle: impl Idle) {
        if !self.job.is_collected() {
            self.job.cancel();
            self.job.collect(idle);
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
    fn get(&self) -> &Dyn<'static> {
        // SAFETY: as below.
        unsafe { self.0.as_ref() }
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

    forward_arming!(|this| this.get(), this.get_mut());
}

impl Background for Lent {
    forward_background!(|this| this.get_mut());
}
