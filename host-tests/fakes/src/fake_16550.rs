//! A PC's serial port that panics at misuse: a 16550 with its destructive reads, its FIFOs and its
//! true interrupt line, an 8259 that latches edges, and the far end of the wire.
//!
//! A real chip returns garbage or does nothing where this one panics: at a read of an empty
//! receiver, at a write to a full transmitter, at a read of MSR outside the handler, and when a
//! read of IIR outside the handler clears "transmitter empty" for good.
//!
//! Source: National Semiconductor PC16550D data sheet (1995), section 8, and Intel 8259A data sheet
//! (1988), "edge and level triggered modes".

use std::{
    collections::VecDeque,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wouldblock::{
    block::{Idle, WithAlarm},
    time::{Alarm, Clock},
    uart16550::{Register, Registers},
};

/// LSR: bytes were lost.
pub const OVERRUN: u8 = 1 << 1;
/// LSR: the byte at the head has the wrong parity.
pub const PARITY: u8 = 1 << 2;
/// LSR: the byte at the head has no stop bit.
pub const FRAMING: u8 = 1 << 3;
/// LSR: the byte at the head is a break.
pub const BREAK: u8 = 1 << 4;

const DEPTH: usize = 16;
/// Character times without a read or a new byte, after which the chip announces the bytes in its
/// FIFO.
const TIMEOUT: u32 = 4;

/// The quirks of a chip, for [`Fake16550::with`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Odd {
    /// Whether it has a FIFO.
    pub fifo: Fifo,
    /// The receiver times out also when it is empty, until the data register is read.
    pub empty_timeout: bool,
    /// The chip refuses line settings while a byte is on its way, and interrupts then.
    pub busy: bool,
    /// The chip announces "transmitter empty" when the transmitter becomes empty while that
    /// interrupt is enabled, and not when the interrupt is enabled while the transmitter is empty.
    pub silent_enable: bool,
}

/// The FIFO of a chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fifo {
    /// It works.
    #[default]
    Works,
    /// There is none.
    Absent,
    /// It has a fault and must not be used.
    Broken,
}

/// One access to a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read, and its value.
    Read(Register, u8),
    /// A write, and its value.
    Write(Register, u8),
}

/// The state of the chip that a program can see, read without a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Bytes in the receiver, each with its errors.
    pub received: VecDeque<(u8, u8)>,
    /// Bytes in the transmitter's FIFO.
    pub to_send: VecDeque<u8>,
    /// IER.
    pub enabled: u8,
    /// LCR.
    pub line_control: u8,
    /// MCR.
    pub modem_control: u8,
    /// The divisor latch.
    pub divisor: [u8; 2],
}

#[derive(Debug)]
struct Chip {
    odd: Odd,
    /// The receiver has timed out while it was empty.
    empty_timeout: bool,
    /// Line settings were refused.
    refused: bool,
    /// Reads of USR. Ten of them take a character time.
    looks: u32,
    contents: Contents,
    fifo_control: u8,
    overrun: bool,
    /// The errors of the byte at the head were read already.
    head_reported: bool,
    idle_characters: u32,
    shift: Option<u8>,
    /// "Transmitter empty" is to be announced. Set when the transmitter becomes empty, and when its
    /// enable bit is set while it is empty. Cleared by a write of a byte, and by the read of IIR
    /// that reports it.
    announce_empty: bool,
    /// A read of IIR outside the handler has cleared that. The program must raise it again at once,
    /// by the enable bit.
    swallowed: bool,
    trigger: usize,
    stuck: bool,
    modem_changed: bool,
    // The wire, both ways.
    sent: Vec<u8>,
    /// A byte with its errors, or a character time of silence.
    arriving: VecDeque<Option<(u8, u8)>>,
    lost: usize,
    // The 8259.
    line: bool,
    request: bool,
    edges: u32,
    // The program.
    in_handler: bool,
    /// Interrupts since the last character time.
    storm: u32,
    log: Vec<Access>,
}

/// The chip, its interrupt controller and the far end of the wire.
pub struct Fake16550(Mutex<Chip>);

impl fmt::Debug for Fake16550 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chip().fmt(f)
    }
}

impl Fake16550 {
    /// A chip as after reset, which lives for ever.
    pub fn new() -> &'static Self {
        Self::with(Odd::default())
    }

    /// A chip with quirks, as after reset, which lives for ever.
    pub fn with(odd: Odd) -> &'static Self {
        let contents = Contents {
            received: VecDeque::new(),
            to_send: VecDeque::new(),
            enabled: 0,
            line_control: 0,
            modem_control: 0,
            divisor: [0; 2],
        };
        Box::leak(Box::new(Self(Mutex::new(Chip {
            odd,
            empty_timeout: false,
            refused: false,
            looks: 0,
            contents,
            fifo_control: 0,
            overrun: false,
            head_reported: false,
            idle_characters: 0,
            shift: None,
            announce_empty: false,
            swallowed: false,
            trigger: 1,
            stuck: false,
            modem_changed: false,
            sent: Vec::new(),
            arriving: VecDeque::new(),
            lost: 0,
            line: false,
            request: false,
            edges: 0,
            in_handler: false,
            storm: 0,
            log: Vec::new(),
        }))))
    }

    fn chip(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The far end sends `bytes`: one arrives at each [`tick`](Self::tick).
    pub fn far_end_sends(&self, bytes: &[u8]) {
        self.chip().arriving.extend(bytes.iter().map(|&byte| Some((byte, 0))));
    }

    /// The far end sends a byte that arrives with `errors`.
    pub fn far_end_sends_badly(&self, byte: u8, errors: u8) {
        self.chip().arriving.push_back(Some((byte, errors)));
    }

    /// The far end is silent for this number of character times.
    pub fn far_end_pauses(&self, characters: usize) {
        self.chip().arriving.extend(std::iter::repeat_n(None, characters));
    }

    /// What the far end has received since the last call.
    pub fn far_end_received(&self) -> Vec<u8> {
        std::mem::take(&mut self.chip().sent)
    }

    /// Bytes lost, because the receiver was full.
    pub fn lost(&self) -> usize {
        self.chip().lost
    }

    /// The far end stops the transmitter, or lets it continue.
    pub fn set_stuck(&self, stuck: bool) {
        self.chip().stuck = stuck;
    }

    /// A modem line changes.
    pub fn modem_changes(&self) {
        let mut chip = self.chip();
        chip.modem_changed = true;
        chip.update_line();
    }

    /// The state that a program can see.
    pub fn contents(&self) -> Contents {
        self.chip().contents.clone()
    }

    /// The accesses since the last call.
    pub fn accesses(&self) -> Vec<Access> {
        std::mem::take(&mut self.chip().log)
    }

    /// Edges that the 8259 has seen.
    pub fn edges(&self) -> u32 {
        self.chip().edges
    }

    /// Advances one character time.
    pub fn tick(&self) {
        let mut chip = self.chip();
        chip.assert_nothing_swallowed();
        chip.storm = 0;
        chip.tick();
        chip.update_line();
    }

    /// Whether nothing more happens unless the program or the far end does something.
    pub fn is_quiet(&self) -> bool {
        let chip = self.chip();
        chip.arriving.is_empty()
            && (chip.stuck || chip.shift.is_none() && chip.contents.to_send.is_empty())
            && (chip.idle_characters > TIMEOUT || chip.contents.received.is_empty())
            && !chip.request
    }

    /// If the 8259 has latched an edge, calls `handler` as its interrupt. Returns whether it did.
    pub fn deliver(&self, handler: &mut dyn FnMut()) -> bool {
        let mut chip = self.chip();
        if !std::mem::take(&mut chip.request) {
            return false;
        }
        chip.storm += 1;
        assert!(chip.storm < 100, "a storm of interrupts");
        chip.in_handler = true;
        drop(chip);
        handler();
        self.chip().in_handler = false;
        true
    }
}

impl Chip {
    fn tick(&mut self) {
        if !self.stuck
            && let Some(byte) = self.shift.take()
        {
            if self.contents.modem_control & 1 << 4 == 0 {
                self.sent.push(byte);
            } else {
                self.arrive(byte, 0);
            }
        }
        self.load_shift();
        match self.arriving.pop_front().flatten() {
            Some(_) if self.contents.modem_control & 1 << 4 != 0 => {} // Loopback is on.
            Some((byte, errors)) => self.arrive(byte, errors),
            None => self.idle_characters += 1,
        }
        let idle = self.idle_characters == TIMEOUT && self.contents.received.is_empty();
        self.empty_timeout |= self.odd.empty_timeout && idle;
    }

    fn depth(&self) -> usize {
        if self.odd.fifo == Fifo::Works { DEPTH } else { 1 }
    }

    /// Whether a byte is on its way.
    fn is_busy(&self) -> bool {
        self.shift.is_some()
            || self.contents.modem_control & 1 << 4 == 0 && !self.arriving.is_empty()
    }

    fn arrive(&mut self, byte: u8, errors: u8) {
        self.idle_characters = 0;
        if self.contents.received.len() == self.depth() {
            self.overrun = true;
            self.lost += 1;
            if self.depth() == 1 {
                self.contents.received[0] = (byte, errors); // Without a FIFO, the new byte stays.
                self.head_reported = false;
            }
        } else {
            self.contents.received.push_back((byte, errors));
        }
    }

    /// The FIFO gives the shift register its next byte.
    fn load_shift(&mut self) {
        if self.shift.is_none()
            && let Some(byte) = self.contents.to_send.pop_front()
        {
            self.shift = Some(byte);
            let said = !self.odd.silent_enable || self.contents.enabled & 2 != 0;
            self.announce_empty |= self.contents.to_send.is_empty() && said;
        }
    }

    /// The value of IIR without the FIFO bits.
    fn source(&self) -> u8 {
        let Contents { received, enabled, .. } = &self.contents;
        let head = received.front().map_or(0, |&(_, errors)| errors);
        let on = |bit: u8| enabled & 1 << bit != 0;
        if on(2) && (self.overrun || head != 0 && !self.head_reported) {
            0b0110
        } else if on(0) && received.len() >= self.trigger {
            0b0100
        } else if on(0) && !received.is_empty() && self.idle_characters >= TIMEOUT
            || on(0) && self.empty_timeout
        {
            0b1100
        } else if on(1) && self.announce_empty {
            0b0010
        } else if self.refused {
            0b0111
        } else if on(3) && self.modem_changed {
            0b0000
        } else {
            0b0001
        }
    }

    /// Updates the interrupt line. The 8259 latches its rise, and forgets a request when the line
    /// falls.
    fn update_line(&mut self) {
        let line = self.source() != 1 && self.contents.modem_control & 1 << 3 != 0;
        if line && !self.line {
            self.request = true;
            self.edges += 1;
        }
        self.request &= line;
        self.line = line;
    }

    fn line_status(&mut self) -> u8 {
        let Contents { received, to_send, .. } = &self.contents;
        let head = if self.head_reported { 0 } else { received.front().map_or(0, |head| head.1) };
        let status = u8::from(!received.is_empty())
            | u8::from(std::mem::take(&mut self.overrun)) << 1
            | head
            | u8::from(to_send.is_empty()) << 5
            | u8::from(to_send.is_empty() && self.shift.is_none()) << 6;
        self.head_reported |= head != 0;
        status
    }

    #[track_caller]
    fn assert_nothing_swallowed(&self) {
        assert!(
            !self.swallowed,
            "\"transmitter empty\" was cleared outside the handler and not raised again"
        );
    }

    fn read(&mut self, register: Register) -> u8 {
        self.assert_nothing_swallowed();
        let latch = self.contents.line_control & 1 << 7 != 0;
        match register {
            Register::Data | Register::InterruptEnable if latch => {
                panic!("the divisor is set, not read")
            }
            Register::Data => {
                let timed_out = std::mem::take(&mut self.empty_timeout);
                let Some((byte, errors)) = self.contents.received.pop_front() else {
                    assert!(timed_out, "the receiver is empty");
                    return 0;
                };
                let seen = errors == 0 || std::mem::take(&mut self.head_reported);
                assert!(seen, "a byte was taken before its errors were read");
                self.idle_characters = 0;
                byte
            }
            Register::InterruptEnable => self.contents.enabled,
            Register::InterruptIdentification => {
                let source = self.source();
                if source == 0b0010 {
                    self.announce_empty = false;
                    self.swallowed = !self.in_handler;
                }
                let enabled = self.fifo_control & 1 != 0;
                source
                    | match self.odd.fifo {
                        Fifo::Works => 0b1100_0000,
                        Fifo::Broken if enabled => 0b1000_0000,
                        _ => 0,
                    }
            }
            Register::LineControl => self.contents.line_control,
            Register::ModemControl => self.contents.modem_control,
            Register::LineStatus => self.line_status(),
            Register::ModemStatus => {
                assert!(self.in_handler, "only the handler may read MSR");
                u8::from(std::mem::take(&mut self.modem_changed))
            }
            Register::UartStatus => {
                assert!(self.odd.busy, "there is no USR");
                self.looks += 1;
                if self.looks.is_multiple_of(10) {
                    self.tick();
                }
                self.refused = false;
                u8::from(self.is_busy())
            }
        }
    }

    fn write(&mut self, register: Register, value: u8) {
        if register != Register::InterruptEnable {
            self.assert_nothing_swallowed();
        }
        let latch = self.contents.line_control & 1 << 7 != 0;
        match register {
            Register::Data if latch => self.contents.divisor[0] = value,
            Register::InterruptEnable if latch => self.contents.divisor[1] = value,
            Register::Data => {
                assert!(self.contents.to_send.len() < self.depth(), "the transmitter is full");
                let on = self.odd.fifo == Fifo::Works;
                assert!(self.fifo_control & 1 == u8::from(on), "the FIFOs are off, or broken");
                self.announce_empty = false;
                self.contents.to_send.push_back(value);
            }
            Register::InterruptEnable => {
                let raised = value & !self.contents.enabled;
                self.announce_empty |=
                    raised & 2 != 0 && self.contents.to_send.is_empty() && !self.odd.silent_enable;
                self.announce_empty &= !self.odd.silent_enable || value & 2 != 0;
                self.swallowed &= raised & 2 == 0;
                self.contents.enabled = value & 0xf;
            }
            Register::InterruptIdentification => {
                self.fifo_control = value;
                let works = self.odd.fifo == Fifo::Works;
                self.trigger = if works { [1, 4, 8, 14][usize::from(value >> 6)] } else { 1 };
                if value & 2 != 0 {
                    self.contents.received.clear();
                    self.head_reported = false;
                }
                if value & 4 != 0 {
                    self.contents.to_send.clear();
                }
            }
            Register::LineControl if self.odd.busy && self.is_busy() => self.refused = true,
            Register::LineControl => self.contents.line_control = value,
            Register::ModemControl => self.contents.modem_control = value,
            Register::LineStatus | Register::ModemStatus | Register::UartStatus => {
                panic!("{register:?} is not written")
            }
        }
    }
}

impl Registers for &'static Fake16550 {
    fn read(&self, register: Register) -> u8 {
        let mut chip = self.chip();
        let value = chip.read(register);
        chip.log.push(Access::Read(register, value));
        chip.update_line();
        value
    }

    fn write(&self, register: Register, value: u8) {
        let mut chip = self.chip();
        chip.log.push(Access::Write(register, value));
        chip.write(register, value);
        chip.update_line();
    }
}

/// A CPU that sleeps until there is news, while time passes on the chip: each interrupt that the
/// 8259 has latched calls the handler. Panics when it would sleep for ever.
pub struct Cpu<F> {
    /// The chip.
    pub chip: &'static Fake16550,
    /// The handler of the chip's interrupt.
    pub handler: F,
    /// The number of times that it slept.
    pub asleep: u32,
}

impl<F: FnMut()> Cpu<F> {
    /// A CPU with this chip and handler.
    pub fn new(chip: &'static Fake16550, handler: F) -> Self {
        Self { chip, handler, asleep: 0 }
    }

    /// Advances this number of character times and delivers their interrupts.
    pub fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            while self.chip.deliver(&mut self.handler) {}
            self.chip.tick();
        }
        while self.chip.deliver(&mut self.handler) {}
    }

    fn sleep(&mut self, ends: impl Fn() -> bool) {
        while self.chip.deliver(&mut self.handler) {}
        if ends() {
            return;
        }
        self.asleep += 1;
        while !ends() {
            assert!(!self.chip.is_quiet(), "asleep for ever: {:?}", self.chip);
            self.run(1);
        }
    }
}

impl<F: FnMut()> Idle for Cpu<F> {
    fn idle(&mut self, news: impl Fn() -> bool) {
        self.sleep(news);
    }
}

/// The same CPU with an alarm: it wakes in time for any deadline, also if nothing happens on the
/// chip.
pub struct WithTimer<'c, F>(&'c mut Cpu<F>);

impl<F: FnMut()> Cpu<F> {
    /// This CPU as an idler that may wait for a deadline.
    pub const fn with_alarm(&mut self) -> WithAlarm<WithTimer<'_, F>, Timer> {
        WithAlarm::new(WithTimer(self), Timer)
    }
}

impl<F: FnMut()> Idle for WithTimer<'_, F> {
    fn idle(&mut self, ends: impl Fn() -> bool) {
        while self.0.chip.deliver(&mut self.0.handler) {}
        while !ends() {
            self.0.run(1);
        }
    }
}

/// The timer of [`WithTimer`], which checks the deadline after each character time.
pub struct Timer;

impl<C: Clock> Alarm<C> for Timer {
    fn set(&mut self, _ticks: u64) {}

    fn clear(&mut self) {}
}
