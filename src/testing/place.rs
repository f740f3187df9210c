//! Where in the source an event came.

use std::{
    backtrace::Backtrace,
    fmt,
    string::{String, ToString},
    sync::Arc,
};

use crate::hooks::Place;

/// A boundary at which an event came.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    place: Place,
    /// The stack there, if it alone can say whose critical section that is. Lines are looked up when
    /// it is displayed, which takes long.
    stack: Option<Arc<Backtrace>>,
    boundary: u64,
}

impl Placed {
    pub fn new(place: Place, boundary: u64) -> Self {
        let unknown = matches!(place, Place::Begin(None) | Place::End(None));
        let stack = unknown.then(|| Arc::new(Backtrace::force_capture()));
        Self { place, stack, boundary }
    }

    /// The line of the critical section.
    fn of_the_stack(&self) -> String {
        let lines = self.stack.as_ref().map(ToString::to_string).unwrap_or_default();
        let line = caller(&lines).unwrap_or("a line without debug information");
        line.to_string()
    }
}

impl PartialEq for Placed {
    fn eq(&self, other: &Self) -> bool {
        (self.place, self.boundary) == (other.place, other.boundary)
    }
}

impl Eq for Placed {}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let section = match self.place {
            Place::Access(line) => return write!(f, "{line} (boundary {})", self.boundary),
            Place::Begin(line) => (line, "before"),
            Place::End(line) => (line, "after"),
        };
        let line = section.0.map_or_else(|| self.of_the_stack(), ToString::to_string);
        write!(f, "{line}, {} the critical section (boundary {})", section.1, self.boundary)
    }
}

/// Of a printed stack inside of the two hooks: the line that has entered the critical section.
/// It is the innermost one in code that is not from a registry, since the author of a driver wants to
/// know where the driver calls such code; if there is none, the innermost one.
fn caller(stack: &str) -> Option<&str> {
    /// The frames below that line. In a release build some are missing.
    const BELOW: [&str; 5] = [
        concat!(env!("CARGO_CRATE_NAME"), "::testing::place::"),
        concat!(env!("CARGO_CRATE_NAME"), "::testing::run::"),
        concat!(env!("CARGO_CRATE_NAME"), "::hooks::"),
        concat!(env!("CARGO_CRATE_NAME"), "::section::"),
        "critical_section::",
    ];
    let mut below = true;
    let lines = stack.lines().filter_map(|line| match line.trim_start().strip_prefix("at ") {
        Some(line) => (!below && !of_the_toolchain(line)).then_some(line),
        None => {
            let name = line.split_once(": ").map_or(line, |(_, name)| name);
            let name = name.trim_start_matches('<');
            below = BELOW.iter().any(|its| name.starts_with(its));
            None
        }
    });
    let mut innermost = None;
    for line in lines {
        if !["registry", "checkouts"].iter().any(|part| line.contains(part)) {
            return Some(line.strip_prefix("./").unwrap_or(line));
        }
        innermost = innermost.or(Some(line));
    }
    innermost
}

fn of_the_toolchain(line: &str) -> bool {
    line.starts_with("/rustc/") || line.contains("rustlib")
}

#[cfg(test)]
#[test]
fn the_line_of_a_critical_section_is_that_of_the_driver() {
    let stack = "   0: wouldblock::testing::place::Placed::new
             at /home/me/.cargo/registry/src/index/wouldblock-0.1.0/src/testing/place.rs:25:41
   1: <wouldblock::testing::run::Run as wouldblock::hooks::Hooks>::boundary
             at /home/me/.cargo/registry/src/index/wouldblock-0.1.0/src/testing/run.rs:320:44
   2: wouldblock::hooks::boundary_at
             at /home/me/.cargo/registry/src/index/wouldblock-0.1.0/src/hooks.rs:80:13
   3: wouldblock::hooks::section_begins
             at /home/me/.cargo/registry/src/index/wouldblock-0.1.0/src/hooks.rs:91:9
   4: <wouldblock::section::Section as critical_section::Impl>::acquire
             at /home/me/.cargo/registry/src/index/wouldblock-0.1.0/src/section.rs:52:9
   5: wouldblock::section::weak::acquire
             at /home/me/.cargo/registry/src/index/wouldblock-0.1.0/src/section.rs:111:18
   6: critical_section::with
             at /home/me/.cargo/registry/src/index/critical-section-1.2.0/src/lib.rs:240:26
   7: core::ops::function::FnOnce::call_once
             at /rustc/59807616e/library/core/src/ops/function.rs:250:5
   8: embassy_sync::waitqueue::AtomicWaker::register
             at /home/me/.cargo/registry/src/index/embassy-sync-0.8.0/src/waitqueue/atomic_waker.rs:27:20
   9: uart::Uart::write
  10: uart::Uart::flush
             at ./src/uart.rs:41:9
  11: uart::tests::sweep
             at ./src/tests.rs:7:5";
    assert_eq!(caller(stack), Some("src/uart.rs:41:9"));
    let foreign = &stack[..stack.find("   9:").unwrap()];
    assert!(caller(foreign).unwrap().ends_with("atomic_waker.rs:27:20"));
    assert_eq!(caller("   0: main"), None);
}
