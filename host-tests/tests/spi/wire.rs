//! What a HAL author writes for the fake controller, the chip selects, and a clock.

use std::{convert::Infallible, rc::Rc};

use embedded_hal::{
    digital::{ErrorType, OutputPin},
    spi::ErrorKind,
};
use fakes::spi::{FIFO, Spi};
use wouldblock::{
    adapter::SpiDevice,
    event::Event,
    nb,
    spi::{Bus, Controller, Cursor, Words},
    testing::{World, conformance::SpiTarget},
    time::Clock,
};

/// One mistake of a HAL author.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Flaw {
    #[default]
    None,
    /// The interrupt is not enabled.
    NeverArms,
    /// The level for the interrupt is set by `arm`, not by `step`.
    LevelInArm,
    /// `flush` does not look.
    NeverFlushes,
    /// `abort` does nothing, `flush` leaves what was received, and `step` takes it for its own.
    KeepsWords,
    /// `reset` does nothing.
    NeverResets,
}

/// The controller, as a HAL author writes it.
#[derive(Debug)]
pub struct Engine {
    chip: Rc<Spi>,
    flaw: Flaw,
    /// An operation that only writes ends when its last word is in the FIFO.
    ends_early: bool,
    /// Words that were sent and whose replies are thrown away.
    ignored: usize,
    in_flight: usize,
    /// Whether the chip of a conformance suite says that the controller fails.
    target: Option<SpiTarget>,
}

impl Engine {
    fn receive(&mut self) -> Option<u16> {
        let mut word = self.chip.receive()?;
        while self.ignored > 0 {
            self.ignored -= 1;
            word = self.chip.receive()?;
        }
        Some(word)
    }

    fn fault(&self) -> nb::Result<(), ErrorKind> {
        match self.target.as_ref().and_then(SpiTarget::fault) {
            Some(kind) => Err(nb::Error::Other(kind)),
            None => Ok(()),
        }
    }

    fn step<W: Copy + TryFrom<u16> + Into<u16>>(
        &mut self,
        cursor: &mut Cursor<'_, '_, W>,
        fill: W,
    ) -> nb::Result<(), ErrorKind> {
        if self.chip.take_overrun() {
            return Err(nb::Error::Other(ErrorKind::Overrun));
        }
        self.fault()?;
        if self.flaw == Flaw::KeepsWords {
            self.fill(cursor, fill);
        }
        while let Some(word) = self.receive() {
            cursor.received(W::try_from(word).ok().expect("a word of too many bits"));
        }
        self.fill(cursor, fill);
        if cursor.only_writes() && self.ends_early {
            if cursor.left() == 0 {
                self.ignored += cursor.in_flight();
                return Ok(());
            }
        } else if cursor.is_through() {
            return Ok(());
        }
        self.in_flight = cursor.in_flight();
        if self.flaw != Flaw::LevelInArm {
            self.chip.set_level(self.in_flight);
        }
        Err(nb::Error::WouldBlock)
    }

    fn fill<W: Copy + Into<u16>>(&mut self, cursor: &mut Cursor<'_, '_, W>, fill: W) {
        while cursor.in_flight() + self.ignored < FIFO
            && let Some(word) = cursor.send(fill)
        {
            self.chip.send(word.into());
        }
    }
}

impl Controller for Engine {
    type Error = ErrorKind;

    fn flush(&mut self) -> nb::Result<(), ErrorKind> {
        if self.flaw == Flaw::NeverFlushes {
            return Ok(());
        }
        if self.chip.is_busy() {
            return Err(nb::Error::WouldBlock);
        }
        if self.flaw != Flaw::KeepsWords {
            while self.chip.receive().is_some() {}
            self.ignored = 0;
        }
        // The loss of a word that was not waited for is none.
        _ = self.chip.take_overrun();
        self.fault()
    }

    fn abort(&mut self) {
        if self.flaw != Flaw::KeepsWords {
            self.chip.clear();
        }
    }

    fn reset(&mut self) {
        if self.flaw != Flaw::NeverResets {
            self.ignored = 0;
            self.chip.reset();
        }
    }

    fn arm(&mut self) {
        if self.flaw == Flaw::LevelInArm {
            self.chip.set_level(self.in_flight);
        }
        self.chip.enable(self.flaw != Flaw::NeverArms);
    }

    fn disarm(&mut self) {
        self.chip.enable(false);
    }
}

impl Words<u8> for Engine {
    fn step(&mut self, cursor: &mut Cursor<'_, '_, u8>) -> nb::Result<(), ErrorKind> {
        self.chip.set_bits(8);
        self.step(cursor, 0xff)
    }
}

impl Words<u16> for Engine {
    fn step(&mut self, cursor: &mut Cursor<'_, '_, u16>) -> nb::Result<(), ErrorKind> {
        self.chip.set_bits(16);
        self.step(cursor, 0xffff)
    }
}

/// The chip select of a device.
#[derive(Debug)]
pub struct Pin {
    chip: Rc<Spi>,
    device: u16,
}

impl ErrorType for Pin {
    type Error = Infallible;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.chip.select(self.device, true);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.chip.select(self.device, false);
        Ok(())
    }
}

/// A clock whose ticks are the looks at the controller: 10 ns each. It is read for delays only, so the
/// controller's clock is idle.
#[derive(Clone, Debug)]
pub struct Looks(Rc<Spi>);

impl Clock for Looks {
    fn now(&self) -> u64 {
        assert!(!self.0.is_running(), "a delay begins under a running clock");
        self.0.look()
    }

    fn frequency(&self) -> u64 {
        100_000_000
    }
}

pub type Device<'m, 'e, const W: usize, L> = SpiDevice<'m, 'e, Engine, Pin, Looks, W, L>;
pub type SharedBus<'e, const W: usize> = wouldblock::adapter::SharedBus<Bus<'e, Engine>, W>;

/// The bus, and the event that the controller's handler signals. With each event of a sweep one more word
/// ends.
#[derive(Debug)]
pub struct Rig {
    pub chip: Rc<Spi>,
    pub news: Event,
    /// The chip of a conformance suite, in place of the devices.
    target: Option<SpiTarget>,
}

impl Rig {
    pub fn new() -> Self {
        Self { chip: Rc::new(Spi::new()), news: Event::new(), target: None }
    }

    /// With the chip of a conformance suite.
    pub fn over(target: SpiTarget) -> Self {
        let chip = target.clone();
        let chip = Spi::with(move |word| chip.word(word.try_into().expect("8 bits")).into());
        Self { chip: Rc::new(chip), news: Event::new(), target: Some(target) }
    }

    /// A look, and the handler: what passes the time of a call. A look is 10 ns.
    pub fn step(&self) {
        self.chip.look();
        if let Some(target) = &self.target {
            target.pass(10);
        }
        self.deliver();
    }

    pub fn bus(&self, flaw: Flaw) -> Bus<'_, Engine> {
        self.bus_ending(flaw, false)
    }

    /// A bus on which an operation that only writes ends early, or not.
    pub fn bus_ending(&self, flaw: Flaw, early: bool) -> Bus<'_, Engine> {
        let chip = self.chip.clone();
        let engine = Engine {
            chip,
            flaw,
            ends_early: early,
            ignored: 0,
            in_flight: 0,
            target: self.target.clone(),
        };
        Bus::new(engine, self.news.waiter().expect("one waiter"))
    }

    pub fn pin(&self, device: u16) -> Pin {
        Pin { chip: self.chip.clone(), device }
    }

    pub fn clock(&self) -> Looks {
        Looks(self.chip.clone())
    }
}

impl World for Rig {
    fn event(&self) {
        self.chip.let_through(1);
    }

    fn deliver(&self) -> bool {
        let requested = self.chip.take_interrupt();
        if requested {
            self.news.signal();
        }
        requested
    }
}
