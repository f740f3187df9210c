//! How much effort one call spends: retry to the end, or within a bound; and how it passes the time.
//!
//! Everything here is synchronous: at every return nothing is left running. An effort with a bound
//! takes the operation by `&mut`, so when the bound is reached it is still the caller's, unharmed,
//! to try again or to drop.
//!
//! [`block`] spins. To sleep between tries something must say that there is news: that is an
//! [`Operation`](crate::event::Operation). How the caller sleeps is an [`Idle`]; a bound needs an
//! alarm besides, so that the caller does not oversleep: [`WithAlarm`].

use core::{cell::Cell, hint::spin_loop, task::Waker};

use crate::{
    attempt::Attempt,
    time::{Alarm, Clock, Deadline},
};

/// Retries until there is a final result.
///
/// Costs what the hand-written loop costs, and for an operation that is ready at once what the
/// plain call costs.
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

/// How a blocked caller passes the time between two tries: it may sleep until there is news.
pub trait Idle {
    /// Returns at the latest when `news` has become true.
    ///
    /// An implementation that sleeps asks `news` last, with interrupts held off, and then sleeps so
    /// that an interrupt between the question and the sleep still ends it. Where the caller has
    /// masked interrupts it must not sleep at all: nothing would wake it.
    fn idle(&mut self, news: impl Fn() -> bool);

    /// What a signal has to wake, where an interrupt on this core does not end the sleep: a thread
    /// that is parked, or a core that is to be sent an interrupt. It is registered before each
    /// sleep.
    #[inline(always)]
    fn waker(&self) -> Option<&Waker> {
        None
    }
}

mod sealed {
    /// What may pass the time until a deadline: it spins, or it has an alarm.
    pub trait Bounded {}
    impl Bounded for super::Spin {}
    impl<I, L> Bounded for super::WithAlarm<I, L> {}
    impl<I: Bounded> Bounded for &mut I {}
    #[cfg(feature = "std")]
    impl Bounded for super::ThreadPark {}
    #[cfg(all(feature = "testing", not(loom)))]
    impl Bounded for &crate::testing::Cpu {}
}

/// How a caller that is blocked until a deadline passes the time: it does not oversleep.
///
/// [`Spin`], and every [`Idle`] with an alarm. With an idler that has none, a bounded effort does
/// not compile.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` could sleep past a deadline",
    note = "give it an alarm on the deadline's clock: `WithAlarm::new(idle, alarm)`; or spin: `Spin`"
)]
pub trait IdleUntil<C: Clock>: Idle + sealed::Bounded {
    /// Returns at the latest when `news` has become true or `deadline` has passed.
    fn idle_until(&mut self, deadline: &Deadline<C>, news: impl Fn() -> bool);
}

/// Passes the time by trying again at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spin;

impl Idle for Spin {
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

/// Any [`Idle`], with any [`Alarm`] that ends its sleep at the deadline.
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
        // The alarm is set by the last question, with interrupts held off: one that is due at once
        // stays pending, and ends the sleep.
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

/// Passes the time by parking the thread. A signal from any thread ends it.
#[cfg(feature = "std")]
#[derive(Clone, Debug)]
pub struct ThreadPark {
    waker: Waker,
    /// A thread parks itself only.
    thread: core::marker::PhantomData<*const ()>,
}

#[cfg(feature = "std")]
impl ThreadPark {
    /// For the thread that makes it.
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
