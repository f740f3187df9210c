//! The SPI controllers: all that a HAL author writes. The walk over the operations, the chip select, the
//! forms and the traits are the library's.
//!
//! The handler only quiets the controller and signals: what was received stays in the FIFO until a try
//! takes it, so the handler and the tries share nothing.
//!
//! A frame of these controllers has at most 8 bits. A word of 16 bits is two frames, the high half first:
//! the same clocks and bits, since nothing comes between frames while the chip is selected.

use core::{convert::Infallible, hint::spin_loop};

use board::{
    interrupts::Line,
    spi::{DEPTH, SPI0, SPI2, Spi},
};
use embedded_hal::digital::{ErrorType, OutputPin};
use portable_atomic::{AtomicBool, Ordering};
use wouldblock::{
    event::Event,
    spi::{Bus, Controller, Cursor, Words},
};

/// The controller with the flash chip.
pub static FLASH: Port = Port::new(SPI0);
/// The controller with the SD card.
pub static CARD: Port = Port::new(SPI2);

/// A controller, what announces its bytes, and whether it is taken.
#[derive(Debug)]
pub struct Port {
    spi: Spi,
    received: Event,
    taken: AtomicBool,
}

impl Port {
    const fn new(spi: Spi) -> Self {
        Self { spi, received: Event::new(), taken: AtomicBool::new(false) }
    }

    /// The bus and its chip select, once; `None` after that.
    pub fn take(&'static self) -> Option<(Bus<'static, FrameController>, Select)> {
        let (controller, select) = self.take_controller()?;
        Some((Bus::new(controller, self.event().waiter()?), select))
    }

    /// The controller without a bus, and its chip select, once; `None` after that.
    pub fn take_controller(&'static self) -> Option<(FrameController, Select)> {
        if self.taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.spi.start(DIVISOR);
        self.spi.line().set_handler(on_interrupt);
        self.spi.line().enable();
        Some((FrameController::new(self.spi), Select(self.spi)))
    }

    /// What the handler signals: the event of the bus.
    pub fn event(&self) -> &Event {
        &self.received
    }

    /// Its interrupt line.
    pub const fn line(&self) -> Line {
        self.spi.line()
    }

    /// Stops reception until the controller is reset. Tests use it as a fault.
    pub fn deafen(&self) {
        self.spi.deafen();
    }
}

/// The handler: quiets the controller, acknowledges, and only then wakes.
pub fn on_interrupt(line: Line) {
    let port = if line == FLASH.line() { &FLASH } else { &CARD };
    port.spi.interrupt(false);
    line.acknowledge();
    port.received.signal();
}

/// The clock is a tenth of the peripheral clock.
const DIVISOR: u16 = 4;

/// Looks for what was begun to come back: 8 frames take 640 cycles of the peripheral clock, and a look
/// across the bus takes several.
const LOOKS: usize = 100;

/// A controller with FIFOs of [`DEPTH`] frames. A frame comes back for each that is sent.
#[derive(Debug)]
pub struct FrameController {
    spi: Spi,
    /// Frames that were sent and have not come back.
    owed: usize,
    /// The first half of a word has come: these bits.
    half: Option<u8>,
}

impl FrameController {
    const fn new(spi: Spi) -> Self {
        Self { spi, owed: 0, half: None }
    }

    #[inline]
    fn receive(&mut self) -> Option<u8> {
        let frame = self.spi.receive().filter(|_| self.owed > 0)?;
        self.owed -= 1;
        Some(frame)
    }

    #[inline]
    fn send(&mut self, frame: u8) {
        self.owed += 1;
        self.spi.send(frame);
    }

    /// The rest of a step, when what has come is taken and what has room is sent.
    #[inline]
    fn end_step(&mut self, is_through: bool) -> nb::Result<(), Infallible> {
        if is_through {
            return Ok(());
        }
        // Half of them, so that the clock runs on while the others are taken.
        self.spi.announce(self.owed.div_ceil(2));
        Err(nb::Error::WouldBlock)
    }
}

impl Controller for FrameController {
    type Error = Infallible;

    /// A frame that has come back has left.
    #[inline]
    fn flush(&mut self) -> nb::Result<(), Infallible> {
        while self.owed > 0 {
            self.receive().ok_or(nb::Error::WouldBlock)?;
        }
        self.half = None; // of a transaction that was forgotten
        Ok(())
    }

    /// It cannot empty its FIFO: [`flush`](Self::flush) throws away what comes back.
    fn abort(&mut self) {
        self.half = None;
    }

    fn reset(&mut self) {
        self.spi.interrupt(false);
        let ended = (0..LOOKS).any(|_| {
            spin_loop();
            self.flush().is_ok()
        });
        if !ended {
            self.owed = 0; // It is stuck.
        }
        self.half = None;
        self.spi.start(DIVISOR);
    }

    #[inline]
    fn arm(&mut self) {
        self.spi.interrupt(true);
    }

    #[inline]
    fn disarm(&mut self) {
        self.spi.interrupt(false);
    }
}

impl Words<u8> for FrameController {
    #[inline]
    fn step(&mut self, cursor: &mut Cursor<'_, '_, u8>) -> nb::Result<(), Infallible> {
        while let Some(frame) = self.receive() {
            cursor.received(frame);
        }
        while self.owed < DEPTH
            && let Some(word) = cursor.send(0xff)
        {
            self.send(word);
        }
        self.end_step(cursor.is_through())
    }
}

impl Words<u16> for FrameController {
    #[inline]
    fn step(&mut self, cursor: &mut Cursor<'_, '_, u16>) -> nb::Result<(), Infallible> {
        while let Some(frame) = self.receive() {
            match self.half.take() {
                None => self.half = Some(frame),
                Some(high) => _ = cursor.received(u16::from_be_bytes([high, frame])),
            }
        }
        while self.owed + 2 <= DEPTH
            && let Some(word) = cursor.send(0xffff)
        {
            word.to_be_bytes().into_iter().for_each(|frame| self.send(frame));
        }
        self.end_step(cursor.is_through())
    }
}

/// The chip select that the controller drives. A copy of it is for another driver of the same chip.
#[derive(Clone, Debug)]
pub struct Select(Spi);

impl ErrorType for Select {
    type Error = Infallible;
}

impl OutputPin for Select {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.select(true);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.select(false);
        Ok(())
    }
}
