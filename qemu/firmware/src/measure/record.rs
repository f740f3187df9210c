//! The recorder: what the foreground and the handlers did in the spans that a row measures, for the
//! picture that `cargo run -- tour --html` draws. Only the binary `picture` has it (feature `record`).
//! Everywhere else the functions of `unrecorded.rs` are in its place. They are empty.
//!
//! A mark is a call that says "from now on": a try begins, the foreground idles, a handler begins. On
//! one core exactly one thing happens between two marks.
//!
//! The problem: a mark takes instructions itself. So the recorder reads the counter when a mark begins
//! and when it ends, and leaves out what is between. What a mark takes on both sides of the two
//! readings is always the same, and is counted once, by [`calibrate`].
//!
//! The memory is fixed. When it is full, every two neighbouring pieces become one, and from there on a
//! piece takes twice as many marks. So the sums stay exact, and only the order within a piece is lost.

use core::{any::type_name, cell::RefCell, mem::take};

use board::counter::{instructions, now};
use common::observed::{self, Observer};
use critical_section::Mutex;

use crate::{
    measure::count::{Cost, Counted},
    report::{self, Counts, InFlight, Recorded, Report, Stretch},
};

/// Pieces of a row; fewer where the memory is small.
const PIECES: usize = if cfg!(target_has_atomic = "32") { 256 } else { 32 };
/// Sections of a row.
const SECTIONS: usize = 4;
/// Operations in flight in a row.
const FLIGHTS: usize = if cfg!(target_has_atomic = "32") { 40 } else { 8 };
/// Handlers inside one another.
const NESTED: usize = 4;

/// What a mark says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Nothing,
    SectionBegins,
    SectionEnds,
    TryBegins,
    TryEnds,
    /// This many more than the one that has begun.
    MoreTries,
    /// A try that ends with the next mark.
    TryOpens,
    IdleBegins,
    /// The foreground was awake.
    Awake,
    /// The foreground was asleep.
    Asleep,
    /// The foreground tidied up after a sleep, which is part of it.
    AsleepBefore,
    FlightBegins,
    FlightEnds,
}

/// What happens now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Activity {
    Working,
    Trying,
    Idle,
    Handling,
}

/// What happened between two or more marks, in units of the counter.
#[derive(Clone, Copy)]
struct Piece {
    working: u64,
    trying: u64,
    /// Not known yet whether asleep.
    idle: u64,
    asleep: u64,
    handling: u64,
    tries: u32,
    sleeps: u32,
    handlers: u32,
}

impl Piece {
    const EMPTY: Self = Self {
        working: 0,
        trying: 0,
        idle: 0,
        asleep: 0,
        handling: 0,
        tries: 0,
        sleeps: 0,
        handlers: 0,
    };

    fn plus(&self, other: &Self) -> Self {
        Self {
            working: self.working + other.working,
            trying: self.trying + other.trying,
            idle: self.idle + other.idle,
            asleep: self.asleep + other.asleep,
            handling: self.handling + other.handling,
            tries: self.tries + other.tries,
            sleeps: self.sleeps + other.sleeps,
            handlers: self.handlers + other.handlers,
        }
    }

    const fn is_empty(&self) -> bool {
        let length = self.working + self.trying + self.idle + self.asleep + self.handling;
        length == 0 && self.tries + self.sleeps + self.handlers == 0
    }
}

/// A span that is recorded.
#[derive(Clone, Copy)]
struct Part {
    counts: Counts,
    /// Its first piece.
    first: usize,
}

/// An operation in the background, from its beginning to its end.
#[derive(Clone, Copy)]
struct Flight {
    what: &'static str,
    /// The operation's address, until it has ended.
    key: Option<usize>,
    begin: u64,
    end: u64,
}

struct Recorder {
    /// What a mark takes outside its two readings of the counter: one of the foreground, and one of the
    /// board before and after a handler.
    around: u64,
    around_handler: u64,
    /// What the marks have taken until now, and until this row began.
    overhead: u64,
    overhead_before: u64,
    /// The marks of this row.
    marks: u64,
    /// When the last mark ended, and what was between it and the one before.
    ended: u64,
    gap: u64,

    recording: bool,
    activity: Activity,
    since: u64,
    /// Tries inside one another, since an operation may hold another one.
    tries: u32,
    interrupted: [(Activity, u32); NESTED],
    depth: usize,
    /// The length of all pieces together.
    position: u64,

    pieces: [Piece; PIECES],
    piece_count: usize,
    /// Marks in the last piece, and how many it takes.
    filled: u32,
    room: u32,
    /// The first piece that may have idle time.
    idle_from: usize,
    parts: [Part; SECTIONS],
    part_count: usize,
    flights: [Flight; FLIGHTS],
    flight_count: usize,
}

static RECORDER: Mutex<RefCell<Recorder>> = Mutex::new(RefCell::new(Recorder {
    around: 0,
    around_handler: 0,
    overhead: 0,
    overhead_before: 0,
    marks: 0,
    ended: 0,
    gap: 0,
    recording: false,
    activity: Activity::Working,
    since: 0,
    tries: 0,
    interrupted: [(Activity::Working, 0); NESTED],
    depth: 0,
    position: 0,
    pieces: [Piece::EMPTY; PIECES],
    piece_count: 0,
    filled: 0,
    room: 1,
    idle_from: 0,
    parts: [Part { counts: Counts::NOTHING, first: 0 }; SECTIONS],
    part_count: 0,
    flights: [Flight { what: "", key: None, begin: 0, end: 0 }; FLIGHTS],
    flight_count: 0,
}));

impl Recorder {
    /// A mark of the foreground, or of an operation that a handler tries. `at`: the time, without what
    /// the marks have taken.
    fn mark(&mut self, mark: Mark, at: u64, key: usize, what: &'static str) {
        match mark {
            Mark::Nothing => {}
            Mark::SectionBegins => {
                self.recording = self.part_count < SECTIONS;
                if self.recording {
                    self.next_piece();
                    self.parts[self.part_count] =
                        Part { counts: Counts::from_bits(key), first: self.piece_count - 1 };
                    self.part_count += 1;
                    self.room = 1;
                }
                (self.activity, self.since, self.tries) = (Activity::Working, at, 0);
            }
            Mark::SectionEnds => {
                self.go_to(Activity::Working, at);
                self.recording = false;
            }
            Mark::TryBegins | Mark::TryOpens => {
                if self.tries == 0 {
                    if self.activity != Activity::Handling {
                        self.go_to(Activity::Trying, at);
                    }
                    self.count(|piece| piece.tries += 1);
                }
                self.tries += u32::from(mark == Mark::TryBegins);
            }
            Mark::MoreTries => self.count(|piece| piece.tries += key as u32),
            Mark::TryEnds => {
                self.tries = self.tries.saturating_sub(1);
                if self.tries == 0 && self.activity == Activity::Trying {
                    self.go_to(Activity::Working, at);
                }
            }
            Mark::IdleBegins => {
                self.go_to(Activity::Idle, at);
                self.idle_from = self.piece_count.saturating_sub(1);
            }
            Mark::Awake | Mark::Asleep | Mark::AsleepBefore => {
                self.go_to(Activity::Working, at);
                for piece in &mut self.pieces[self.idle_from..self.piece_count] {
                    let idle = take(&mut piece.idle);
                    let settled = match mark {
                        Mark::Awake => &mut piece.working,
                        _ => &mut piece.asleep,
                    };
                    *settled += idle;
                }
                if mark == Mark::Asleep && self.recording {
                    self.pieces[self.idle_from].sleeps += 1;
                }
            }
            Mark::FlightBegins => {
                let begin = self.position_at(at);
                if let Some(flight) = self.flights.get_mut(self.flight_count) {
                    *flight = Flight { what, key: Some(key), begin, end: begin };
                    self.flight_count += 1;
                }
            }
            Mark::FlightEnds => {
                let end = self.position_at(at);
                let flights = &mut self.flights[..self.flight_count];
                if let Some(flight) = flights.iter_mut().find(|flight| flight.key == Some(key)) {
                    (flight.key, flight.end) = (None, end);
                }
            }
        }
    }

    fn handler_begins(&mut self, at: u64) {
        if let Some(place) = self.interrupted.get_mut(self.depth) {
            *place = (self.activity, self.tries);
        }
        self.depth += 1;
        self.go_to(Activity::Handling, at);
        self.count(|piece| piece.handlers += 1);
        self.tries = 0;
    }

    fn handler_ends(&mut self, at: u64) {
        self.depth = self.depth.saturating_sub(1);
        let (activity, tries) =
            self.interrupted.get(self.depth).copied().unwrap_or((Activity::Working, 0));
        self.go_to(activity, at);
        self.tries = tries;
    }

    /// Ends what happened until now.
    fn go_to(&mut self, activity: Activity, at: u64) {
        let length = at.saturating_sub(self.since);
        if self.recording {
            self.position += length;
            let piece = &mut self.pieces[self.piece_count - 1];
            let of = match self.activity {
                Activity::Working => &mut piece.working,
                Activity::Trying => &mut piece.trying,
                Activity::Idle => &mut piece.idle,
                Activity::Handling => &mut piece.handling,
            };
            *of += length;
            self.filled += 1;
            if self.filled >= self.room && !piece.is_empty() {
                self.next_piece();
            }
        }
        (self.activity, self.since) = (activity, at);
    }

    fn count(&mut self, add: impl FnOnce(&mut Piece)) {
        if self.recording {
            add(&mut self.pieces[self.piece_count - 1]);
        }
    }

    const fn position_at(&self, at: u64) -> u64 {
        let since = if self.recording { at.saturating_sub(self.since) } else { 0 };
        self.position + since
    }

    fn next_piece(&mut self) {
        if self.piece_count == PIECES {
            self.join_pieces();
        }
        self.pieces[self.piece_count] = Piece::EMPTY;
        self.piece_count += 1;
        self.filled = 0;
    }

    /// Makes one piece of every two of the longest part, and at least one place.
    fn join_pieces(&mut self) {
        let end = |index: usize| match self.parts[..self.part_count].get(index + 1) {
            Some(next) => next.first,
            None => PIECES,
        };
        let longest = (0..self.part_count).max_by_key(|&n| end(n) - self.parts[n].first);
        let Some(longest) = longest else { return };
        let (first, end) = (self.parts[longest].first, end(longest));
        let mut to = first;
        for from in (first..end).step_by(2) {
            let joined = match self.pieces[from..end] {
                [one, other, ..] => one.plus(&other),
                [one] => one,
                [] => Piece::EMPTY,
            };
            self.pieces[to] = joined;
            to += 1;
        }
        self.pieces.copy_within(end..PIECES, to);
        let gone = end - to;
        self.piece_count -= gone;
        for part in &mut self.parts[longest + 1..self.part_count] {
            part.first -= gone;
        }
        if longest + 1 == self.part_count {
            self.room *= 2;
        }
        // Pieces before that have no idle time.
        self.idle_from = 0;
    }

    /// What the last section has cost.
    fn cost(&self) -> Cost {
        let first = self.parts[self.part_count.saturating_sub(1)].first;
        let sum = self.pieces[first..self.piece_count]
            .iter()
            .fold(Piece::EMPTY, |sum, piece| sum.plus(piece));
        Cost {
            instructions: sum.working + sum.trying,
            interrupts: sum.handlers.into(),
            asleep: sum.sleeps.into(),
        }
    }
}

#[inline(never)]
fn mark(mark: Mark, key: usize, what: &'static str) {
    critical_section::with(|section| {
        let begin = now();
        let recorder = &mut *RECORDER.borrow_ref_mut(section);
        recorder.mark(mark, begin - recorder.overhead, key, what);
        recorder.marks += 1;
        recorder.gap = begin - recorder.ended;
        let end = now();
        recorder.overhead += end - begin + recorder.around;
        recorder.ended = end;
    });
}

/// `at`: the board's reading of the counter before or after the handler.
#[inline(never)]
fn mark_handler(begins: bool, at: u64) {
    critical_section::with(|section| {
        let recorder = &mut *RECORDER.borrow_ref_mut(section);
        let time = at - recorder.overhead;
        if begins {
            recorder.handler_begins(time);
        } else {
            recorder.handler_ends(time);
        }
        recorder.marks += 1;
        let end = now();
        recorder.overhead += end - at + recorder.around_handler;
        recorder.ended = end;
    });
}

/// Counts once what marks take outside their readings of the counter, and sees every handler from now
/// on. Call it before the first row.
pub fn calibrate() {
    let recorder = |change: &dyn Fn(&mut Recorder)| {
        critical_section::with(|section| change(&mut RECORDER.borrow_ref_mut(section)));
    };

    mark(Mark::Nothing, 0, "");
    mark(Mark::Nothing, 0, "");
    recorder(&|recorder| recorder.around = recorder.gap);

    let start = now();
    let empty = now() - start;
    mark_handler(true, now());
    let after = now();
    recorder(&|recorder| {
        recorder.around_handler = after - recorder.ended - empty;
        recorder.depth = 0;
        recorder.activity = Activity::Working;
    });
    observed::observe(Observer {
        begins: |at| mark_handler(true, at),
        ends: |at| mark_handler(false, at),
    });
}

/// A span that is measured begins.
#[inline(always)]
pub fn section_begins(counts: Counts) {
    mark(Mark::SectionBegins, counts.bits(), "");
}

/// It ends.
#[inline(always)]
pub fn section_ends() {
    mark(Mark::SectionEnds, 0, "");
}

/// What it has cost by the recorder's own count, which leaves out what marks take. `_cost` contains that.
pub fn cost(_cost: Cost) -> Cost {
    critical_section::with(|section| RECORDER.borrow_ref(section).cost())
}

/// A section begins whose tries, and nothing else, are those of the row.
pub fn tries_begin() {
    section_begins(Counts::TRIES);
}

/// Calls `f` in a section whose tries, and nothing else, are those of the row.
#[inline(always)]
pub fn tries_of<T>(f: impl FnOnce() -> T) -> T {
    tries_begin();
    let value = f();
    section_ends();
    value
}

/// Calls `f`, which is one try.
#[inline(always)]
pub fn tried<T>(f: impl FnOnce() -> T) -> T {
    mark(Mark::TryBegins, 0, "");
    let value = f();
    mark(Mark::TryEnds, 0, "");
    value
}

/// Calls `f`, which returns how many tries it has made, one after the other.
#[inline(always)]
pub fn trying(f: impl FnOnce() -> u64) {
    mark(Mark::TryBegins, 0, "");
    let tries = f();
    mark(Mark::MoreTries, tries.saturating_sub(1) as usize, "");
    mark(Mark::TryEnds, 0, "");
}

/// A try begins that ends with the next mark.
#[inline(always)]
pub fn try_opens() {
    mark(Mark::TryOpens, 0, "");
}

/// It has ended before the next mark.
#[inline(always)]
pub fn try_closes() {
    mark(Mark::TryEnds, 0, "");
}

/// The foreground begins to idle.
#[inline(always)]
pub fn idle_begins() {
    mark(Mark::IdleBegins, 0, "");
}

/// It continues. Whether it was asleep.
#[inline(always)]
pub fn idle_ends(asleep: bool) {
    mark(if asleep { Mark::Asleep } else { Mark::Awake }, 0, "");
}

/// Calls `f`, which tidies up after a sleep and counts as sleep.
#[inline(always)]
pub fn after_sleep(f: impl FnOnce()) {
    mark(Mark::IdleBegins, 0, "");
    f();
    mark(Mark::AsleepBefore, 0, "");
}

/// An operation of type `A` begins in the background.
#[inline(always)]
pub fn flight_begins<A, const EACH: bool>(op: *const Counted<A, EACH>) {
    mark(Mark::FlightBegins, op.addr(), type_name::<A>());
}

/// Something in the background begins that is no operation: `what`.
#[inline(always)]
pub fn flight_of_begins(what: &'static str) {
    mark(Mark::FlightBegins, what.as_ptr().addr(), what);
}

/// It ends.
#[inline(always)]
pub fn flight_of_ends(what: &'static str) {
    mark(Mark::FlightEnds, what.as_ptr().addr(), "");
}

/// The operation has ended, if it had begun in the background.
#[inline(always)]
pub fn flight_ends<A, const EACH: bool>(op: *const Counted<A, EACH>) {
    mark(Mark::FlightEnds, op.addr(), "");
}

/// Sends what was recorded since the last call, ahead of the row that it belongs to, and forgets it.
pub fn send() {
    fn with<T>(f: impl FnOnce(&mut Recorder) -> T) -> T {
        critical_section::with(|section| f(&mut RECORDER.borrow_ref_mut(section)))
    }

    let mut sums = Sums::default();
    for part in 0..with(|recorder| recorder.part_count) {
        report::send(&Report::Section(with(|recorder| recorder.parts[part].counts)));
        let range = with(|recorder| {
            let next = recorder.parts[..recorder.part_count].get(part + 1);
            recorder.parts[part].first..next.map_or(recorder.piece_count, |next| next.first)
        });
        for piece in range.map(|index| with(|recorder| recorder.pieces[index])) {
            if !piece.is_empty() {
                report::send(&Report::Stretch(sums.stretch(&piece)));
            }
        }
    }
    for index in 0..with(|recorder| recorder.flight_count) {
        let Flight { what, key, begin, end } = with(|recorder| recorder.flights[index]);
        let end = if key.is_some() { with(|recorder| recorder.position) } else { end };
        let (begin, end) = (instructions(begin), instructions(end));
        report::send(&Report::InFlight(InFlight { what, begin, end, ended: key.is_none() }));
    }
    let (marks, overhead) = with(|recorder| {
        recorder.part_count = 0;
        recorder.piece_count = 0;
        recorder.flight_count = 0;
        recorder.position = 0;
        let before = core::mem::replace(&mut recorder.overhead_before, recorder.overhead);
        (take(&mut recorder.marks), recorder.overhead - before)
    });
    report::send(&Report::Recorded(Recorded { marks, instructions: instructions(overhead) }));
}

/// What was sent of each kind, in units of the counter. Where a unit is less than an instruction, each
/// stretch is rounded so that their sum is right.
#[derive(Default)]
struct Sums {
    foreground: u64,
    asleep: u64,
    handling: u64,
}

impl Sums {
    fn stretch(&mut self, piece: &Piece) -> Stretch {
        fn next(sum: &mut u64, length: u64) -> u64 {
            let before = *sum;
            *sum += length;
            instructions(*sum) - instructions(before)
        }

        Stretch {
            working: next(&mut self.foreground, piece.working),
            trying: next(&mut self.foreground, piece.trying),
            asleep: next(&mut self.asleep, piece.asleep + piece.idle),
            handling: next(&mut self.handling, piece.handling),
            tries: piece.tries.into(),
            sleeps: piece.sleeps.into(),
            interrupts: piece.handlers.into(),
        }
    }
}
