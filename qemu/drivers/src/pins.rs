//! Pins of a GPIO controller: inputs by the library's [`digital`](wouldblock::digital), and outputs.

use core::convert::Infallible;

use board::{
    interrupts::Line,
    pins::{COUNT, LINE, Register},
};
use embedded_hal::digital::{ErrorType, OutputPin, StatefulOutputPin};
use portable_atomic::{AtomicU32, Ordering};
use wouldblock::digital::{Pin, PinInput, Port, Trigger};

/// The inputs' share of the controller's line.
static PORT: Port<COUNT> = Port::new();

/// The pins that are handed out.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// Lets the pins interrupt.
pub fn install() {
    LINE.set_handler(on_interrupt);
    LINE.enable();
}

/// The handler: quiets the controller, acknowledges, and only then wakes.
fn on_interrupt(line: Line) {
    let edges = Register::Edges.read() & Register::Interrupt.read();
    Register::Edges.write(edges);
    line.acknowledge();
    PORT.raise(edges);
}

/// This pin as an input. `None` if there is no such pin, or while it is handed out.
pub fn input(number: usize) -> Option<Pin<'static, Input>> {
    let bit = Bit::take(number)?;
    Register::Output.change(&bit, false);
    PORT.pin(number, Input(bit))
}

/// This pin as an output, which keeps its level at first. `None` if there is no such pin, or while it
/// is handed out. Dropping it makes it an input.
pub fn output(number: usize) -> Option<Output> {
    let bit = Bit::take(number)?;
    Register::Output.change(&bit, true);
    Some(Output(bit))
}

/// The bit of a pin that is handed out. Dropping it gives the pin back.
#[derive(Debug)]
struct Bit(u32);

impl Bit {
    fn take(number: usize) -> Option<Self> {
        let bit = 1 << Some(number).filter(|number| *number < COUNT)?;
        (TAKEN.fetch_or(bit, Ordering::Acquire) & bit == 0).then(|| Self(bit))
    }
}

impl Drop for Bit {
    fn drop(&mut self) {
        TAKEN.fetch_and(!self.0, Ordering::Release);
    }
}

/// The pins share each register.
trait Change {
    fn change(self, bit: &Bit, on: bool);
}

impl Change for Register {
    fn change(self, bit: &Bit, on: bool) {
        critical_section::with(|_| {
            let others = self.read() & !bit.0;
            self.write(if on { others | bit.0 } else { others });
        });
    }
}

/// What the library needs of an input.
#[derive(Debug)]
pub struct Input(Bit);

impl PinInput for Input {
    fn is_high(&self) -> bool {
        Register::Level.read() & self.0.0 != 0
    }

    fn listen(&mut self, trigger: Trigger) {
        Register::Rising.change(&self.0, trigger == Trigger::Rising);
        Register::Both.change(&self.0, trigger == Trigger::Any);
        Register::Edges.write(self.0.0);
        Register::Interrupt.change(&self.0, true);
    }

    fn unlisten(&mut self) {
        Register::Interrupt.change(&self.0, false);
        // An edge that came meanwhile holds the line. (The handler that it calls finds nothing.)
        Register::Edges.write(self.0.0);
    }
}

/// An output.
#[derive(Debug)]
pub struct Output(Bit);

impl ErrorType for Output {
    type Error = Infallible;
}

impl OutputPin for Output {
    fn set_low(&mut self) -> Result<(), Infallible> {
        Register::Level.change(&self.0, false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        Register::Level.change(&self.0, true);
        Ok(())
    }
}

impl StatefulOutputPin for Output {
    fn is_set_high(&mut self) -> Result<bool, Infallible> {
        Ok(Register::Written.read() & self.0.0 != 0)
    }

    fn is_set_low(&mut self) -> Result<bool, Infallible> {
        self.is_set_high().map(|high| !high)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        Register::Output.change(&self.0, false);
    }
}
