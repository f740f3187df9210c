//! Blocking: how a caller retries until the end, and how it idles between two tries.
//!
//! Everything here is synchronous: when a call returns, nothing is left running. A call with a
//! bound takes the operation by `&mut`, so at the bound the caller still has it, unchanged, to try
//! again or to drop.
//!
//! [`block`] spins. A caller can sleep between tries only if an event announces the next one: use
//! an [`Operation`](crate::event::Operation), and an [`Idle`] for the way to sleep. A bound needs
//! an alarm, too, so that the caller does not sleep past it: [`WithAlarm`].

#[cfg(any(
    all(feature = "x86_64", target_arch = "x86_64"),
    all(feature = "cortex-m", target_arch = "arm", target_os = "none"),
    all(
        feature = "riscv",
        any(target_arch = "riscv32", target_arch = "riscv64"),
        target_os = "none"
    ),
))]
mod park;

use core::{cell::Cell, hint::spin_loop, task::Waker};

use crate::{
    attempt::Attempt,
    time::{Alarm, Clock, Deadline},
};

#[cfg(any(
    all(feature = "x86_64", target_arch = "x86_64"),
    all(feature = "cortex-m", target_arch = "arm", target_os = "none"),
    all(
        feature = "riscv",
        any(target_arch = "riscv32", target_arch = "riscv64"),
        target_os = "none"
    ),
))]
pub use park::Park;

/// Retries until there is a final result.
///
/// It costs as much as the hand-written loop; if the operation is ready at once, as much as the
/// plain call.
///
/// # Errors
/// The operation's own error.
#[inline(always)]
pub fn block<A: Attempt>(mut op: A) -> Result<A::Output, A::Error> {
    loop {
        match op.attempt() {
            Ok(output) => return Ok(output),
            Err(nb::Error::Other(error)) => return Err(error),
            Err(nb::Error::WouldBlock) => spin_loop(),
        }
    }
}

/// How a blocked caller idles between two tries: it may sleep until its event is signalled.
pub trait Idle {
    /// Returns at the latest when `news` has become true. It may return earlier.
    ///
    /// The problem for an implementation that sleeps: an interrupt between the call of `news` and
    /// the sleep must still end the sleep. So it calls `news` last, with interrupts held off, and
    /// enters the sleep in a way that a pending interrupt ends. If the caller has masked
    /// interrupts, it must not sleep at all: nothing would wake it.
    ///
    /// Calling `news` may also set an alarm ([`WithAlarm`]). So an implementation that tells its
    /// sleep a time-out, as poll(2) wants one, reads it after `news` has returned.
    fn idle(&mut self, news: impl Fn() -> bool);

    /// It never sleeps, so what can be tried without its interrupt needs no event.
    #[doc(hidden)]
    const SPINS: bool = false;

    /// The waker that a signal must call, if an interrupt on this core does not end the sleep: it
    /// unparks a thread, or sends another core an interrupt. It is registered before each sleep.
    #[inline(always)]
    fn waker(&self) -> Option<&Waker> {
        None
    }
}

mod sealed {
    /// Idlers that do not sleep past a deadline: they spin, or they have an alarm.
    pub trait Bounded {}
    impl Bounded for super::Spin {}
    impl<I, L> Bounded for super::WithAlarm<I, L> {}
    impl<I: Bounded> Bounded for &mut I {}
    #[cfg(feature = "std")]
    impl Bounded for super::ThreadPark {}
    #[cfg(all(feature = "testing", not(loom)))]
    impl Bounded for &crate::testing::Cpu {}
}

/// How a caller idles that is blocked until a deadline: it does not sleep past it.
///
/// [`Spin`], and every [`Idle`] with an alarm. With any other idler a bounded call does not
/// compile.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` could sleep past a deadline",
    note = "give it an alarm on the deadline's clock: `WithAlarm::new(idle, alarm)`; or spin: `Spin`"
)]
pub trait IdleUntil<C: Clock>: Idle + sealed::Bounded {
    /// Returns at the latest when `news` has become true or `deadline` has passed.
    fn idle_until(&mut self, deadline: &Deadline<C>, news: impl Fn() -> bool);
}

/// Does not sleep: the caller tries again at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spin;

impl Idle for Spin {
    const SPINS: bool = true;

    #[inline(always)]
    fn idle(&mut self, _: impl Fn() -> bool) {
        spin_loop();
    }
}

impl<C: Clock> IdleUntil<C> for Spin {
    #[inline(always)]
    fn idle_until(&mut self, _: &Deadline<C>, _: impl Fn() -> bool) {
        spin_loop();
    }
}

/// Any [`Idle`], with an [`Alarm`] that ends its sleep at the deadline.
///
/// The alarm's interrupt must end the sleep of this idler: that of a core by itself; that of a
/// parked thread only if its handler unparks the thread.
#[doc(alias = "timeout")]
#[derive(Clone, Copy, Debug)]
pub struct WithAlarm<I, L> {
    idle: I,
    alarm: L,
}

impl<I: Idle, L> WithAlarm<I, L> {
    /// Sleeps as `idle` does; `alarm` ends the sleep at the deadline.
    pub const fn new(idle: I, alarm: L) -> Self {
        Self { idle, alarm }
    }
}

impl<I: Idle, L> Idle for WithAlarm<I, L> {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        self.idle.idle(news);
    }

    #[inline(always)]
    fn waker(&self) -> Option<&Waker> {
        self.idle.waker()
    }
}

impl<C: Clock, I: Idle, L: Alarm<C>> IdleUntil<C> for WithAlarm<I, L> {
    #[inline]
    fn idle_until(&mut self, deadline: &Deadline<C>, news: impl Fn() -> bool) {
        let alarm = Cell::new(Some(&mut self.alarm));
        // The idler calls this last, with interrupts held off, so the alarm is set then: the
        // interrupt of an alarm that is due at once stays pending, and ends the sleep.
        self.idle.idle(|| {
            let ticks = deadline.sleep_ticks();
            if ticks == 0 || news() {
                return true;
            }
            if let Some(the_alarm) = alarm.take() {
                the_alarm.set(ticks);
                alarm.set(Some(the_alarm));
            }
            false
        });
        self.alarm.clear();
    }
}

impl<I: Idle> Idle for &mut I {
    const SPINS: bool = I::SPINS;

    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        (**self).idle(news);
    }

    #[inline(always)]
    fn waker(&self) -> Option<&Waker> {
        (**self).waker()
    }
}

impl<C: Clock, I: IdleUntil<C>> IdleUntil<C> for &mut I {
    #[inline(always)]
    fn idle_until(&mut self, deadline: &Deadline<C>, news: impl Fn() -> bool) {
        (**self).idle_until(deadline, news);
    }
}

/// Parks the thread. A signal from any thread ends that.
#[cfg(feature = "std")]
#[derive(Clone, Debug)]
pub struct ThreadPark {
    waker: Waker,
    // Keeps it from being sent: a thread can only park itself.
    thread: core::marker::PhantomData<*const ()>,
}

#[cfg(feature = "std")]
impl ThreadPark {
    /// An idler for the thread that calls this.
    pub fn new() -> Self {
        struct Unpark(std::thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: std::sync::Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
        Self { waker, thread: core::marker::PhantomData }
    }
}

#[cfg(feature = "std")]
impl Default for ThreadPark {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "std")]
impl Idle for ThreadPark {
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !news() {
            std::thread::park();
        }
    }

    fn waker(&self) -> Option<&Waker> {
        Some(&self.waker)
    }
}

#[cfg(feature = "std")]
impl<C: Clock> IdleUntil<C> for ThreadPark {
    fn idle_until(&mut self, deadline: &Deadline<C>, news: impl Fn() -> bool) {
        if !news() {
            std::thread::park_timeout(deadline.sleep_time());
        }
    }
}
