//! No 16550.

const WHY: &str = "no 16550";

pub mod serial {
    use super::WHY;
    use crate::tour::{
        Checks,
        Kind::{Asynchronous, Blocking, NonBlocking},
        Tour,
    };

    pub const fn install() {}

    pub const fn at_rest(_: &Checks) {}

    pub fn print(tour: &Tour) {
        tour.absent(Blocking, "a byte and a formatted line on the 16550", WHY);
    }

    pub fn bounded_recv(tour: &Tour) {
        tour.absent(Blocking, "a bounded receive on a silent line", WHY);
    }

    pub fn try_recv(tour: &Tour) {
        tour.absent(NonBlocking, "a try to receive on an empty line", WHY);
    }

    pub fn this_far(tour: &Tour) {
        tour.absent(NonBlocking, "a try to fill a buffer", WHY);
    }

    pub fn receive(tour: &Tour) {
        let row = "4 KiB from the host through the 16550, by interrupts";
        tour.absent(Asynchronous, row, WHY);
    }

    pub fn start_costs_the_same(tour: &Tour) {
        let row = "a start on a silent line, and on one where all has come";
        tour.absent(Asynchronous, row, WHY);
    }
}

pub mod concurrency {
    use super::WHY;
    use crate::tour::{Kind::Concurrency, Tour};

    pub fn rows(tour: &mut Tour) {
        tour.absent(Concurrency, "four devices at once on one core", WHY);
    }
}

pub mod echo {
    use board::command_line::CommandLine;

    /// # Errors
    /// Always.
    pub const fn run(_: CommandLine) -> Result<(), &'static str> {
        Err("an echo needs a 16550")
    }
}
