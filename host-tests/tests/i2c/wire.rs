//! A bus with three targets, and a controller that makes one byte at a time and interrupts after each;
//! and what a HAL author writes for it.
//!
//! The targets at 0x48 and 0x50 are memories of 16 bytes, in which byte n is at first the address plus n.
//! The first byte of a write is the index of what follows, written or read. The target at 0x22
//! acknowledges its address and one byte.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use wouldblock::{
    event::Event,
    i2c::{Address, Bus, Controller, Cursor, Direction},
    nb,
    testing::{World, boundary, conformance::I2cTargets},
};

/// What the controller is told to do, and what then happens on the bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Command {
    /// START or a repeated START, and the address with its direction.
    Start(u8, Direction),
    Send(u8),
    Receive {
        last: bool,
    },
    Stop,
}
pub use Command::{Receive, Send, Start, Stop};

const ACKNOWLEDGED: u8 = 1;
const NOT_ACKNOWLEDGED: u8 = 2;
const RECEIVED: u8 = 4;
const STOPPED: u8 = 8;

/// What the bus allows next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// START.
    Free,
    /// The target receives: a byte, a repeated START, or STOP.
    Writing { bytes: usize },
    /// The target drives the bus: only a byte.
    Reading,
    /// A byte was not acknowledged: a repeated START, or STOP.
    Refused,
}

struct Target {
    address: u8,
    memory: [u8; 16],
    index: usize,
    /// How many bytes of a write it acknowledges.
    takes: usize,
}

impl Target {
    fn new(address: u8, takes: usize) -> Self {
        Self { address, memory: std::array::from_fn(|n| address + n as u8), index: 0, takes }
    }

    fn place(&mut self) -> &mut u8 {
        let index = self.index % self.memory.len();
        self.index = index + 1;
        &mut self.memory[index]
    }
}

/// The bus. It panics at what the bus does not allow.
pub struct Wire {
    command: Cell<Option<Command>>,
    /// How many commands end without another event.
    credit: Cell<u32>,
    status: Cell<u8>,
    data: Cell<u8>,
    enabled: Cell<bool>,
    state: Cell<State>,
    stuck: Cell<bool>,
    targets: RefCell<[Target; 3]>,
    chosen: Cell<usize>,
    log: RefCell<Vec<Command>>,
    /// The targets of a conformance suite, in place of these.
    suite: Option<I2cTargets>,
}

impl Wire {
    fn new(suite: Option<I2cTargets>) -> Self {
        let targets = [(0x48, 16), (0x50, 16), (0x22, 1)].map(|(at, takes)| Target::new(at, takes));
        Self {
            command: Cell::default(),
            credit: Cell::default(),
            status: Cell::default(),
            data: Cell::default(),
            enabled: Cell::default(),
            state: Cell::new(State::Free),
            stuck: Cell::default(),
            targets: RefCell::new(targets),
            chosen: Cell::default(),
            log: RefCell::default(),
            suite,
        }
    }

    /// What was on the bus so far.
    pub fn log(&self) -> Vec<Command> {
        self.log.borrow().clone()
    }

    /// From here on no command ends, until the controller is reset.
    pub fn get_stuck(&self) {
        self.stuck.set(true);
    }

    /// The next commands end at once.
    pub fn let_through(&self, commands: u32) {
        self.credit.set(self.credit.get() + commands);
        self.run();
    }

    /// Whether the controller may interrupt.
    pub fn is_enabled(&self) -> bool {
        self.enabled.get()
    }

    /// What a try that would block does not change.
    pub fn snapshot(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        (self.command.get(), self.status.get(), self.state.get(), self.log())
    }

    /// The command that was issued ends, if there is one.
    pub fn end_one(&self) {
        if self.command.get().is_some() {
            self.let_through(1);
        }
    }

    fn run(&self) {
        let stuck = self.stuck.get() || self.suite.as_ref().is_some_and(I2cTargets::holds_clock);
        if stuck || self.credit.get() == 0 {
            return;
        }
        let Some(command) = self.command.take() else { return };
        self.credit.set(self.credit.get() - 1);
        self.log.borrow_mut().push(command);
        if let Some(targets) = &self.suite {
            return self.status.set(self.pass_on(targets, command));
        }
        let (state, status) = self.end(command);
        self.state.set(state);
        self.status.set(status);
    }

    /// What the controller says when the suite's targets have had this command.
    fn pass_on(&self, targets: &I2cTargets, command: Command) -> u8 {
        let acknowledged = match command {
            Start(address, direction) => targets.start(address, direction),
            Send(byte) => targets.write(byte),
            Receive { last } => {
                self.data.set(targets.read());
                targets.acknowledge(!last);
                return RECEIVED;
            }
            Stop => {
                targets.stop();
                return STOPPED;
            }
        };
        if acknowledged { ACKNOWLEDGED } else { NOT_ACKNOWLEDGED }
    }

    /// What the bus is like after a command, and what the controller then says.
    fn end(&self, command: Command) -> (State, u8) {
        let mut targets = self.targets.borrow_mut();
        let target = &mut targets[self.chosen.get()];
        match (self.state.get(), command) {
            (State::Free | State::Writing { .. } | State::Refused, Start(address, direction)) => {
                let Some(at) = targets.iter().position(|target| target.address == address) else {
                    return (State::Refused, NOT_ACKNOWLEDGED);
                };
                self.chosen.set(at);
                match direction {
                    Direction::Write => (State::Writing { bytes: 0 }, ACKNOWLEDGED),
                    Direction::Read => (State::Reading, ACKNOWLEDGED),
                }
            }
            (State::Writing { bytes }, Send(_)) if bytes == target.takes => {
                (State::Refused, NOT_ACKNOWLEDGED)
            }
            (State::Writing { bytes }, Send(byte)) => {
                match bytes {
                    0 => target.index = byte.into(),
                    _ => *target.place() = byte,
                }
                (State::Writing { bytes: bytes + 1 }, ACKNOWLEDGED)
            }
            (State::Reading, Receive { last }) => {
                self.data.set(*target.place());
                (if last { State::Refused } else { State::Reading }, RECEIVED)
            }
            (State::Writing { .. } | State::Refused, Stop) => (State::Free, STOPPED),
            (state, command) => panic!("not allowed on the bus: {command:?} when {state:?}"),
        }
    }

    fn issue(&self, command: Command) {
        boundary();
        let idle = self.command.get().is_none() && self.status.get() == 0;
        assert!(idle, "not allowed: a command on top of another");
        self.command.set(Some(command));
        self.run();
    }

    fn take_status(&self) -> u8 {
        boundary();
        self.status.take()
    }

    fn data(&self) -> u8 {
        boundary();
        self.data.get()
    }

    fn enable(&self, enabled: bool) {
        boundary();
        self.enabled.set(enabled);
    }

    fn reset(&self) {
        boundary();
        self.command.set(None);
        self.status.set(0);
        self.enabled.set(false);
        self.stuck.set(false);
        self.state.set(State::Free);
    }
}

/// One mistake of a HAL author.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Flaw {
    #[default]
    None,
    /// The interrupt is not enabled.
    NeverArms,
    /// A transaction that is given up is forgotten.
    NeverAborts,
    /// It sends STOP although the target drives the bus.
    StopsInRead,
    /// No STOP after a byte that was not acknowledged.
    NoStopAfterRefusal,
    /// A time-out leaves the bus as it is.
    NeverResets,
    /// A reset forgets what was begun, and does not reset the device.
    OnlyForgets,
    /// The last byte that is read is acknowledged.
    AcknowledgesTheLast,
    /// A refusal of the last byte is not seen.
    MissesTheLastRefusal,
    /// A transaction that is given up is stopped twice.
    StopsTwice,
}

/// The controller, as a HAL author writes it.
pub struct Engine {
    wire: Rc<Wire>,
    flaw: Flaw,
    /// A command was issued whose end was not seen.
    busy: bool,
    /// STOP is owed.
    open: bool,
    /// What was issued last.
    last: Command,
    /// The target drives the bus, unless it has refused.
    driven: bool,
    /// One more STOP: see [`Flaw::StopsTwice`].
    again: bool,
}

impl Engine {
    pub fn new(wire: &Rc<Wire>, flaw: Flaw) -> Self {
        let wire = wire.clone();
        Self { wire, flaw, busy: false, open: false, last: Stop, driven: false, again: false }
    }

    fn issue(&mut self, command: Command) {
        self.busy = true;
        self.last = command;
        self.driven = matches!(command, Start(_, Direction::Read) | Receive { last: false });
        self.wire.issue(command);
    }

    fn stop(&mut self) {
        self.open = false;
        self.issue(Stop);
    }

    /// How the last command has ended; 0 if that was seen before.
    fn end(&mut self) -> nb::Result<u8, ErrorKind> {
        if !self.busy {
            return Ok(0);
        }
        match self.wire.take_status() {
            0 => Err(nb::Error::WouldBlock),
            status => {
                self.busy = false;
                self.driven &= status & NOT_ACKNOWLEDGED == 0;
                Ok(status)
            }
        }
    }
}

impl Controller for Engine {
    type Error = ErrorKind;

    fn settle(&mut self) -> nb::Result<(), ErrorKind> {
        self.end()?;
        while self.open {
            match self.driven && self.flaw != Flaw::StopsInRead {
                true => self.issue(Receive { last: true }),
                false => self.stop(),
            }
            self.end()?;
        }
        if std::mem::take(&mut self.again) {
            self.issue(Stop);
            self.end()?;
        }
        Ok(())
    }

    fn start(&mut self, cursor: &mut Cursor<'_, '_>) -> Result<(), ErrorKind> {
        let Address::Seven(address) = cursor.address() else { return Err(ErrorKind::Other) };
        self.open = true;
        self.issue(Start(address, cursor.direction()));
        Ok(())
    }

    fn step(&mut self, cursor: &mut Cursor<'_, '_>) -> nb::Result<(), ErrorKind> {
        let status = self.end()?;
        if !self.open {
            return Ok(());
        }
        let missed = self.flaw == Flaw::MissesTheLastRefusal
            && matches!(self.last, Send(_))
            && cursor.left() == 0;
        if status & NOT_ACKNOWLEDGED != 0 && !missed {
            let source = match self.last {
                Start(..) => NoAcknowledgeSource::Address,
                _ => NoAcknowledgeSource::Data,
            };
            match self.flaw {
                Flaw::NoStopAfterRefusal => self.open = false,
                _ => self.stop(),
            }
            return Err(nb::Error::Other(ErrorKind::NoAcknowledge(source)));
        }
        if status & RECEIVED != 0 {
            assert!(cursor.received(self.wire.data()), "a byte that is not expected");
        }
        if let Some(byte) = cursor.send() {
            self.issue(Send(byte));
        } else if cursor.direction() == Direction::Read && cursor.left() > 0 {
            let last = cursor.left() == 1 && self.flaw != Flaw::AcknowledgesTheLast;
            self.issue(Receive { last });
        } else if cursor.next_run() {
            self.start(cursor)?;
        } else {
            self.stop();
        }
        Err(nb::Error::WouldBlock)
    }

    fn abort(&mut self) {
        match self.flaw {
            Flaw::NeverAborts => (self.open, self.busy) = (false, false),
            Flaw::StopsTwice => {
                self.again = self.open;
                _ = self.settle();
            }
            _ => _ = self.settle(),
        }
    }

    fn reset(&mut self) {
        if self.flaw != Flaw::NeverResets {
            (self.busy, self.open) = (false, false);
            if self.flaw != Flaw::OnlyForgets {
                self.wire.reset();
            }
        }
    }

    fn arm(&mut self) {
        self.wire.enable(self.flaw != Flaw::NeverArms);
    }

    fn disarm(&mut self) {
        self.wire.enable(false);
    }
}

/// The bus, and the event that the controller's handler signals. With each event of the sweep a command
/// ends: the one that was issued, or else the next one.
pub struct Rig {
    pub wire: Rc<Wire>,
    pub news: Event,
}

impl Rig {
    pub fn new() -> Self {
        Self { wire: Rc::new(Wire::new(None)), news: Event::new() }
    }

    /// Over the targets of a conformance suite.
    pub fn over(targets: I2cTargets) -> Self {
        Self { wire: Rc::new(Wire::new(Some(targets))), news: Event::new() }
    }

    /// The device ends its command, and its handler runs.
    pub fn step(&self) {
        self.wire.end_one();
        self.deliver();
    }

    /// A bus on which every command ends at once.
    pub fn instant() -> Self {
        let rig = Self::new();
        rig.wire.let_through(1_000_000);
        rig
    }

    pub fn bus(&self, flaw: Flaw) -> Bus<'_, Engine> {
        Bus::new(Engine::new(&self.wire, flaw), self.news.waiter().expect("one waiter"))
    }
}

impl World for Rig {
    fn event(&self) {
        self.wire.let_through(1);
    }

    fn deliver(&self) -> bool {
        let requested = self.wire.enabled.get() && self.wire.status.get() != 0;
        if requested {
            self.wire.enabled.set(false);
            self.news.signal();
        }
        requested
    }
}

/// What a read of two bytes, from index 1 of the memory at `address`, is on the bus.
pub fn register_read(address: u8) -> [Command; 6] {
    let (write, read) = (Start(address, Direction::Write), Start(address, Direction::Read));
    [write, Send(1), read, Receive { last: false }, Receive { last: true }, Stop]
}
