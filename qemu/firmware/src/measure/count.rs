//! Counting: tries, sleeps, and the instructions that the foreground spent.
//!
//! Under `-icount` the board's counter counts instructions, and what a sleep skips. So the
//! foreground's share of a span is the span without the sleeps and without the handlers.

use core::{cell::Cell, convert::Infallible, task::Waker};

use board::{
    counter::{instructions, now},
    interrupts,
};
use wouldblock::{
    attempt::{Attempt, Either, Progress, from_fn},
    block::{Idle, WithAlarm},
    event::{Event, Operation, Waiter, wait::Wait},
    job::Background,
    time::{Alarm, Clock},
};

use crate::{measure::record, report::Counts};

/// An operation that counts how often it is tried. For a picture each try is recorded, unless `EACH` is
/// false: it is tried in a loop that is so short that recording would change it.
#[derive(Debug)]
#[must_use]
pub struct Counted<A, const EACH: bool = true> {
    /// The operation.
    pub op: A,
    /// Tries so far.
    pub tries: u64,
}

impl<A> Counted<A> {
    /// An operation that was not tried yet.
    pub const fn new(op: A) -> Self {
        Self { op, tries: 0 }
    }
}

impl<A> Counted<A, false> {
    /// An operation that is tried in a short loop.
    pub const fn in_a_loop(op: A) -> Self {
        Self { op, tries: 0 }
    }
}

impl<A: Attempt, const EACH: bool> Attempt for Counted<A, EACH> {
    type Output = A::Output;
    type Error = A::Error;

    #[inline]
    fn attempt(&mut self) -> nb::Result<A::Output, A::Error> {
        self.tries += 1;
        if !EACH {
            return self.op.attempt();
        }
        let result = record::tried(|| self.op.attempt());
        if !matches!(result, Err(nb::Error::WouldBlock)) {
            record::flight_ends(self);
        }
        result
    }

    #[inline]
    fn arm(&mut self) {
        self.op.arm();
    }

    #[inline]
    fn disarm(&mut self) {
        self.op.disarm();
    }
}

impl<A: Progress> Progress for Counted<A> {
    fn progress(&self) -> usize {
        self.op.progress()
    }
}

impl<A: Background> Background for Counted<A> {
    fn begin(&mut self) {
        record::flight_begins(self);
        self.op.begin();
    }

    fn cancel(&mut self) {
        self.op.cancel();
    }
}

/// The cost of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, defmt::Format)]
pub struct Cost {
    /// Instructions that the foreground spent, the entry and exit of handlers included.
    pub instructions: u64,
    /// Interrupts taken.
    pub interrupts: u64,
    /// Times the foreground was asleep.
    pub asleep: u64,
}

/// Measures spans, and counts the sleeps that are passed with its idlers.
#[derive(Debug, Default)]
pub struct Meter {
    sleeps: Cell<u64>,
    away: Cell<u64>,
}

impl Meter {
    /// Runs `f`, and returns its value and its cost.
    #[inline(always)]
    pub fn measure<T>(&self, f: impl FnOnce() -> T) -> (T, Cost) {
        self.measure_for(Counts::ALL, f)
    }

    /// The same, where only some of the cost is reported as that of the row.
    pub fn measure_for<T>(&self, counts: Counts, f: impl FnOnce() -> T) -> (T, Cost) {
        self.sleeps.set(0);
        self.away.set(0);
        let taken = interrupts::taken();
        let spent = interrupts::spent();
        let start = now();
        record::section_begins(counts);
        let value = f();
        record::section_ends();
        let elapsed = now() - start;
        let spent = interrupts::spent() - spent;
        let cost = Cost {
            instructions: instructions(elapsed - spent - self.away.get() - empty_span()),
            interrupts: interrupts::taken() - taken,
            asleep: self.sleeps.get(),
        };
        (value, record::cost(cost))
    }

    /// `idle`, with its sleeps counted.
    pub const fn counting<I>(&self, idle: I) -> Counting<'_, I> {
        Counting { meter: self, inner: idle }
    }

    /// The same with an alarm, whose work counts as sleep.
    pub const fn counting_until<I: Idle, L>(
        &self,
        idle: I,
        alarm: L,
    ) -> WithAlarm<Counting<'_, I>, Counting<'_, L>> {
        WithAlarm::new(self.counting(idle), Counting { meter: self, inner: alarm })
    }

    /// Passes time with `idle`, which sleeps if and only if it is told that there is no news.
    fn pass(&self, idle: impl FnOnce(&dyn Fn() -> bool), news: impl Fn() -> bool) {
        let slept = Cell::new(false);
        record::idle_begins();
        let away = time_of(|| {
            idle(&|| {
                let news = news();
                slept.set(!news);
                news
            });
        });
        record::idle_ends(slept.get());
        if slept.get() {
            self.sleeps.set(self.sleeps.get() + 1);
            self.away.set(self.away.get() + away);
        }
    }
}

/// An idler whose sleeps are counted, or its alarm. Made by [`Meter::counting`].
#[derive(Debug)]
pub struct Counting<'m, I> {
    meter: &'m Meter,
    inner: I,
}

impl<I: Idle> Idle for Counting<'_, I> {
    fn idle(&mut self, news: impl Fn() -> bool) {
        self.meter.pass(|news| self.inner.idle(news), news);
    }

    fn waker(&self) -> Option<&Waker> {
        self.inner.waker()
    }
}

/// The idler's last check for news sets it, so that part is counted there.
impl<C: Clock, L: Alarm<C>> Alarm<C> for Counting<'_, L> {
    fn set(&mut self, ticks: u64) {
        self.inner.set(ticks);
    }

    fn clear(&mut self) {
        let away = time_of(|| record::after_sleep(|| self.inner.clear()));
        self.meter.away.set(self.meter.away.get() + away);
    }
}

/// The time that `f` takes, without the handlers.
fn time_of(f: impl FnOnce()) -> u64 {
    let spent = interrupts::spent();
    let start = now();
    f();
    now() - start - (interrupts::spent() - spent)
}

/// Counts the tries of operations, each in a race that only the operation can win.
#[derive(Debug)]
pub struct Tally {
    waiter: Waiter<'static>,
    tries: u64,
}

impl Tally {
    /// No tries so far.
    ///
    /// # Panics
    /// If there is another one.
    pub fn take() -> Self {
        static NEVER: Event = Event::new();
        Self { waiter: NEVER.waiter().expect("one at a time"), tries: 0 }
    }

    /// Tries so far.
    pub const fn tries(&self) -> u64 {
        self.tries
    }

    /// `op`, with its tries counted.
    #[inline(always)]
    pub fn count<'t, W: Wait>(
        &'t mut self,
        op: Operation<W>,
    ) -> Operation<impl Wait<Output = W::Output, Error = W::Error> + use<'t, W>> {
        let tries = &mut self.tries;
        let never = from_fn(move || {
            *tries += 1;
            record::try_opens();
            Err::<Infallible, _>(nb::Error::<Infallible>::WouldBlock)
        });
        let race = self.waiter.operation(never).race(op);
        race.map(|Either::Second(output)| output).map_err(|Either::Second(error)| error)
    }
}

/// What two readings of the counter with nothing between them cost.
fn empty_span() -> u64 {
    let start = now();
    now() - start
}
