//! Broken twins of the library's protocols, each next to the sound protocol: the sweep
//! distinguishes them.

use std::{
    cell::RefCell,
    future::poll_fn,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    task::{Poll, Waker},
};

use fakes::waker::{Call, hooked, poll};
use wouldblock::{
    Attempt, attempt,
    block::{self, Idle},
    event::Event,
    nb,
    sync::Mutex,
    testing::{Report, Sweep, World, boundary, sweep},
};

use crate::{
    caught,
    device::{Device, Rig, Take},
    leak,
};

/// A word that a handler shares, with a boundary before each access, as in the library.
#[derive(Default)]
struct Word(AtomicU32);

impl Word {
    fn get(&self) -> u32 {
        boundary();
        self.0.load(Relaxed)
    }

    fn set(&self, value: u32) {
        boundary();
        self.0.store(value, Relaxed);
    }

    fn swap(&self, value: u32) -> u32 {
        boundary();
        self.0.swap(value, Relaxed)
    }
}

/// Asserts that the sound protocol is clean.
#[track_caller]
fn sound(report: &Report) {
    crate::clean(report, 4);
}

/// The simplest event: a count of signals, and the waker.
#[derive(Default)]
struct Bell {
    epoch: Word,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.epoch.0.fetch_add(1, Relaxed);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    fn register(&self, waker: &Waker) {
        boundary();
        *self.waker.borrow_mut() = Some(waker.clone());
    }
}

fn bell() -> Rig<Bell> {
    Rig::new(Bell::default(), |device, bell| {
        device.enable(false);
        bell.ring();
    })
}

#[test]
fn check_before_register() {
    let run = |name, try_again| {
        sweep(name, bell, move |rig, cpu| {
            let mut take = rig.take(1);
            cpu.block_on(poll_fn(|context| {
                if take.attempt().is_ok() {
                    return Poll::Ready(());
                }
                if try_again {
                    rig.driver.register(context.waker());
                    take.arm();
                    return attempt::into_poll(take.attempt()).map(drop);
                }
                // The twin arms first, so that the interrupt can come before the waker is
                // registered.
                take.arm();
                rig.driver.register(context.waker());
                Poll::Pending
            }));
        })
    };
    sound(&run("try, register, arm, try again", true));
    caught(&run("twin: check before register", false), Report::lost);
}

/// A source that is always enabled. Its handler only rings.
fn always_on() -> Rig<Bell> {
    let rig = Rig::new(Bell::default(), |_, bell: &Bell| bell.ring());
    rig.device.enable(true);
    rig
}

#[test]
fn epoch_read_after_the_try() {
    let run = |name, after: bool| {
        sweep(name, always_on, move |rig, mut cpu| {
            loop {
                let mut epoch = rig.driver.epoch.get();
                if rig.device.take() {
                    break;
                }
                if after {
                    epoch = rig.driver.epoch.get();
                }
                Idle::idle(&mut cpu, || rig.driver.epoch.get() != epoch);
            }
        })
    };
    sound(&run("epoch, try, sleep", false));
    caught(&run("twin: epoch read after the try", true), Report::lost);
}

#[test]
fn news_not_asked_before_the_sleep() {
    let report = sweep("twin: look, then sleep", always_on, |rig, mut cpu| {
        while !rig.device.take() {
            Idle::idle(&mut cpu, || false);
        }
    });
    caught(&report, Report::lost);
}

#[test]
fn wake_before_quiet() {
    // A waker may do anything: this one runs the task inside the wake, as an executor at interrupt
    // level does. The task takes a token and arms the device for the next token.
    let run = |name, handler: fn(&'static Device, &Event)| {
        let rig = move || Rig::new(Event::new(), handler);
        Sweep::new(name).needs(2).run(rig, |rig, mut cpu| {
            let (device, taken) = (rig.device, leak(AtomicU32::new(0)));
            let woken = leak(AtomicU32::new(0));
            let waker = hooked(move |call| {
                if call == Call::Wake {
                    woken.store(1, Relaxed);
                }
                if call == Call::Wake && device.take() {
                    taken.fetch_add(1, Relaxed);
                    device.enable(true);
                }
            });
            let mut waiter = rig.driver.waiter().unwrap();
            // A registration is good for one wake: the task registers again when it is polled.
            let mut never = waiter.operation(attempt::from_fn(|| {
                if device.take() {
                    taken.fetch_add(1, Relaxed);
                    device.enable(true);
                }
                NEVER
            }));
            device.enable(true);
            while taken.load(Relaxed) < 2 {
                woken.store(0, Relaxed);
                assert!(poll(&mut never, &waker).is_pending());
                while taken.load(Relaxed) < 2 && woken.load(Relaxed) == 0 {
                    Idle::idle(&mut cpu, || woken.load(Relaxed) != 0);
                }
            }
        })
    };
    sound(&run("quiet, wake", |device, event| {
        device.enable(false);
        event.signal();
    }));
    let twin = run("twin: wake before quiet", |device, event| {
        event.signal();
        device.enable(false);
    });
    caught(&twin, Report::lost);
}

const NEVER: nb::Result<(), ()> = Err(nb::Error::WouldBlock);

/// Arms its device for the first interrupt only.
struct ArmsOnce(Take, bool);

impl Attempt for ArmsOnce {
    type Output = u32;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<u32, ()> {
        self.0.attempt()
    }

    fn arm(&mut self) {
        if !std::mem::replace(&mut self.1, true) {
            self.0.arm();
        }
    }
}

#[test]
fn no_re_arm() {
    let rig = || {
        Rig::new(Event::new(), |device, event: &Event| {
            device.enable(false);
            event.signal();
        })
    };
    let twin = Sweep::new("twin: no re-arm").needs(2).run(rig, |rig, cpu| {
        let mut waiter = rig.driver.waiter().unwrap();
        let op = waiter.operation(ArmsOnce(rig.take(2), false));
        assert_eq!(cpu.block_on(op), Ok(2));
    });
    caught(&twin, Report::lost);
}

/// The simplest slot: an operation, and a claim on it.
struct Mini {
    op: RefCell<Option<Take>>,
    claim: Word,
    ended: Word,
    leaves_a_note: bool,
}

const FREE: u32 = 0;
const HELD: u32 = 1;
const NOTED: u32 = 2;

impl Mini {
    fn rig(leaves_a_note: bool) -> impl Fn() -> Rig<Self> {
        move || {
            let (claim, ended) = <(Word, Word)>::default();
            let mini = Self { op: RefCell::default(), claim, ended, leaves_a_note };
            Rig::new(mini, |device, mini| {
                device.enable(false);
                mini.step();
            })
        }
    }

    fn step(&self) {
        if self.claim.get() != FREE {
            if self.leaves_a_note {
                self.claim.set(NOTED);
            }
            return;
        }
        self.claim.set(HELD);
        loop {
            if let Some(op) = &mut *self.op.borrow_mut() {
                match op.attempt() {
                    Ok(_) => self.ended.set(1),
                    Err(_) => op.arm(),
                }
            }
            if self.claim.swap(FREE) != NOTED {
                return;
            }
            self.claim.set(HELD);
        }
    }

    fn wait(&self, mut cpu: &wouldblock::testing::Cpu) {
        while self.ended.get() == 0 {
            Idle::idle(&mut cpu, || self.ended.get() != 0);
        }
    }
}

#[test]
fn missing_note() {
    let run = |name, leaves_a_note| {
        sweep(name, Mini::rig(leaves_a_note), |rig, cpu| {
            *rig.driver.op.borrow_mut() = Some(rig.take(1));
            rig.driver.step(); // The foreground steps too, and may be interrupted.
            rig.driver.wait(cpu);
        })
    };
    sound(&run("a contended step leaves a note", true));
    caught(&run("twin: missing note", false), Report::lost);
}

#[test]
fn published_after_begin() {
    let run = |name, too_late: bool| {
        sweep(name, Mini::rig(true), move |rig, cpu| {
            if too_late {
                rig.device.enable(true);
                boundary();
            }
            *rig.driver.op.borrow_mut() = Some(rig.take(1));
            boundary();
            if !too_late {
                rig.device.enable(true);
            }
            rig.driver.wait(cpu);
        })
    };
    sound(&run("publish, begin", false));
    caught(&run("twin: published after begin", true), Report::lost);
}

#[test]
fn a_handler_that_spins_on_what_it_interrupted() {
    let run = |name, handler: fn(&'static Device, &Mutex<u32>)| {
        let rig = move || {
            let rig = Rig::new(Mutex::new(0), handler);
            rig.device.enable(true);
            rig
        };
        sweep(name, rig, |rig, cpu| {
            for _ in 0..3 {
                *rig.driver.try_lock().unwrap() += 1;
                cpu.step();
            }
        })
    };
    sound(&run("a handler tries", |device, mutex| {
        device.enable(false);
        drop(mutex.try_lock());
    }));
    let twin = run("twin: a handler that spins on the lock it interrupted", |device, mutex| {
        device.enable(false);
        drop(block::block(mutex.lock()));
    });
    caught(&twin, Report::stuck);
}

/// A device whose interrupt line is level-triggered.
struct Level(&'static Device, fn(&Device));

impl World for Level {
    fn event(&self) {
        self.0.put();
    }

    fn deliver(&self) -> bool {
        let high = self.0.state() == (1, true);
        if high {
            (self.1)(self.0);
        }
        high
    }
}

#[test]
fn a_level_line_that_is_never_quieted() {
    let run = |name, handler: fn(&Device)| {
        let level = move || Level(Device::new(), handler);
        Sweep::new(name).needs(0).run(level, |level, cpu| {
            level.0.enable(true);
            cpu.step();
            (0..8).for_each(|_| cpu.step());
            assert!(cpu.events() == 0 || level.0.state().0 > 0);
        })
    };
    sound(&run("a handler quiets its device", |device| device.enable(false)));
    let storm = run("twin: a level line that is never quieted", |_| {});
    caught(&storm, Report::stuck);
}

#[test]
fn a_value_that_is_lost_is_the_scenarios_own_finding() {
    let report = sweep("twin: a handler takes what is the foreground's", always_on, |rig, _| {
        rig.device.take();
        std::panic::resume_unwind(Box::new("the foreground has failed"));
    });
    caught(&report, |report| report.failures().len() as u64);
    let wouldblock::testing::Fault::Panicked(words) = &report.failures()[0].fault else {
        panic!("{report}")
    };
    assert_eq!(words, "the foreground has failed");
}
