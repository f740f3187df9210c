//! How a model is run, and the parts that models share.

use std::{
    fmt,
    io::{self, Write},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};

use loom::{
    sync::{
        Notify,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};
use wouldblock::{attempt::Attempt, block::Idle, nb};

/// Explores `model` with at most `preemptions` (`None`: all), and asserts that it had at least
/// `floor` executions: a model that has shrunk to one proves nothing.
pub fn explores(
    name: &str,
    preemptions: Option<usize>,
    floor: usize,
    model: impl Fn() + Send + Sync + 'static,
) {
    if planted().is_some() {
        return;
    }
    let executions = Arc::new(AtomicUsize::new(0));
    let count = executions.clone();
    check(preemptions, move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    let executions = executions.load(Relaxed);
    let bound = preemptions.map_or("all".into(), |bound| format!("up to {bound} preemptions"));
    say(format_args!("{name}: {executions} executions ({bound})"));
    assert!(executions >= floor, "{name}: {executions} executions, fewer than {floor}");
}

/// For everybody to see: how much was explored is a part of the result.
fn say(words: fmt::Arguments<'_>) {
    _ = writeln!(io::stderr(), "loom: {words}");
}

/// Asserts that exploring `model`, which has a planted flaw, fails with one of `symptoms`, with as
/// few preemptions as it takes and at most three.
///
/// In a process of its own, this program with the flaw's name in its environment: what unwinds out
/// of a model that has failed touches loom again, and aborts.
pub fn finds(flaw: &str, symptoms: &[&str], model: impl Fn() + Copy + Send + Sync + 'static) {
    if let Some(wanted) = planted() {
        if wanted == flaw {
            (0..=3).for_each(|preemptions| check(Some(preemptions), model));
        }
        return;
    }
    let program = std::env::current_exe().unwrap();
    let child = Command::new(program).arg("--nocapture").env(PLANTED, flaw).output().unwrap();
    assert!(!child.status.success(), "{flaw}: not found");
    let symptom = String::from_utf8_lossy(&child.stderr);
    assert!(symptoms.iter().any(|expected| symptom.contains(expected)), "{flaw}: {symptom}");
    say(format_args!("{flaw}: found"));
}

/// Names the flaw that is to be explored, and nothing else, in the process that is to fail.
const PLANTED: &str = "WOULDBLOCK_LOOM_PLANTED";

fn planted() -> Option<String> {
    std::env::var(PLANTED).ok()
}

/// loom's words for a thread that waits for ever.
pub const ASLEEP: &str = "deadlock";
/// loom's words for two accesses to a cell that nothing orders.
pub const TORN: &[&str] = &["Causality violation", "Concurrent"];

fn check(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(model);
}

/// For ever, or to the end of the program: one small leak an execution.
pub fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A thread that is woken by a waker.
pub struct Parker(Notify);

impl Parker {
    /// Awake.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Notify::new()))
    }

    /// Sleeps until it was woken.
    pub fn park(&self) {
        self.0.wait();
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify();
    }
}

/// An executor of one task: polls when woken. It goes to sleep for ever after a wake that is lost,
/// which loom reports as a deadlock.
pub fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let parker = Parker::new();
    let waker = Waker::from(parker.clone());
    loop {
        if let Poll::Ready(output) = poll(&mut future, &waker) {
            return output;
        }
        thread::yield_now(); // A task that has woken itself waits for another core.
        parker.park();
    }
}

/// Passes the time until there is news, awake. For ever after a signal that is lost, which loom
/// reports as a branch too many.
pub struct Yields;

impl Idle for Yields {
    fn idle(&mut self, news: impl Fn() -> bool) {
        while !news() {
            thread::yield_now();
        }
    }
}

/// Polls once.
pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A device's status bit. All accesses are relaxed: what orders them must be the library.
#[derive(Clone)]
pub struct Flag(Arc<AtomicU32>);

impl Flag {
    /// Not set.
    pub fn new() -> Self {
        Self(Arc::new(AtomicU32::new(0)))
    }

    /// The device is ready.
    pub fn set(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    /// Whether it is.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }
}

impl Attempt for Flag {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        if self.is_set() { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}
