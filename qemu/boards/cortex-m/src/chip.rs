//! What differs from one board to the next.

/// What differs from one board to the next. [`chip!`](crate::chip) names it.
#[derive(Debug)]
pub struct Chip {
    /// Called once, first of all: starts the counter.
    pub start: fn(),
    /// Reads the counter, which counts up and begins again at 0.
    pub count: fn() -> u32,
    /// How many different values the counter has.
    pub counter_turn: u64,
    /// The counter's ticks per second.
    pub counter_frequency: u32,
    /// SysTick's ticks per second.
    pub timer_frequency: u32,
    /// How many ticks of SysTick take as long as how many of the counter.
    pub timer_per_counter: (u32, u32),
    /// Writes to the log. A byte is with the host when the call returns.
    pub log: fn(&[u8]),
    /// Writes to the report, in the same way.
    pub report: fn(&[u8]),
}

/// The board's.
#[inline]
pub(crate) fn chip() -> &'static Chip {
    unsafe extern "Rust" {
        /// `chip!` defines it.
        safe static __board_chip: Chip;
    }
    &__board_chip
}
