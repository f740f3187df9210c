use std::{collections::VecDeque, sync::Mutex};
use wouldblock::testing;

use super::ports::{OUTPUT_FULL, Ports};

/// The controller, and the input of the 8259 that it is wired to.
pub struct Fake(Mutex<State>);

struct State {
    /// Typed, and still in the keyboard.
    typed: VecDeque<u8>,
    output: Option<u8>,
    enabled: bool,
    /// The line IRQ 1, and the request that its rising edge latches.
    line: bool,
    request: bool,
}

impl State {
    /// What the hardware does by itself after each change.
    fn settle(&mut self) {
        if self.output.is_none() {
            self.output = self.typed.pop_front();
        }
        let line = self.enabled && self.output.is_some();
        self.request |= line && !self.line;
        self.line = line;
    }
}

impl Fake {
    pub const fn new() -> Self {
        Self(Mutex::new(State {
            typed: VecDeque::new(),
            output: None,
            enabled: true,
            line: false,
            request: false,
        }))
    }

    fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.0.lock().unwrap();
        let value = change(&mut state);
        state.settle();
        value
    }

    /// A key is pressed.
    pub fn press(&self, code: u8) {
        self.with(|state| state.typed.push_back(code));
    }

    /// Takes the request, as the 8259 does when it interrupts.
    pub fn take_request(&self) -> bool {
        self.with(|state| std::mem::take(&mut state.request))
    }
}

/// Each access to a register is a place at which an interrupt may come.
impl Ports for &Fake {
    fn status(&self) -> u8 {
        testing::boundary();
        self.with(|state| if state.output.is_some() { OUTPUT_FULL } else { 0 })
    }

    fn take_data(&self) -> u8 {
        testing::boundary();
        self.with(|state| {
            let code = state.output.take().unwrap_or(0);
            // The line falls before the next byte raises it: that is another edge.
            state.line = false;
            code
        })
    }

    fn enable_interrupt(&self, on: bool) {
        testing::boundary();
        self.with(|state| state.enabled = on);
    }
}
