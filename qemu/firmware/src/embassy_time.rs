//! The time driver of `embassy-time`, on the board's clock and alarm. Tasks that sleep are woken by
//! the timer's handler.

use core::{cell::RefCell, task::Waker};

use board::{
    alarm::{TimerAlarm, stop},
    counter::{frequency, time},
    interrupts::Line,
};
use critical_section::Mutex;
use embassy_time_driver::{Driver, TICK_HZ, time_driver_impl};
use embassy_time_queue_utils::Queue;
use wouldblock::time::Alarm;

use drivers::timer::Timer;

struct Sleepers(Mutex<RefCell<Queue>>);

time_driver_impl!(static SLEEPERS: Sleepers = Sleepers(Mutex::new(RefCell::new(Queue::new()))));

/// Lets tasks sleep; before that they are not woken. The timer is the driver's from here on.
pub fn install(_: Timer) {
    Line::Timer.set_handler(|line| {
        line.acknowledge();
        SLEEPERS.with(wake_and_set_alarm);
    });
    SLEEPERS.with(wake_and_set_alarm);
}

impl Driver for Sleepers {
    fn now(&self) -> u64 {
        convert(time(), frequency(), TICK_HZ)
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        self.with(|queue| {
            if queue.schedule_wake(at, waker) {
                wake_and_set_alarm(queue);
            }
        });
    }
}

impl Sleepers {
    fn with(&self, f: impl FnOnce(&mut Queue)) {
        critical_section::with(|section| f(&mut self.0.borrow_ref_mut(section)));
    }
}

/// Wakes the tasks whose time has come, and sets the alarm for the next one's.
fn wake_and_set_alarm(queue: &mut Queue) {
    match queue.next_expiration(SLEEPERS.now()) {
        u64::MAX => stop(),
        // One that is past by now interrupts at once.
        at => {
            let at = convert(at, TICK_HZ, frequency());
            TimerAlarm::new().set(at.saturating_sub(time()));
        }
    }
}

/// Ticks at one frequency in ticks at another, rounded down. Mostly one is a multiple of the other, and both
/// are constants: then a small processor need not divide. Otherwise whole seconds are converted by themselves,
/// so that 64 bits are enough.
#[inline]
fn convert(ticks: u64, from: u64, to: u64) -> u64 {
    let (from, to) = (from.max(1), to.max(1));
    if to.is_multiple_of(from) {
        return ticks.saturating_mul(to / from);
    }
    if from.is_multiple_of(to) {
        return ticks / (from / to);
    }
    (ticks / from).saturating_mul(to).saturating_add(ticks % from * to / from)
}
