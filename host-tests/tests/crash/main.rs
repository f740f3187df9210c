//! The log of `persist` against every state that a power cut can leave: at every event of
//! appending, of recovering after that, of appending once more, and of recovering again. It loses
//! no acknowledged record, accepts no torn one, and brings nothing back from before. Each mutant of
//! the protocol is caught by the same check.

#![cfg(target_arch = "x86_64")]

mod model;

use std::{
    cell::RefCell,
    collections::HashSet,
    fmt,
    io::{self, Write},
    ops::Range,
    rc::Rc,
};

use model::{Event, Image, LINE, Model};
use wouldblock::persist::{Memory, log::Log};

/// A mistake in the program, planted between the log and its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    None,
    /// No flush at all.
    NoFlush,
    /// The end of a flush is counted from the rounded start.
    MissingTail,
    /// The first line of a flush is left out.
    MissingHead,
    /// Nothing waits.
    NoFence,
    /// SFENCE where MFENCE is needed: ordered, not complete.
    WrongFence,
    /// The fence comes before the flush.
    FenceFirst,
    /// The last store before a fence, the checksum, is done after it.
    ChecksumAfterFence,
    /// Recovery does not make its epoch persistent.
    NoEpoch,
    /// Recovery does not flush what it has found: its first flush, before any store.
    FoundUnflushed,
}

/// What the program did, and when it said that records are persistent.
#[derive(Clone, Debug)]
enum Step {
    Event(Event),
    /// So many records of this run are acknowledged.
    Acknowledged(usize),
}

type Steps = Rc<RefCell<Vec<Step>>>;

/// Memory that notes what is done to it.
struct Recorder {
    image: Image,
    steps: Steps,
    mutant: Mutant,
    late: Option<(usize, u64)>,
}

impl Recorder {
    fn note(&mut self, event: Event) {
        self.steps.borrow_mut().push(Step::Event(event));
    }

    fn release(&mut self) {
        if let Some((word, value)) = self.late.take() {
            self.note(Event::Store(word, value));
        }
    }
}

impl Memory for Recorder {
    fn words(&self) -> usize {
        self.image.len()
    }

    fn load(&self, word: usize) -> u64 {
        self.image[word]
    }

    fn store(&mut self, word: usize, value: u64) {
        const EPOCH: usize = 1;
        self.image[word] = value;
        match self.mutant {
            Mutant::NoEpoch if word == EPOCH => {}
            Mutant::ChecksumAfterFence => {
                self.release();
                self.late = Some((word, value));
            }
            _ => self.note(Event::Store(word, value)),
        }
    }

    fn flush(&mut self, words: Range<usize>) {
        let first = words.start - words.start % LINE;
        match self.mutant {
            Mutant::NoFlush => {}
            Mutant::FoundUnflushed if self.steps.borrow().is_empty() => {}
            Mutant::MissingTail => {
                let lines = words.len().div_ceil(LINE);
                self.note(Event::Flush(first..first + lines * LINE));
            }
            Mutant::MissingHead if first + LINE < words.end => {
                self.note(Event::Flush(first + LINE..words.end));
            }
            Mutant::FenceFirst => {
                self.note(Event::Drain);
                self.note(Event::Flush(words));
            }
            _ => self.note(Event::Flush(words)),
        }
    }

    fn drain(&mut self) {
        match self.mutant {
            Mutant::NoFence | Mutant::FenceFirst => {}
            Mutant::WrongFence => self.note(Event::Order),
            _ => self.note(Event::Drain),
        }
        self.release();
    }
}

fn recorder(image: &Image, mutant: Mutant) -> (Recorder, Steps) {
    let steps = Steps::default();
    (Recorder { image: image.clone(), steps: steps.clone(), mutant, late: None }, steps)
}

type Records = Vec<Vec<u8>>;

fn records<M: Memory>(log: &Log<M>) -> Records {
    log.records().map(|record| log.read(&record, &mut [0; 64]).to_vec()).collect()
}

/// What recovery finds, without another cut.
fn recovered(image: &Image) -> Records {
    let (memory, _) = recorder(image, Mutant::None);
    records(&Log::recover(memory).expect("a log"))
}

/// Whether a log that had `before`, and to which `appended` was appended and as many as that
/// acknowledged, may be found as `found`.
fn may_be(found: &Records, before: &Records, appended: &[&[u8]], acknowledged: usize) -> bool {
    let expected: Records =
        before.iter().cloned().chain(appended.iter().map(|record| record.to_vec())).collect();
    (before.len() + acknowledged..=expected.len()).contains(&found.len())
        && expected.starts_with(found)
}

/// All that can be left of these steps, from this image, with how many records were acknowledged.
fn cuts(image: &Image, steps: &Steps) -> HashSet<(Image, usize)> {
    let mut model = Model::new(image.clone());
    let mut acknowledged = 0;
    let mut left: HashSet<_> = [(image.clone(), 0)].into();
    for step in steps.borrow().iter() {
        match step {
            Step::Event(event) => model.happens(event),
            Step::Acknowledged(count) => acknowledged = *count,
        }
        left.extend(model.crashes().into_iter().map(|image| (image, acknowledged)));
    }
    left
}

/// What the first run appends: one alone, then two with one end. Sizes at which they cross lines.
const FIRST: [&[u8]; 3] =
    [b"a record of its own", b"the first of a batch, across a line", b"and the second of it, too"];
/// What the second run appends, as long as the one that the cut may have torn: what is left behind
/// it fits exactly.
const SECOND: [&[u8]; 1] = [b"as long as that one, but different!"];

#[derive(Debug, Default)]
struct Seen {
    /// Images after a cut in the first run, after one in the recovery, after one in the second run.
    images: [usize; 3],
    /// States that are wrong.
    wrong: usize,
}

/// Every cut in the first run; then every cut in the recovery; then every cut in a second run.
fn explore(mutant: Mutant) -> Seen {
    let mut seen = Seen::default();
    let (memory, _) = recorder(&vec![0; 4 * LINE], Mutant::None);
    let empty = Log::create(memory).unwrap().into_memory().image;

    let (memory, steps) = recorder(&empty, mutant);
    let acknowledge = |count| steps.borrow_mut().push(Step::Acknowledged(count));
    let mut log = Log::recover(memory).unwrap();
    log.try_append(FIRST[0]).unwrap();
    acknowledge(1);
    let mut batch = log.batch();
    batch.try_append(FIRST[1]).unwrap();
    batch.try_append(FIRST[2]).unwrap();
    batch.wait();
    acknowledge(3);
    drop(log);

    let mut second = HashSet::new();
    for (image, acknowledged) in cuts(&empty, &steps) {
        seen.images[0] += 1;
        let found = recovered(&image);
        if !may_be(&found, &Records::new(), &FIRST, acknowledged) {
            seen.wrong += 1;
            continue;
        }
        second.insert(image);
    }
    for image in second {
        let before = recovered(&image);
        let (memory, steps) = recorder(&image, mutant);
        let mut log = Log::recover(memory).unwrap();
        for (image, _) in cuts(&image, &steps) {
            seen.images[1] += 1;
            seen.wrong += usize::from(recovered(&image) != before);
        }
        if log.try_append(SECOND[0]).is_ok() {
            steps.borrow_mut().push(Step::Acknowledged(1));
        }
        drop(log);
        for (image, acknowledged) in cuts(&image, &steps) {
            seen.images[2] += 1;
            let right = may_be(&recovered(&image), &before, &SECOND, acknowledged);
            seen.wrong += usize::from(!right);
        }
    }
    seen
}

/// For everybody to see: how much was explored is a part of the result.
fn say(words: fmt::Arguments<'_>) {
    _ = writeln!(io::stderr(), "crash model: {words}");
}

#[test]
fn no_cut_loses_or_invents_a_record() {
    let seen = explore(Mutant::None);
    say(format_args!("images: {:?}, wrong: {}", seen.images, seen.wrong));
    assert_eq!(seen.wrong, 0);
    assert_eq!(seen.images, [171, 338, 3073]);
}

#[test]
fn every_mutant_is_caught() {
    use Mutant::*;
    for mutant in [
        NoFlush,
        MissingTail,
        MissingHead,
        NoFence,
        WrongFence,
        FenceFirst,
        ChecksumAfterFence,
        NoEpoch,
    ] {
        let seen = explore(mutant);
        say(format_args!("{mutant:?}: {} of {:?} are wrong", seen.wrong, seen.images));
        assert!(seen.wrong > 0, "{mutant:?}");
    }
}

/// How many images are wrong, of how many, when a program ends at any event and begins again
/// *without* a power cut: what the first had stored is still in the cache. What the second has
/// found is acknowledged from then on, whatever is cut later.
fn restart(mutant: Mutant) -> (usize, usize) {
    let (memory, _) = recorder(&vec![0; 4 * LINE], Mutant::None);
    let empty = Log::create(memory).unwrap().into_memory().image;
    let (memory, steps) = recorder(&empty, Mutant::None);
    let mut log = Log::recover(memory).unwrap();
    let mut batch = log.batch();
    for payload in &FIRST[..2] {
        batch.try_append(payload).unwrap();
    }
    batch.wait();
    drop(log);

    let mut images = HashSet::new();
    let mut model = Model::new(empty.clone());
    let mut seen_by_the_program = empty;
    for step in steps.borrow().iter() {
        let Step::Event(event) = step else { continue };
        model.happens(event);
        if let &Event::Store(word, value) = event {
            seen_by_the_program[word] = value;
        }
        let (memory, steps) = recorder(&seen_by_the_program, mutant);
        let mut log = Log::recover(memory).unwrap();
        let found = records(&log);
        steps.borrow_mut().push(Step::Acknowledged(0));
        if log.try_append(SECOND[0]).is_ok() {
            steps.borrow_mut().push(Step::Acknowledged(1));
        }
        drop(log);
        let (mut model, mut acknowledged) = (model.clone(), None);
        for step in steps.borrow().iter() {
            match step {
                Step::Event(event) => model.happens(event),
                Step::Acknowledged(count) => acknowledged = Some(*count),
            }
            let Some(count) = acknowledged else { continue };
            images.extend(model.crashes().into_iter().map(|image| (image, found.clone(), count)));
        }
    }
    let right = images
        .iter()
        .filter(|(image, found, count)| may_be(&recovered(image), found, &SECOND, *count));
    (images.len() - right.count(), images.len())
}

#[test]
fn what_a_restart_has_found_stays() {
    let (wrong, images) = restart(Mutant::None);
    say(format_args!("images: {images}, wrong: {wrong}"));
    assert_eq!(wrong, 0);
    assert!(images > 100, "{images}");
    let (wrong, images) = restart(Mutant::FoundUnflushed);
    say(format_args!("FoundUnflushed: {wrong} of {images} are wrong"));
    assert!(wrong > 0);
}

/// A cut while a log is made leaves no log, or the empty one.
#[test]
fn a_log_is_made_whole_or_not_at_all() {
    // What was there before: an older log with a record, whose remains must not come back.
    let (memory, _) = recorder(&vec![0; 3 * LINE], Mutant::None);
    let mut log = Log::create(memory).unwrap();
    log.try_append(b"old").unwrap();
    let old = log.into_memory().image;

    let (memory, steps) = recorder(&old, Mutant::None);
    drop(Log::create(memory).unwrap());
    let left = cuts(&old, &steps);
    let mut empty = 0;
    for (image, _) in &left {
        let (memory, _) = recorder(image, Mutant::None);
        let found = Log::recover(memory).map(|log| records(&log)).unwrap_or_default();
        assert!(found.is_empty() || found == [b"old"]);
        empty += usize::from(found.is_empty());
    }
    say(format_args!("images: {}, without the old record: {empty}", left.len()));
    assert_eq!((left.len(), empty), (22, 21));
}

/// A cut while a log is cleared leaves all records or none.
#[test]
fn a_log_is_cleared_whole_or_not_at_all() {
    let (memory, _) = recorder(&vec![0; 4 * LINE], Mutant::None);
    let mut log = Log::create(memory).unwrap();
    log.try_append(b"one").unwrap();
    log.try_append(b"two").unwrap();
    let full = log.into_memory().image;

    let (memory, steps) = recorder(&full, Mutant::None);
    let mut log = Log::recover(memory).unwrap();
    log.clear();
    assert_eq!(log.try_append(b"three"), Ok(3));
    steps.borrow_mut().push(Step::Acknowledged(1));
    let allowed: [Records; 3] = [vec![b"one".into(), b"two".into()], vec![], vec![b"three".into()]];
    for (image, acknowledged) in cuts(&full, &steps) {
        let found = recovered(&image);
        assert!(allowed[2 * acknowledged..].contains(&found), "{found:?}");
    }
}
