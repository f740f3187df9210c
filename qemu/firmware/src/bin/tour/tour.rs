//! What the rows of the table have in common: how a row is measured, checked and reported.

use core::cell::Cell;

use board::interrupts::{self, Line};
pub use firmware::report::Kind;
use firmware::{
    measure::{
        count::{Cost, Meter},
        record,
    },
    report::{self, Absent, Report},
};
use wouldblock::{
    block::{Idle, block},
    sync::Mutex,
};

use crate::{
    dma::{self, Engine},
    serial,
};

/// A row of the table: what it shows, and what was measured.
pub struct Row {
    pub kind: Kind,
    pub call: &'static str,
    pub row: &'static str,
    pub note: &'static str,
    pub tries: u64,
    pub cost: Cost,
    pub host_input: bool,
}

/// Whether all checks of a row held.
pub struct Checks(Cell<bool>);

impl Checks {
    pub const fn new() -> Self {
        Self(Cell::new(true))
    }

    pub fn expect(&self, what: &str, holds: bool) {
        if !holds {
            defmt::error!("does not hold: {=str}", what);
            self.0.set(false);
        }
    }

    pub fn equal(&self, what: &str, left: u64, right: u64) {
        if left != right {
            defmt::error!("does not hold: {=str}: {=u64} is not {=u64}", what, left, right);
            self.0.set(false);
        }
    }
}

/// What the rows of the tour use.
pub struct Tour {
    pub meter: Meter,
    #[cfg_attr(
        not(any(device = "dma", device = "serial")),
        expect(dead_code, reason = "there is none, and nothing to run beside one")
    )]
    pub engine: Option<Engine>,
    /// How many returns of blocking calls were checked.
    returns: Cell<u64>,
    /// Whether nothing was left running at any of them.
    at_rest: Cell<bool>,
}

impl Tour {
    /// With the devices.
    ///
    /// # Panics
    /// If there is another one.
    pub fn take() -> Self {
        Self {
            meter: Meter::default(),
            engine: Engine::take(),
            returns: Cell::new(0),
            at_rest: Cell::new(true),
        }
    }

    /// Reports a row. A blocking row must have left nothing running.
    pub fn report(&self, row: &Row, checks: &Checks) {
        if row.kind == Kind::Blocking {
            self.blocking_call_returned(checks);
        }
        record::send();
        report::send(&Report::Row(report::Row {
            row: row.row,
            kind: row.kind,
            call: row.call,
            holds: checks.0.get(),
            tries: row.tries,
            interrupts: row.cost.interrupts,
            foreground_instructions: row.cost.instructions,
            asleep: row.cost.asleep,
            host_input: row.host_input,
            note: row.note,
        }));
    }

    /// Reports that this machine cannot run a row, and why.
    pub fn absent(&self, kind: Kind, row: &str, why: &str) {
        report::send(&Report::Absent(Absent { row, kind, why }));
    }

    /// A conclusion of the table: when a blocking call returns, nothing is left running.
    pub fn blocking_call_returned(&self, checks: &Checks) {
        let before = checks.0.replace(true);
        serial::at_rest(checks);
        dma::at_rest(checks);
        checks.expect("no timer is running", !board::alarm::is_running());
        checks.expect("interrupts are enabled", board::interrupts::are_enabled());
        self.returns.set(self.returns.get() + 1);
        self.at_rest.set(self.at_rest.get() && checks.0.get());
        checks.0.set(checks.0.get() && before);
    }

    /// The empty cell of the table: blocking and asynchronous.
    pub fn does_not_exist(&self) {
        let checks = Checks::new();
        checks.expect("nothing was left running at any return", self.at_rest.get());
        checks.expect("at least one return was checked", self.returns.get() > 0);
        let row = Row {
            kind: Kind::BlockingAsynchronous,
            call: "does not exist",
            row: "at each return of a blocking call above, nothing was left running",
            note: "tries = returns looked at: slots, enables, timer, device, interrupt flag",
            tries: self.returns.get(),
            cost: Cost::default(),
            host_input: false,
        };
        self.report(&row, &checks);
    }
}

/// Calls `idle` until `over` holds.
pub fn sleep_until(mut idle: impl Idle, over: impl Fn() -> bool) {
    while !over() {
        idle.idle(&over);
    }
}

/// Runs `f` once, in an interrupt handler, before this returns.
pub fn in_handler(f: fn()) {
    static WHAT: Mutex<Option<fn()>> = Mutex::new(None);

    let Ok(mut what) = block(WHAT.lock());
    *what = Some(f);
    drop(what);
    Line::Software.set_handler(|line| {
        let what = WHAT.try_lock().ok().and_then(|what| *what);
        line.acknowledge();
        if let Some(what) = what {
            what();
        }
    });
    Line::Software.enable();
    let before = Line::Software.taken();
    interrupts::raise_self();
    while Line::Software.taken() == before {
        core::hint::spin_loop();
    }
}
