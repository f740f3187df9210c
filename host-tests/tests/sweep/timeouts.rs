//! Time-outs, awaited or blocked on: an operation that races with an alarm or is limited by one.

use std::{cell::Cell, time::Duration};

use wouldblock::{
    attempt::Either,
    block::WithAlarm,
    event::Event,
    testing::{Report, Sweep, World, boundary},
    time::{self, Alarm, AlarmDelay, Clock},
};

use crate::{
    Form, caught, clean,
    device::{Device, Take},
};

/// A one-shot timer that counts milliseconds. The world advances its time.
#[derive(Default)]
struct Timer {
    now: Cell<u64>,
    at: Cell<Option<u64>>,
    request: Cell<bool>,
}

impl Timer {
    fn update(&self) {
        if self.at.get().is_some_and(|at| at <= self.now.get()) {
            self.at.set(None);
            self.request.set(true);
        }
    }
}

impl Clock for &Timer {
    fn now(&self) -> u64 {
        boundary();
        self.now.get()
    }

    fn frequency(&self) -> u64 {
        1000
    }
}

#[derive(Clone, Copy)]
struct OneShot<'t>(&'t Timer);

impl<'t> Alarm<&'t Timer> for OneShot<'t> {
    fn set(&mut self, ticks: u64) {
        boundary();
        self.0.at.set(Some(self.0.now.get() + ticks));
        self.0.update();
    }

    fn clear(&mut self) {
        boundary();
        self.0.at.set(None);
    }
}

/// A device and a timer. Each event of the sweep is a token, or 60 ms.
struct Timed {
    device: &'static Device,
    received: Event,
    timer: Timer,
    due: Event,
    time_passes: bool,
}

impl World for Timed {
    fn event(&self) {
        if self.time_passes {
            self.timer.now.set(self.timer.now.get() + 60);
            self.timer.update();
        } else {
            self.device.put();
        }
    }

    fn deliver(&self) -> bool {
        let mut any = false;
        if self.device.take_request() {
            self.device.enable(false);
            self.received.signal();
            any = true;
        }
        if self.timer.request.take() {
            self.due.signal();
            any = true;
        }
        any
    }
}

fn timed(time_passes: bool) -> impl Fn() -> Timed {
    move || Timed {
        device: Device::new(),
        received: Event::new(),
        timer: Timer::default(),
        due: Event::new(),
        time_passes,
    }
}

const LIMIT: Duration = Duration::from_millis(100);

impl Timed {
    fn delay(&self) -> AlarmDelay<'_, &Timer, OneShot<'_>> {
        AlarmDelay::new(&self.timer, OneShot(&self.timer), self.due.waiter().unwrap())
    }

    fn assert_unset(&self) {
        assert!(self.timer.at.get().is_none(), "the alarm is left set");
        assert!(!self.device.state().1, "the device is left armed");
    }
}

/// The forms that sleep until an event. [`Form::Bounded`] would need a second alarm.
const FORMS: [Form; 2] = [Form::Block, Form::Await];

#[test]
fn a_race_with_an_alarm() {
    for form in FORMS {
        for time_passes in [false, true] {
            let needs = if time_passes { 4 } else { 1 };
            let name = format!("race with an alarm, {form:?}, time passes: {time_passes}");
            let report =
                Sweep::new(&name).needs(needs).run(timed(time_passes), move |world, cpu| {
                    let (mut delay, mut waiter) = (world.delay(), world.received.waiter().unwrap());
                    let begun = world.timer.now.get();
                    let read = waiter.operation(Take::new(world.device, 1));
                    match form.run(cpu, read.race(delay.after(LIMIT))).unwrap() {
                        Either::First(taken) => assert!(taken == 1 && !time_passes),
                        Either::Second(()) => {
                            assert!(time_passes && world.timer.now.get() > begun + 100);
                        }
                    }
                    world.assert_unset();
                });
            clean(&report, 9);
        }
    }
}

#[test]
fn within_a_time() {
    for form in FORMS {
        let name = format!("within, {form:?}, the time is up");
        let report = Sweep::new(&name).needs(4).run(timed(true), move |world, cpu| {
            let (mut delay, mut waiter) = (world.delay(), world.received.waiter().unwrap());
            let mut read = waiter.operation(Take::new(world.device, 2));
            world.device.put();
            let end = form.run(cpu, read.by_ref().within(delay.after(LIMIT)));
            assert_eq!(end, Err(time::Error::TimedOut));
            world.assert_unset();
            world.device.put();
            assert_eq!(read.attempt(), Ok(2), "the operation still has the first token");
        });
        clean(&report, 9);
        let name = format!("within, {form:?}, in time");
        let report = Sweep::new(&name).needs(2).run(timed(false), move |world, cpu| {
            let (mut delay, mut waiter) = (world.delay(), world.received.waiter().unwrap());
            let read = waiter.operation(Take::new(world.device, 2));
            assert_eq!(form.run(cpu, read.within(delay.after(LIMIT))), Ok(2));
            world.assert_unset();
        });
        clean(&report, 9);
    }
}

/// Any idler works with any alarm: here the sweep's CPU with the timer above.
#[test]
fn asleep_with_an_alarm() {
    for time_passes in [false, true] {
        let needs = if time_passes { 4 } else { 1 };
        let name = format!("block_for with an alarm, time passes: {time_passes}");
        let report = Sweep::new(&name).needs(needs).run(timed(time_passes), move |world, cpu| {
            let mut waiter = world.received.waiter().unwrap();
            let begun = world.timer.now.get();
            let mut read = waiter.operation(Take::new(world.device, 1));
            let idle = WithAlarm::new(cpu, OneShot(&world.timer));
            match read.block_for(idle, &world.timer, LIMIT) {
                Ok(taken) => assert!(taken == 1 && !time_passes),
                Err(time::Error::TimedOut) => {
                    assert!(time_passes && world.timer.now.get() > begun + 100);
                }
                Err(time::Error::Other(())) => panic!("a token cannot fail"),
            }
            world.assert_unset();
        });
        clean(&report, 9);
    }
}

/// The twin's time limit has an alarm whose event has no waiter.
#[test]
fn twin_a_bound_that_is_not_heard() {
    let report =
        Sweep::new("a bound that is not heard").needs(4).run(timed(true), move |world, cpu| {
            let mut waiter = world.received.waiter().unwrap();
            let read = waiter.operation(Take::new(world.device, 1));
            let mut alarm = OneShot(&world.timer);
            alarm.set(100);
            let deadline = time::Deadline::after(&world.timer, LIMIT);
            let quiet = Event::new();
            let mut quiet = quiet.waiter().unwrap();
            let end = Form::Block.run(cpu, read.within(quiet.operation(deadline)));
            assert_eq!(end, Err(time::Error::TimedOut));
        });
    caught(&report, Report::lost);
}
