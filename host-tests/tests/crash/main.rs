//! The log of `persist` against every state that a power cut can leave: at every event of
//! appending, of recovering after that, of appending once more, and of recovering again. The log
//! loses no acknowledged record, accepts no torn record, and brings no old record back. The same
//! check catches each mutant of the protocol.

#![cfg(target_arch = "x86_64")]

mod header;
mod model;
mod recorder;

use std::{
    collections::HashSet,
    fmt,
    io::{self, Write},
};

use model::{Event, Image, LINE, Model};
use recorder::{HEADER, Mutant, Step, Steps, recorder};
use wouldblock::persist::{
    Memory,
    log::{Error, Log},
};

/// The header, and room for the records: three lines.
const WORDS: usize = HEADER + 3 * LINE;

type Records = Vec<Vec<u8>>;

fn records<M: Memory>(log: &Log<M>) -> Records {
    log.records().map(|record| log.read(&record, &mut [0; 64]).unwrap().to_vec()).collect()
}

/// What recovery finds, without another cut.
fn recovered(image: &Image) -> Result<Records, Error> {
    let (memory, _) = recorder(image, Mutant::None);
    Log::recover(memory).map(|log| records(&log))
}

/// Whether `found` is allowed for a log that had `before`, to which `appended` was appended, and of
/// that the first `acknowledged` records were acknowledged.
fn may_be(
    found: &Result<Records, Error>,
    before: &Records,
    appended: &[&[u8]],
    acknowledged: usize,
) -> bool {
    let Ok(found) = found else { return false };
    let expected: Records =
        before.iter().cloned().chain(appended.iter().map(|record| record.to_vec())).collect();
    (before.len() + acknowledged..=expected.len()).contains(&found.len())
        && expected.starts_with(found)
}

/// Calls `right` with every state that a cut in these steps, from this image, can leave, and with
/// the number of records that were acknowledged by then. Each state comes once, in the order in
/// which the states can occur, until one is not right. Returns the number of states, and whether
/// all were right.
fn all_cuts(
    image: &Image,
    steps: &Steps,
    mut right: impl FnMut(&Image, usize) -> bool,
) -> (usize, bool) {
    let mut model = Model::new(image.clone());
    let mut acknowledged = 0;
    let mut seen: HashSet<_> = [(image.clone(), 0)].into();
    if !right(image, 0) {
        return (1, false);
    }
    for step in steps.borrow().iter() {
        match step {
            Step::Event(event) => model.happens(event),
            Step::Acknowledged(count) => acknowledged = *count,
        }
        for image in model.crashes() {
            if seen.insert((image.clone(), acknowledged)) && !right(&image, acknowledged) {
                return (seen.len(), false);
            }
        }
    }
    (seen.len(), true)
}

/// The records of the first run: one alone, then two in a batch. Their sizes make them cross cache
/// lines.
const FIRST: [&[u8]; 3] =
    [b"a record of its own", b"the first of a batch, across a line", b"and the second of it, too"];
/// The record of the second run, as long as the one that the cut may have torn, so that the rest
/// behind it fits exactly.
const SECOND: [&[u8]; 1] = [b"as long as that one, but different!"];

/// Every cut in the first run, then every cut in the recovery, then every cut in a second run.
/// Returns the number of images in each, up to the first wrong one, and whether all were right.
fn explore(mutant: Mutant) -> ([usize; 3], bool) {
    let mut images = [0; 3];
    let (memory, _) = recorder(&vec![0; WORDS], Mutant::None);
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
    let (count, right) = all_cuts(&empty, &steps, |image, acknowledged| {
        second.insert(image.clone());
        may_be(&recovered(image), &Records::new(), &FIRST, acknowledged)
    });
    images[0] = count;
    if !right {
        return (images, false);
    }
    for image in second {
        let before = recovered(&image).unwrap();
        let (memory, steps) = recorder(&image, mutant);
        let mut log = Log::recover(memory).unwrap();
        let (count, right) =
            all_cuts(&image, &steps, |image, _| recovered(image).as_ref() == Ok(&before));
        images[1] += count;
        if !right {
            return (images, false);
        }
        if log.try_append(SECOND[0]).is_ok() {
            steps.borrow_mut().push(Step::Acknowledged(1));
        }
        drop(log);
        let (count, right) = all_cuts(&image, &steps, |image, acknowledged| {
            may_be(&recovered(image), &before, &SECOND, acknowledged)
        });
        images[2] += count;
        if !right {
            return (images, false);
        }
    }
    (images, true)
}

/// Prints past the capture of tests: the number of images is a part of the result.
fn say(words: fmt::Arguments<'_>) {
    _ = writeln!(io::stderr(), "crash model: {words}");
}

#[test]
fn no_cut_loses_or_invents_a_record() {
    let (images, right) = explore(Mutant::None);
    say(format_args!("images: {images:?}, all right: {right}"));
    assert!(right);
    assert_eq!(images, [174, 859, 3621]);
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
        EpochKept,
        CopiesTogether,
    ] {
        let (images, right) = explore(mutant);
        say(format_args!("{mutant:?}: one of {images:?} is wrong"));
        assert!(!right, "{mutant:?}");
    }
}

/// A program ends at any event and begins again *without* a power cut, so that the stores of the
/// first run are still in the cache. What the second run has found is acknowledged from then on,
/// wherever a later cut comes. Returns the number of wrong images, and of all images.
fn restart(mutant: Mutant) -> (usize, usize) {
    let (memory, _) = recorder(&vec![0; WORDS], Mutant::None);
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
