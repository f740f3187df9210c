//! A driver that is polled and keeps no operation between two polls.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use wouldblock::{
    event::{Event, Waiter},
    testing::{Cpu, Report, Sweep},
};

use crate::{
    caught, clean,
    device::{Device, Rig, Take},
};

fn rig() -> Rig<Event> {
    Rig::new(Event::new(), |device, event| {
        device.enable(false);
        event.signal();
    })
}

type Receive = fn(&mut Waiter<'_>, &'static Device, &mut Context<'_>) -> Poll<Result<u32, ()>>;

/// The library's way: the registration stays when the poll returns.
fn kept(
    waiter: &mut Waiter<'_>,
    device: &'static Device,
    context: &mut Context<'_>,
) -> Poll<Result<u32, ()>> {
    waiter.poll(context, &mut Take::new(device, 1))
}

/// The twin: an operation per poll, which removes its registration when it is dropped.
fn dropped(
    waiter: &mut Waiter<'_>,
    device: &'static Device,
    context: &mut Context<'_>,
) -> Poll<Result<u32, ()>> {
    Pin::new(&mut waiter.operation(Take::new(device, 1))).poll(context)
}

fn receives_three(rig: &Rig<Event>, cpu: &Cpu, receive: Receive) {
    let mut waiter = rig.driver.waiter().unwrap();
    for _ in 0..3 {
        let taken = cpu.block_on(poll_fn(|context| receive(&mut waiter, rig.device, context)));
        assert_eq!(taken, Ok(1));
    }
    rig.assert_disarmed();
}

#[test]
fn a_registration_outlives_its_poll() {
    let report =
        Sweep::new("poll-style").needs(3).run(rig, |rig, cpu| receives_three(rig, cpu, kept));
    clean(&report, 20);
    let report = Sweep::new("poll-style, nested").needs(3).nested().run(rig, |rig, cpu| {
        receives_three(rig, cpu, kept);
    });
    clean(&report, 20);
}

#[test]
fn twin_an_operation_per_poll() {
    let report = Sweep::new("an operation per poll")
        .needs(3)
        .run(rig, |rig, cpu| receives_three(rig, cpu, dropped));
    caught(&report, Report::lost);
}
