//! Interrupts of two priorities, as an NVIC has them: the higher one interrupts the lower one's
//! handler at every boundary, never the reverse. Each test needs both, so it ends only if neither
//! is lost.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU32,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Poll, Waker},
};

use fakes::waker::{Call, hooked};
use wouldblock::{
    Attempt, attempt,
    block::Idle,
    event::{Event, Flags},
    job::{Background, Slot},
    nb,
    testing::{Cpu, Report, Sweep, World, boundary},
};

use crate::{
    Form, caught, clean,
    device::{Device, Take},
    leak,
};

/// A priority; 0 is the foreground's.
const LOW: usize = 1;
const HIGH: usize = 2;

/// The priority that runs, and how often one interrupted a handler.
#[derive(Default)]
struct Priorities {
    running: Cell<usize>,
    nested: Arc<AtomicU32>,
}

impl Priorities {
    /// Runs `handler` at `priority`, which is higher than the one that runs.
    fn run(&self, priority: usize, handler: impl FnOnce()) {
        let interrupted = self.running.replace(priority);
        if interrupted != 0 {
            self.nested.fetch_add(1, Relaxed);
        }
        handler();
        self.running.set(interrupted);
    }

    fn is_above(&self, priority: usize) -> bool {
        self.running.get() < priority
    }
}

/// Two devices, each on a line of its own priority, and one driver for both. The events of the
/// sweep give a token to one device and to the other in turns.
struct Lines<D> {
    devices: [&'static Device; 2],
    driver: D,
    handler: fn(&Self, usize),
    priorities: Priorities,
    events: Cell<usize>,
}

impl<D> Lines<D> {
    /// `first` (0 or 1) is the device with the first event; that of the higher priority is 1.
    fn new(driver: D, handler: fn(&Self, usize), first: usize, nested: &Arc<AtomicU32>) -> Self {
        Self {
            devices: [Device::new(), Device::new()],
            driver,
            handler,
            priorities: Priorities { nested: nested.clone(), ..Default::default() },
            events: Cell::new(first),
        }
    }

    /// One token of each device.
    fn both(&self) -> Both {
        Both(self.devices.map(|device| Take::new(device, 1)))
    }
}

impl<D: 'static> World for Lines<D> {
    fn event(&self) {
        self.devices[self.events.replace(self.events.get() + 1) % 2].put();
    }

    fn deliver(&self) -> bool {
        let due = |&priority: &usize| {
            self.priorities.is_above(priority) && self.devices[priority - LOW].take_request()
        };
        let Some(priority) = [HIGH, LOW].iter().copied().find(due) else { return false };
        self.priorities.run(priority, || (self.handler)(self, priority - LOW));
        true
    }
}

/// Takes one token of each of two devices.
struct Both([Take; 2]);

impl Attempt for Both {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        let ends = self.0.each_mut().map(Attempt::attempt);
        if ends == [Ok(1); 2] { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }

    fn arm(&mut self) {
        self.0.iter_mut().for_each(Attempt::arm);
    }

    fn disarm(&mut self) {
        self.0.iter_mut().for_each(Attempt::disarm);
    }
}

impl Background for Both {
    fn begin(&mut self) {
        self.0.iter_mut().for_each(Background::begin);
    }

    fn cancel(&mut self) {
        self.0.iter_mut().for_each(Background::cancel);
    }
}

/// Sweeps with the one and with the other event first; `each` gets the reports. Asserts that the
/// higher priority has interrupted the lower one's handler.
fn two_lines<D: 'static>(
    name: &str,
    driver: fn() -> D,
    handler: fn(&Lines<D>, usize),
    foreground: impl Fn(&Lines<D>, &Cpu) + Copy + Send + Sync + 'static,
    mut each: impl FnMut(&Report),
) {
    let nested = Arc::<AtomicU32>::default();
    for (first, order) in ["low first", "high first"].into_iter().enumerate() {
        let count = nested.clone();
        let world = move || Lines::new(driver(), handler, first, &count);
        let name = format!("{name}, {order}");
        each(&Sweep::new(&name).needs(2).nested().run(world, foreground));
    }
    assert!(nested.load(Relaxed) > 0, "{name}: no handler was interrupted");
}

#[test]
fn an_event_is_signalled_inside_its_own_signal() {
    for form in Form::ALL {
        two_lines(
            &format!("event, two priorities, {form:?}"),
            Event::new,
            |lines, line| {
                lines.devices[line].enable(false);
                lines.driver.signal();
            },
            move |lines, cpu| {
                let mut waiter = lines.driver.waiter().unwrap();
                assert_eq!(form.run(cpu, waiter.operation(lines.both())), Ok(()));
            },
            |report| clean(report, 18),
        );
    }
}

/// Waits until the bits of both lines were taken.
fn takes_both_bits(cpu: &Cpu, mut take: impl FnMut(&Cpu) -> u32) {
    let mut seen = 0;
    while seen != 0b11 {
        seen |= take(cpu);
    }
}

#[test]
fn a_bit_is_raised_inside_a_raise() {
    two_lines(
        "flags, two priorities",
        Flags::default,
        |lines, line| {
            lines.devices[line].enable(false);
            lines.driver.raise(1 << line);
        },
        |lines, cpu| {
            let mut waiter = lines.driver.waiter().unwrap();
            let mut edges = lines.driver.any_of(0b11);
            lines.both().arm();
            takes_both_bits(cpu, |cpu| {
                let Ok(bits) = waiter.operation(&mut edges).block(cpu);
                bits
            });
        },
        |report| clean(report, 10),
    );
    // The twin reads and writes the bits in two steps.
    let mut lost = 0;
    two_lines(
        "twin: bits read, then written",
        AtomicU32::default,
        |lines, line| {
            lines.devices[line].enable(false);
            let bits = lines.driver.load(Relaxed);
            boundary();
            lines.driver.store(bits | 1 << line, Relaxed);
        },
        |lines, cpu| {
            lines.both().arm();
            takes_both_bits(cpu, |mut cpu| {
                Idle::idle(&mut cpu, || lines.driver.load(Relaxed) != 0);
                lines.driver.swap(0, Relaxed)
            });
        },
        |report| {
            println!("{report}");
            lost += report.lost();
        },
    );
    assert!(lost > 0);
}

#[test]
fn a_slot_is_stepped_inside_its_own_step() {
    for form in [Form::Block, Form::Await] {
        two_lines(
            &format!("job, two priorities, {form:?}"),
            || leak(Slot::<Both>::new()),
            |lines, line| {
                lines.devices[line].enable(false);
                drop(lines.driver.on_interrupt());
            },
            move |lines, cpu| {
                let job = lines.driver.start(lines.both()).unwrap();
                let done = if let Form::Await = form { cpu.block_on(job) } else { job.wait(cpu) };
                assert_eq!(done.result, Ok(()));
            },
            |report| clean(report, 30),
        );
    }
}

/// An operation whose handlers step it one at a time. A handler that meets another one returns.
struct NoNote {
    op: RefCell<Option<Both>>,
    done: Cell<bool>,
}

impl NoNote {
    fn step(&self) {
        boundary();
        let Ok(mut op) = self.op.try_borrow_mut() else { return };
        if let Some(op) = &mut *op {
            match op.attempt() {
                Ok(()) => self.done.set(true),
                Err(_) => op.arm(),
            }
        }
        boundary();
    }
}

#[test]
fn a_step_that_meets_another_one_leaves_a_note() {
    let mut lost = 0;
    two_lines(
        "twin: a step without a note",
        || NoNote { op: RefCell::default(), done: Cell::new(false) },
        |lines, line| {
            lines.devices[line].enable(false);
            lines.driver.step();
        },
        |lines, mut cpu| {
            *lines.driver.op.borrow_mut() = Some(lines.both());
            lines.both().arm();
            while !lines.driver.done.get() {
                Idle::idle(&mut cpu, || lines.driver.done.get());
            }
        },
        |report| {
            println!("{report}");
            lost += report.lost();
        },
    );
    assert!(lost > 0);
}

/// A task that runs in the handler of a higher priority, as under RTIC or embassy's interrupt
/// executor, and a handler of a lower one that signals its event. Waking the task pends the task's
/// interrupt, which comes at once.
struct Tasks<E: 'static> {
    device: &'static Device,
    event: &'static E,
    signal: fn(&E),
    poll: RefCell<Box<PollTask>>,
    waker: fn(&Arc<AtomicBool>) -> Waker,
    first_waker: Waker,
    changes_its_waker: bool,
    pended: Arc<AtomicBool>,
    done: Cell<bool>,
    priorities: Priorities,
    events: Cell<u32>,
}

type PollTask = dyn FnMut(&mut Context<'_>) -> Poll<()>;

impl<E: 'static> Tasks<E> {
    fn new(
        event: &'static E,
        signal: fn(&E),
        poll: impl FnOnce(&'static E, Take) -> Box<PollTask>,
        changes_its_waker: bool,
        nested: &Arc<AtomicU32>,
    ) -> Self {
        fn waker(pended: &Arc<AtomicBool>) -> Waker {
            let pended = pended.clone();
            hooked(move |call| {
                if call == Call::Wake {
                    pended.store(true, SeqCst);
                }
            })
        }
        let device = Device::new();
        let pended = Arc::<AtomicBool>::default();
        Self {
            device,
            event,
            signal,
            poll: RefCell::new(poll(event, Take::new(device, 2))),
            waker,
            first_waker: waker(&pended),
            changes_its_waker,
            pended,
            done: Cell::new(false),
            priorities: Priorities { nested: nested.clone(), ..Default::default() },
            events: Cell::new(0),
        }
    }

    fn poll(&self) {
        let another = self.changes_its_waker.then(|| (self.waker)(&self.pended));
        let waker = another.as_ref().unwrap_or(&self.first_waker);
        let mut poll = self.poll.borrow_mut();
        if !self.done.get() {
            self.done.set(poll(&mut Context::from_waker(waker)).is_ready());
        }
    }
}

impl<E: 'static> World for Tasks<E> {
    /// A token; then the task is woken for another reason; then a token.
    fn event(&self) {
        match self.events.replace(self.events.get() + 1) {
            1 => self.pended.store(true, SeqCst),
            _ => self.device.put(),
        }
    }

    fn deliver(&self) -> bool {
        let due = |priority| self.priorities.is_above(priority);
        if due(HIGH) && self.pended.swap(false, SeqCst) {
            self.priorities.run(HIGH, || self.poll());
        } else if due(LOW) && self.device.take_request() {
            self.priorities.run(LOW, || {
                self.device.enable(false);
                (self.signal)(self.event);
            });
        } else {
            return false;
        }
        true
    }
}

/// Starts the task, and sleeps until it is done.
fn until_done<E>(tasks: &Tasks<E>, mut cpu: &Cpu) {
    tasks.pended.store(true, SeqCst);
    while !tasks.done.get() {
        Idle::idle(&mut cpu, || tasks.done.get());
    }
}

fn task_of_an_event(changes_its_waker: bool) -> (Report, u32) {
    let nested = Arc::<AtomicU32>::default();
    let count = nested.clone();
    let world = move || {
        let task = |event: &'static Event, take| -> Box<PollTask> {
            let waiter = Box::leak(Box::new(event.waiter().unwrap()));
            let mut op = waiter.operation(take);
            Box::new(move |context| {
                std::pin::Pin::new(&mut op).poll(context).map(|end| assert_eq!(end, Ok(2)))
            })
        };
        Tasks::new(leak(Event::new()), Event::signal, task, changes_its_waker, &count)
    };
    let name = if changes_its_waker {
        "event, polled inside its own signal with another waker each time"
    } else {
        "event, polled inside its own signal"
    };
    // A run that is stuck has no last boundary.
    let sweep = Sweep::new(name).needs(3).nested().budget(400);
    let sweep = if changes_its_waker && !IN_A_SECTION { sweep.limit(20) } else { sweep };
    let report = sweep.run(world, until_done);
    (report, nested.load(Relaxed))
}

#[test]
fn a_task_of_a_higher_priority_polls_inside_the_signal() {
    let (report, nested) = task_of_an_event(false);
    clean(&report, 25);
    assert!(nested > 0);
}

/// Whether the waker is called in a critical section, so that no task can come in between.
const IN_A_SECTION: bool = cfg!(wouldblock_sections);

/// The limitation that `Event` states. It does not exist where the waker is called in a section.
#[test]
fn such_a_task_must_keep_its_waker() {
    let (report, _) = task_of_an_event(true);
    if IN_A_SECTION {
        clean(&report, 25);
    } else {
        caught(&report, Report::stuck);
    }
}

/// An event whose signal clears the registration before it wakes, or, the twin, afterwards.
#[derive(Default)]
struct Bell {
    armed: AtomicBool,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn wake(&self) {
        let waker = self.waker.borrow().clone();
        waker.unwrap().wake();
    }

    fn signal(&self) {
        boundary();
        if self.armed.swap(false, Relaxed) {
            self.wake();
            boundary();
        }
    }

    fn signal_and_clear_late(&self) {
        boundary();
        if self.armed.load(Relaxed) {
            self.wake();
            boundary();
            self.armed.store(false, Relaxed);
        }
    }
}

#[test]
fn a_registration_is_used_up_before_the_wake() {
    let run = |name: &str, signal: fn(&Bell)| {
        let nested = Arc::<AtomicU32>::default();
        let world = move || {
            let task = |bell: &'static Bell, mut take: Take| -> Box<PollTask> {
                let mut poll = Box::pin(poll_fn(move |context| {
                    if take.attempt().is_ok() {
                        return Poll::Ready(());
                    }
                    *bell.waker.borrow_mut() = Some(context.waker().clone());
                    bell.armed.store(true, Relaxed);
                    take.arm();
                    attempt::into_poll(take.attempt()).map(drop)
                }));
                Box::new(move |context| poll.as_mut().poll(context))
            };
            Tasks::new(leak(Bell::default()), signal, task, false, &nested)
        };
        Sweep::new(name).needs(3).nested().run(world, until_done)
    };
    clean(&run("registration cleared, then woken", Bell::signal), 10);
    caught(&run("twin: woken, then cleared", Bell::signal_and_clear_late), Report::lost);
}
