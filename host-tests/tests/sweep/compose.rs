//! Several operations, each with its own event, combined into one: in every form, a signal of any
//! of the events wakes the waiter.

use std::cell::Cell;

use wouldblock::{
    Attempt,
    attempt::Either,
    event::Event,
    job::{Job, Slot},
    testing::{Sweep, World},
};

use crate::{
    Form, caught, clean,
    device::{Device, Take},
    leak,
};

/// Two devices with an event each. Tokens go to them alternately.
struct Two {
    devices: [&'static Device; 2],
    events: [Event; 2],
    turn: Cell<usize>,
}

/// The first token goes to device `first`.
fn two(first: usize) -> impl Fn() -> Two {
    move || Two {
        devices: [Device::new(), Device::new()],
        events: [Event::new(), Event::new()],
        turn: Cell::new(first),
    }
}

/// Puts a token into the device whose turn it is.
fn put_in_turns(devices: [&'static Device; 2], turn: &Cell<usize>) {
    devices[turn.get() % 2].put();
    turn.set(turn.get() + 1);
}

impl World for Two {
    fn event(&self) {
        put_in_turns(self.devices, &self.turn);
    }

    fn deliver(&self) -> bool {
        let mut any = false;
        for (device, event) in self.devices.iter().zip(&self.events) {
            if device.take_request() {
                device.enable(false);
                event.signal();
                any = true;
            }
        }
        any
    }
}

impl Two {
    fn take(&self, which: usize) -> Take {
        Take::new(self.devices[which], 1)
    }

    fn assert_disarmed(&self) {
        assert!(self.devices.iter().all(|device| !device.state().1), "left armed");
    }
}

#[test]
fn a_race_hears_both_events() {
    for form in Form::ALL {
        for first in 0..2 {
            let name = format!("race, {form:?}, device {first} first");
            let report = Sweep::new(&name).run(two(first), move |two, cpu| {
                let [mut a, mut b] = [0, 1].map(|n| two.events[n].waiter().unwrap());
                let race = a.operation(two.take(0)).race(b.operation(two.take(1)));
                let end = form.run(cpu, race).unwrap();
                if cpu.events() == 1 {
                    assert_eq!(end, [Either::First(1), Either::Second(1)][first]);
                }
                two.assert_disarmed();
            });
            clean(&report, 9);
        }
    }
}

/// The twin: one waiter for two devices whose events differ.
#[test]
fn twin_a_race_that_hears_one_event() {
    for form in Form::ALL {
        let name = format!("race on one waiter, {form:?}");
        let report = Sweep::new(&name).run(two(1), move |two, cpu| {
            let mut a = two.events[0].waiter().unwrap();
            let race = a.operation(two.take(0).race(two.take(1)));
            form.run(cpu, race).unwrap();
        });
        caught(&report, |report| report.lost() + report.stuck());
    }
}

/// A superloop: it races again and again, and the loser of a race continues in the next one.
#[test]
fn a_race_by_reference_keeps_the_loser() {
    for form in Form::ALL {
        let name = format!("superloop, {form:?}");
        let report = Sweep::new(&name).needs(4).run(two(1), move |two, cpu| {
            let [mut a, mut b] = [0, 1].map(|n| two.events[n].waiter().unwrap());
            // Takes two tokens; tokens of the other device come between them.
            let mut a = a.operation(Take::new(two.devices[0], 2));
            let mut seconds = 0;
            loop {
                let mut b = b.operation(two.take(1));
                match form.run(cpu, a.by_ref().race(b.by_ref())).unwrap() {
                    Either::First(taken) => break assert_eq!(taken, 2),
                    Either::Second(taken) => seconds += taken,
                }
            }
            assert!(seconds <= 3);
            two.assert_disarmed();
        });
        clean(&report, 20);
    }
}

/// The twin drops the loser with each race, and with it the token that the loser had taken.
#[test]
fn twin_a_race_that_drops_the_loser() {
    let report = Sweep::new("superloop, loser dropped").needs(4).run(two(1), move |two, cpu| {
        let [mut a, mut b] = [0, 1].map(|n| two.events[n].waiter().unwrap());
        loop {
            let pair = a.operation(Take::new(two.devices[0], 2));
            if let Either::First(_) =
                Form::Block.run(cpu, pair.race(b.operation(two.take(1)))).unwrap()
            {
                break;
            }
        }
    });
    caught(&report, |report| report.lost() + report.stuck());
}

/// A job on one device, and an operation on another device.
struct JobAndEvent {
    devices: [&'static Device; 2],
    slot: &'static Slot<Take>,
    event: Event,
    turn: Cell<usize>,
}

impl World for JobAndEvent {
    fn event(&self) {
        put_in_turns(self.devices, &self.turn);
    }

    fn deliver(&self) -> bool {
        let mut any = false;
        if self.devices[0].take_request() {
            self.devices[0].enable(false);
            drop(self.slot.on_interrupt());
            any = true;
        }
        if self.devices[1].take_request() {
            self.devices[1].enable(false);
            self.event.signal();
            any = true;
        }
        any
    }
}

#[test]
fn a_job_raced_with_an_operation() {
    for form in Form::ALL {
        for first in 0..2 {
            let world = move || JobAndEvent {
                devices: [Device::new(), Device::new()],
                slot: leak(Slot::new()),
                event: Event::new(),
                turn: Cell::new(first),
            };
            let name = format!("job race, {form:?}, device {first} first");
            let report = Sweep::new(&name).run(world, move |world, cpu| {
                let mut waiter = world.event.waiter().unwrap();
                let mut job: Job<Take> = world.slot.start(Take::new(world.devices[0], 1)).unwrap();
                let read = waiter.operation(Take::new(world.devices[1], 1));
                match form.run(cpu, job.ended().race(read)).unwrap() {
                    Either::First(done) => assert_eq!(done.result, Ok(1)),
                    Either::Second(taken) => assert_eq!(taken, 1),
                }
            });
            clean(&report, 15);
        }
    }
}
