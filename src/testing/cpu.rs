//! The CPU of a scenario. It sleeps and wakes like a real one, but no time passes.

use std::{
    future::Future,
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::run::{Run, boundary};
use crate::{
    block::{Idle, IdleUntil},
    time::{Clock, Deadline},
};

/// The foreground of a sweep waits with this: `&Cpu` is an [`Idle`] and an [`IdleUntil`], and
/// [`block_on`](Self::block_on) runs futures.
///
/// It checks for news with interrupts held off, and then sleeps until the next interrupt. If no
/// interrupt can come any more, a wake-up was lost, and it ends the run. In a critical section and
/// in a handler it spins.
#[derive(Debug)]
pub struct Cpu {
    run: Rc<Run>,
}

impl Cpu {
    pub(super) const fn new(run: Rc<Run>) -> Self {
        Self { run }
    }

    /// Runs `future` to its end. Sleeps while the future is pending and was not woken.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            while !woken.take() {
                self.run.sleep(|| woken.is_set(), None);
            }
        }
    }

    /// Runs the interrupts that are due, as between two instructions of the foreground.
    #[track_caller]
    pub fn step(&self) {
        boundary();
    }

    /// The number of events so far.
    pub fn events(&self) -> u64 {
        self.run.events()
    }

    /// A clock of 1000 ticks a second. Each reading advances it by one tick; a sleep with a
    /// deadline advances it to the deadline.
    pub fn clock(&self) -> CpuClock {
        CpuClock { run: self.run.clone() }
    }
}

impl Idle for &Cpu {
    fn idle(&mut self, news: impl Fn() -> bool) {
        self.run.sleep(news, None);
    }
}

impl IdleUntil<CpuClock> for &Cpu {
    fn idle_until(&mut self, deadline: &Deadline<CpuClock>, news: impl Fn() -> bool) {
        self.run.sleep(news, Some(deadline.sleep_ticks()));
    }
}

/// See [`Cpu::clock`].
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct CpuClock {
    run: Rc<Run>,
}

impl Clock for CpuClock {
    fn now(&self) -> u64 {
        boundary();
        self.run.look_at_the_time()
    }

    fn frequency(&self) -> u64 {
        1000
    }
}

struct Woken(AtomicBool);

impl Woken {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[track_caller]
    fn take(&self) -> bool {
        boundary();
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
