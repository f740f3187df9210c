//! Input pins: a level, a pulse or an edge at every place of a wait; two pins of one port, also where
//! the handler of one interrupts that of the other.

use std::{
    cell::Cell,
    convert::Infallible,
    pin::Pin as Pinned,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::Context,
    time::Duration,
};

use fakes::{
    gpio::{Flaw, Gpio, Input},
    leak,
    waker::counting,
};
use wouldblock::{
    Attempt, attempt,
    digital::{Pin, PinInput, Port, Trigger},
    event::{Event, Flags, Operation, wait::Wait},
    nb,
    testing::{Cpu, Fault, Report, Sweep, World, boundary},
    time,
};

use crate::{Form, caught, clean};

/// What an event does to a pin, of which there are two.
type Change = fn(&Gpio, u32);

const PULSE: Change = Gpio::pulse;
const RISE: Change = |gpio, pin| gpio.set(pin, true);

/// A port with one interrupt. The events change one pin and the other in turns. What the pins are
/// connected to is started by the program: an event before that comes at the start.
struct Pins {
    gpio: &'static Gpio,
    port: Port<2>,
    change: Change,
    events: Cell<u32>,
    started: Cell<bool>,
    owed: Cell<u32>,
}

impl Pins {
    /// The first event changes this pin.
    fn new(change: Change, first: u32) -> Self {
        let gpio = leak(Gpio::default());
        let (events, started, owed) = (Cell::new(first), Cell::new(false), Cell::new(0));
        Self { gpio, port: Port::new(), change, events, started, owed }
    }

    fn pin(&self, number: u32) -> Pin<'_, Input> {
        self.port.pin(number as usize, self.gpio.input(number)).unwrap()
    }

    fn broken_pin(&self, number: u32, flaw: Flaw) -> Pin<'_, Input> {
        self.port.pin(number as usize, self.gpio.broken_input(number, flaw)).unwrap()
    }

    /// Starts what the pins are connected to.
    fn start(&self) {
        boundary();
        self.started.set(true);
        (0..self.owed.take()).for_each(|_| self.happen());
        boundary();
    }

    fn happen(&self) {
        (self.change)(self.gpio, self.events.replace(self.events.get() + 1) % 2);
    }
}

impl World for Pins {
    fn event(&self) {
        match self.started.get() {
            true => self.happen(),
            false => self.owed.set(self.owed.get() + 1),
        }
    }

    fn deliver(&self) -> bool {
        let edges = self.gpio.take_edges(!0);
        self.port.raise(edges);
        edges != 0
    }
}

/// Sweeps a wait for pin 0 in each form: the operation is made, what the pin is connected to is
/// started, then the wait begins. `run` gets the world, the CPU and the form.
fn in_each_form(
    name: &str,
    change: Change,
    run: impl Fn(&Pins, &Cpu, Form) + Send + Sync + Copy + 'static,
) -> Vec<Report> {
    let sweep = |form: Form| {
        let name = format!("{name}, {form:?}");
        Sweep::new(&name).run(move || Pins::new(change, 0), move |pins, cpu| run(pins, cpu, form))
    };
    Form::ALL.map(sweep).into()
}

#[test]
fn a_level_is_seen_wherever_it_comes() {
    let reports = in_each_form("pin: level", RISE, |pins, cpu, form| {
        pins.start();
        form.run(cpu, pins.pin(0).high()).unwrap();
    });
    reports.iter().for_each(|report| clean(report, 10));
}

#[test]
fn a_pulse_after_the_call_is_seen_wherever_it_comes() {
    let edge = in_each_form("pin: edge", PULSE, |pins, cpu, form| {
        let mut pin = pins.pin(0);
        let edge = pin.edge(Trigger::Rising);
        pins.start();
        form.run(cpu, edge).unwrap();
    });
    let level = in_each_form("pin: level for a moment", PULSE, |pins, cpu, form| {
        let mut pin = pins.pin(0);
        let high = pin.high();
        pins.start();
        form.run(cpu, high).unwrap();
    });
    edge.iter().chain(&level).for_each(|report| clean(report, 8));
}

/// The twin: as an `async fn` has it, nothing listens before the first poll.
#[test]
fn twin_that_listens_from_the_first_poll() {
    let report = Sweep::new("pin: armed at the first poll").run(
        || Pins::new(PULSE, 0),
        |pins, cpu| {
            let mut pin = pins.pin(0);
            let edge = async { pin.edge(Trigger::Rising).await };
            pins.start();
            cpu.block_on(edge).unwrap();
        },
    );
    caught(&report, Report::lost);
}

/// One pin, with flags besides those of its port, for twins.
struct OnePin {
    pins: Pins,
    flags: Flags,
}

impl World for OnePin {
    fn event(&self) {
        self.pins.event();
    }

    fn deliver(&self) -> bool {
        let edges = self.pins.gpio.take_edges(!0);
        self.pins.port.raise(edges);
        if edges != 0 {
            self.flags.raise(1);
        }
        edges != 0
    }
}

/// The twin: the level is looked at, and its interrupt only wakes.
struct LooksOnly(Input);

impl Attempt for LooksOnly {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.0.is_high() { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }

    fn arm(&mut self) {
        self.0.listen(Trigger::Rising);
    }

    fn disarm(&mut self) {
        self.0.unlisten();
    }
}

/// A level that came before it was listened for has no edge any more; one that was there for a moment
/// only, and that no try has seen, is not latched.
#[test]
fn twin_that_only_looks_at_the_level() {
    for change in [RISE, PULSE] {
        let report = Sweep::new("pin: looks only").run(
            move || OnePin { pins: Pins::new(change, 0), flags: Flags::new() },
            |world, cpu| {
                let mut waiter = world.flags.waiter().unwrap();
                world.pins.start();
                let looks = LooksOnly(world.pins.gpio.input(0));
                waiter.operation(looks).block(cpu).unwrap();
            },
        );
        caught(&report, Report::lost);
    }
}

/// Waits for `op` in every way, one after the other, until one of the waits ends.
fn in_all_ways<W: Wait<Output = (), Error = Infallible>>(
    cpu: &Cpu,
    needs: u64,
    last: Form,
    mut op: Operation<W>,
) {
    if op.attempt().is_ok() {
        return;
    }
    for _ in 0..2 {
        match op.block_for(cpu, cpu.clock(), Duration::from_millis(3)) {
            Ok(()) => return,
            Err(time::Error::TimedOut) => cpu.step(),
        }
    }
    // One poll, after which the task does something else.
    let (waker, _) = counting();
    if Pinned::new(&mut op.by_ref()).poll(&mut Context::from_waker(&waker)).is_ready() {
        return;
    }
    cpu.step();
    if needs > 0 || cpu.events() > 0 {
        last.run(cpu, op).unwrap();
    }
}

#[test]
fn an_edge_between_two_efforts_is_seen() {
    for (needs, form) in [0, 1].into_iter().flat_map(|needs| Form::ALL.map(|form| (needs, form))) {
        let name = format!("pin: edge, all ways, then {form:?}, needs {needs}");
        let report = Sweep::new(&name).needs(needs).run(
            || Pins::new(PULSE, 0),
            move |pins, cpu| {
                let mut pin = pins.pin(0);
                let edge = pin.edge(Trigger::Rising);
                pins.start();
                in_all_ways(cpu, needs, form, edge);
            },
        );
        clean(&report, 15);
    }
}

/// The twin: each effort listens again.
struct ListensByEfforts<'p> {
    flags: &'p Flags,
    input: Input,
    listens: bool,
}

impl Attempt for ListensByEfforts<'_> {
    type Output = ();
    type Error = Infallible;

    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        if self.flags.take(1) == 0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }

    fn arm(&mut self) {
        if !self.listens {
            self.listens = true;
            self.input.listen(Trigger::Rising);
        }
    }

    fn disarm(&mut self) {
        self.listens = false;
        self.input.unlisten();
    }
}

#[test]
fn twin_that_listens_anew_in_each_effort() {
    let report = Sweep::new("pin: listens by efforts").needs(0).run(
        || OnePin { pins: Pins::new(PULSE, 0), flags: Flags::new() },
        |world, cpu| {
            let mut waiter = world.flags.waiter().unwrap();
            let input = world.pins.gpio.input(0);
            let op = ListensByEfforts { flags: &world.flags, input, listens: false };
            let mut op = waiter.operation(op);
            let (waker, _) = counting();
            let pending = Pinned::new(&mut op).poll(&mut Context::from_waker(&waker)).is_pending();
            assert!(pending, "nothing was started");
            world.pins.start();
            in_all_ways(cpu, 0, Form::Await, op);
        },
    );
    caught(&report, Report::lost);
}

/// Dropped after a try, at every place: the next operation neither misses its edge nor has an old one.
#[test]
fn after_a_drop_the_next_edge_is_a_new_one() {
    for form in Form::ALL {
        let name = format!("pin: dropped, then {form:?}");
        let report = Sweep::new(&name).needs(1).run(
            || Pins::new(PULSE, 0),
            move |pins, cpu| {
                let mut pin = pins.pin(0);
                {
                    let mut edge = pin.edge(Trigger::Rising);
                    let (waker, _) = counting();
                    let poll = Pinned::new(&mut edge).poll(&mut Context::from_waker(&waker));
                    assert!(poll.is_pending());
                }
                // Nothing comes before the start, so an end before it would be that of an old edge.
                let mut edge = pin.edge(Trigger::Rising);
                assert_eq!(edge.attempt(), Err(nb::Error::WouldBlock));
                pins.start();
                form.run(cpu, edge).unwrap();
            },
        );
        clean(&report, 10);
    }
}

/// Waits for both pins, of which each is changed once.
fn both_pins(pins: &Pins, cpu: &Cpu, form: Form, flaw: Option<Flaw>) {
    let pin = |number| match flaw {
        None => pins.pin(number),
        Some(flaw) => pins.broken_pin(number, flaw),
    };
    let (mut first, mut second) = (pin(0), pin(1));
    // Made while the other's interrupts come: the two share a register.
    let first = first.edge(Trigger::Rising);
    pins.start();
    form.run(cpu, first).unwrap();
    form.run(cpu, second.high()).unwrap();
}

#[test]
fn two_pins_of_one_port() {
    for first in [0, 1] {
        for form in Form::ALL {
            let name = format!("pins: both, {first} first, {form:?}");
            let report = Sweep::new(&name).needs(2).run(
                move || Pins::new(RISE, first),
                move |pins, cpu| both_pins(pins, cpu, form, None),
            );
            clean(&report, 20);
        }
    }
}

/// A task of a higher priority, which an interrupt runs, makes an operation of pin 1 while the
/// foreground uses pin 0. Then pin 1 has a pulse.
struct TwoTasks {
    gpio: &'static Gpio,
    port: Port<2>,
    flaw: Option<Flaw>,
    events: Cell<u32>,
    task: Cell<bool>,
    listens: Cell<bool>,
    owed: Cell<bool>,
    done: Flags,
}

impl TwoTasks {
    fn new(flaw: Option<Flaw>) -> Self {
        Self {
            gpio: leak(Gpio::default()),
            port: Port::new(),
            flaw,
            events: Cell::new(0),
            task: Cell::new(false),
            listens: Cell::new(false),
            owed: Cell::new(false),
            done: Flags::new(),
        }
    }

    fn pin(&self, number: u32) -> Pin<'_, Input> {
        let input = match self.flaw {
            None => self.gpio.input(number),
            Some(flaw) => self.gpio.broken_input(number, flaw),
        };
        self.port.pin(number as usize, input).unwrap()
    }
}

impl World for TwoTasks {
    fn event(&self) {
        match (self.events.replace(self.events.get() + 1), self.listens.get()) {
            (0, _) => self.task.set(true),
            (_, true) => self.gpio.pulse(1),
            (_, false) => self.owed.set(true),
        }
    }

    fn deliver(&self) -> bool {
        let edges = self.gpio.take_edges(!0);
        if edges != 0 {
            self.port.raise(edges);
            self.done.raise(edges);
        } else if self.task.take() {
            std::mem::forget(self.pin(1).edge(Trigger::Rising)); // It waits for long.
            self.listens.set(true);
            if self.owed.take() {
                self.gpio.pulse(1);
            }
        } else {
            return false;
        }
        true
    }
}

fn two_tasks(name: &str, flaw: Option<Flaw>) -> Report {
    Sweep::new(name).needs(2).run(
        move || TwoTasks::new(flaw),
        |world, cpu| {
            let mut waiter = world.done.waiter().unwrap();
            let done = || match world.done.take(0b10) {
                0 => Err(nb::Error::<Infallible>::WouldBlock),
                _ => Ok(()),
            };
            let mut pin = world.pin(0);
            drop(pin.edge(Trigger::Any));
            waiter.operation(attempt::from_fn(done)).block(cpu).unwrap();
        },
    )
}

#[test]
fn two_tasks_use_one_port() {
    clean(&two_tasks("pins: two tasks", None), 10);
}

#[test]
fn twin_whose_pins_share_a_register_without_a_section() {
    caught(&two_tasks("pins: no section", Some(Flaw::WithoutSection)), Report::lost);
}

/// Two interrupts of different priorities, each for one pin, and what both raise: a [`Port`] or a twin.
struct TwoLines<P> {
    pins: Pins,
    port: P,
    raise: fn(&P, u32),
    running: Cell<u32>,
    nested: Arc<AtomicU32>,
}

impl<P: 'static> World for TwoLines<P> {
    fn event(&self) {
        self.pins.event();
    }

    fn deliver(&self) -> bool {
        for priority in [2, 1] {
            let interrupted = self.running.get();
            if interrupted >= priority {
                return false;
            }
            let edges = self.pins.gpio.take_edges(priority);
            if edges != 0 {
                self.nested.fetch_add(u32::from(interrupted != 0), Relaxed);
                self.running.set(priority);
                (self.raise)(&self.port, edges);
                self.running.set(interrupted);
                return true;
            }
        }
        false
    }
}

/// Sweeps `run` in each form, with either pin first. Asserts that one handler has interrupted the
/// other.
fn two_lines<P: 'static>(
    name: &str,
    port: fn() -> P,
    raise: fn(&P, u32),
    run: fn(&TwoLines<P>, &Cpu, Form),
    each: fn(&Report),
) {
    let nested = Arc::new(AtomicU32::new(0));
    for (first, form) in [0, 1].into_iter().flat_map(|first| Form::ALL.map(|form| (first, form))) {
        let nested = nested.clone();
        let name = format!("{name}, {first} first, {form:?}");
        let world = move || TwoLines {
            pins: Pins::new(PULSE, first),
            port: port(),
            raise,
            running: Cell::new(0),
            nested: nested.clone(),
        };
        let sweep = Sweep::new(&name).needs(2).nested();
        each(&sweep.run(world, move |world, cpu| run(world, cpu, form)));
    }
    assert!(nested.load(Relaxed) > 0, "no handler was interrupted");
}

#[test]
fn a_handler_that_interrupts_the_ports_other_handler() {
    two_lines(
        "pins: nested",
        Port::<2>::new,
        Port::raise,
        |world, cpu, form| {
            let pin =
                |number| world.port.pin(number, world.pins.gpio.input(number as u32)).unwrap();
            let (mut first, mut second) = (pin(0), pin(1));
            let (first, second) = (first.edge(Trigger::Rising), second.edge(Trigger::Rising));
            world.pins.start();
            form.run(cpu, first).unwrap();
            form.run(cpu, second).unwrap();
        },
        |report| clean(report, 20),
    );
}

/// The twin of a port: the edges of all pins are in one word, which is read and written back.
#[derive(Default)]
struct OneWord {
    word: AtomicU32,
    events: [Event; 2],
}

impl OneWord {
    fn raise(&self, pins: u32) {
        let word = self.word.load(Relaxed);
        boundary();
        self.word.store(word | pins, Relaxed);
        (0..2).filter(|pin| pins >> pin & 1 != 0).for_each(|pin| self.events[pin].signal());
    }
}

#[test]
fn twin_whose_pins_share_a_word() {
    static LOST: AtomicU32 = AtomicU32::new(0);
    two_lines(
        "pins: one word",
        OneWord::default,
        OneWord::raise,
        |world, cpu, form| {
            for pin in 0..2 {
                world.pins.gpio.input(pin).listen(Trigger::Rising);
            }
            world.pins.start();
            for (pin, event) in world.port.events.iter().enumerate() {
                let mut waiter = event.waiter().unwrap();
                let had_its_edge =
                    || match world.port.word.fetch_and(!(1 << pin), Relaxed) >> pin & 1 {
                        0 => Err(nb::Error::<Infallible>::WouldBlock),
                        _ => Ok(()),
                    };
                form.run(cpu, waiter.operation(attempt::from_fn(had_its_edge))).unwrap();
            }
        },
        |report| {
            println!("{report}");
            _ = LOST.fetch_add(report.lost() as u32, Relaxed);
        },
    );
    assert!(LOST.load(Relaxed) > 0, "the twin was not caught");
}

/// A rising edge comes at any place, for an operation that was forgotten; `next` makes one for a
/// falling edge, which does not come.
fn after_one_that_was_forgotten(name: &str, next: fn(&OnePin) -> bool) -> Report {
    Sweep::new(name).needs(0).run(
        || OnePin { pins: Pins::new(RISE, 0), flags: Flags::new() },
        move |world, cpu| {
            std::mem::forget(world.pins.pin(0).edge(Trigger::Rising));
            world.pins.start();
            assert!(!next(world), "the edge of another operation");
            cpu.step();
        },
    )
}

#[test]
fn an_edge_for_an_operation_that_was_forgotten_does_not_count() {
    let report = after_one_that_was_forgotten("pin: after a forgotten edge", |world| {
        let mut pin = world.pins.pin(0);
        let mut edge = pin.edge(Trigger::Falling);
        edge.attempt().is_ok()
    });
    clean(&report, 10);
}

/// The twin: takes what was raised, and only then ends the listening.
#[test]
fn twin_that_takes_before_it_ends_the_listening() {
    let report = after_one_that_was_forgotten("pin: takes, then ends", |world| {
        let mut input = world.pins.gpio.input(0);
        world.flags.take(1);
        boundary();
        input.unlisten();
        input.listen(Trigger::Falling);
        world.flags.take(1) != 0
    });
    let panics = |report: &Report| {
        let faults = report.failures().iter().map(|failure| &failure.fault);
        faults.filter(|fault| matches!(fault, Fault::Panicked(_))).count() as u64
    };
    caught(&report, panics);
}
