//! Runs models, and has the parts that they share.

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
    thread::{self, ThreadId},
};
use wouldblock::{attempt::Attempt, block::Idle, nb};

/// Explores `model` with at most `preemptions` preemptions (`None`: any number), and asserts that
/// there were at least `floor` executions: a model that has shrunk to one execution proves nothing.
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

/// Prints to stderr directly, past the capture of tests: the number of executions is a part of the
/// result.
fn say(words: fmt::Arguments<'_>) {
    _ = writeln!(io::stderr(), "loom: {words}");
}

/// Asserts that exploring `model`, which has a planted flaw, fails with one of `symptoms`. Tries
/// with no preemption first, then with up to three.
///
/// It runs in another process: this program, with the flaw's name in its environment. A failed
/// model unwinds through code that uses loom again, which aborts the process.
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

/// The environment variable with the name of the only flaw to explore, in the process that must
/// fail.
const PLANTED: &str = "WOULDBLOCK_LOOM_PLANTED";

fn planted() -> Option<String> {
    std::env::var(PLANTED).ok()
}

/// loom's message for a thread that waits for ever.
pub const ASLEEP: &str = "deadlock";
/// loom's messages for two accesses to a cell that nothing orders.
pub const TORN: &[&str] = &["Causality violation", "Concurrent"];

fn check(preemptions: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.max_branches = 10_000;
    builder.check(model);
}

/// Leaks `value`: one small leak for each execution.
pub fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A thread that sleeps until a waker wakes it.
pub struct Parker(Notify);

impl Parker {
    /// A thread that is awake.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Notify::new()))
    }

    /// Sleeps until the waker is woken.
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

/// An executor of one task: polls when it was woken. After a lost wake it sleeps for ever, which
/// loom reports as a deadlock.
pub fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let parker = Parker::new();
    let waker = Waker::from(parker.clone());
    loop {
        if let Poll::Ready(output) = poll(&mut future, &waker) {
            return output;
        }
        thread::yield_now(); // Lets another thread run, in case the task has woken itself.
        parker.park();
    }
}

/// Stays awake until there is news. After a lost signal it does not end, which loom reports as too
/// many branches.
pub struct Yields;

impl Idle for Yields {
    fn idle(&mut self, news: impl Fn() -> bool) {
        while !news() {
            thread::yield_now();
        }
    }
}

/// A critical section of a twin. As on hardware, a context that is in it may enter it again.
pub struct Section {
    lock: loom::sync::Mutex<()>,
    /// Who is in it. (Not a lock of loom's: nothing waits for it.)
    holder: std::sync::Mutex<Option<ThreadId>>,
}

/// The section is left when this is dropped.
pub struct Inside<'s>(Option<(&'s Section, loom::sync::MutexGuard<'s, ()>)>);

impl Section {
    pub fn new() -> Self {
        Self { lock: loom::sync::Mutex::new(()), holder: std::sync::Mutex::new(None) }
    }

    /// Enters the section.
    pub fn enter(&self) -> Inside<'_> {
        let me = thread::current().id();
        if *self.holder.lock().unwrap() == Some(me) {
            return Inside(None);
        }
        let guard = self.lock.lock().unwrap();
        *self.holder.lock().unwrap() = Some(me);
        Inside(Some((self, guard)))
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if let Some((section, _)) = &self.0 {
            *section.holder.lock().unwrap() = None;
        }
    }
}

/// Polls once.
pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A device's status bit. All accesses are relaxed, so that only the library can order them.
#[derive(Clone)]
pub struct Flag(Arc<AtomicU32>);

impl Flag {
    /// A bit that is not set.
    pub fn new() -> Self {
        Self(Arc::new(AtomicU32::new(0)))
    }

    /// Sets the bit: the device is ready.
    pub fn set(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    /// Whether the device is ready.
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
