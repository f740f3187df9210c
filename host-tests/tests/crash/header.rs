//! The log's header at every power cut in `create` and `clear`, and with any of its cache lines
//! damaged.

use wouldblock::persist::log::{Error, Log, Reader};

use crate::{
    Records, Step, WORDS, all_cuts,
    model::{Event, Image, LINE},
    recorder::{HEADER, Mutant, Recorder, recorder},
    records, recovered, say,
};

fn blank() -> Image {
    vec![0; WORDS]
}

/// Creates a log, clears it once, and appends these records.
fn fill(memory: Recorder, payloads: &[&[u8]]) -> Image {
    let mut log = Log::create(memory).unwrap();
    log.try_append(b"cleared, and never seen again").unwrap();
    log.clear();
    for payload in payloads {
        log.try_append(payload).unwrap();
    }
    log.into_memory().image
}

fn filled(payloads: &[&[u8]]) -> Image {
    fill(recorder(&blank(), Mutant::None).0, payloads)
}

fn owned(payloads: &[&[u8]]) -> Records {
    payloads.iter().map(|payload| payload.to_vec()).collect()
}

/// Records in two cache lines, so that a loss of either line shows.
const OLD: [&[u8]; 2] = [b"one, which fills a line by itself..", b"two"];

/// The number of states that a cut of `create` over this image can leave, and whether each is
/// allowed.
fn create(before: &Image, mutant: Mutant, allowed: &[Result<Records, Error>]) -> (usize, bool) {
    let (memory, steps) = recorder(before, mutant);
    drop(Log::create(memory).unwrap());
    all_cuts(before, &steps, |image, _| allowed.contains(&recovered(image)))
}

#[test]
fn a_log_is_made_whole_or_not_at_all() {
    use Mutant::*;
    // Over empty memory: no log, or the new one. Never a damaged log, over which none could be
    // created.
    let of_nothing = [Err(Error::NotALog), Ok(vec![])];
    let (images, right) = create(&blank(), None, &of_nothing);
    say(format_args!("create: {images} images, all right: {right}"));
    assert!(right && images > 10, "{images}");
    // Over a log: also the old log as it was.
    let old = filled(&OLD);
    let of_old = [Err(Error::NotALog), Ok(vec![]), Ok(owned(&OLD))];
    let (images, right) = create(&old, None, &of_old);
    say(format_args!("create over a log: {images} images, all right: {right}"));
    assert!(right && images > 50, "{images}");
    // Over a log that a cut of `clear` has left with two different headers.
    for torn in torn_by_clear() {
        let of_torn = [Err(Error::NotALog), Ok(vec![]), recovered(&torn)];
        assert!(create(&torn, None, &of_torn).1);
    }

    assert!(!create(&blank(), MagicFirst, &of_nothing).1);
    for mutant in [NoFlush, NoFence, FenceFirst, MagicKept] {
        assert!(!create(&old, mutant, &of_old).1, "{mutant:?}");
    }
}

/// When `create` has returned, the log is persistent.
#[test]
fn what_was_created_stays() {
    use Mutant::*;
    let stays = |mutant| {
        let (memory, steps) = recorder(&filled(&OLD), mutant);
        drop(Log::create(memory).unwrap());
        steps.borrow_mut().push(Step::Acknowledged(1));
        let stays = |image: &Image, done| done == 0 || recovered(image) == Ok(vec![]);
        all_cuts(&filled(&OLD), &steps, stays).1
    };
    assert!(stays(None));
    for mutant in [NoFlush, NoFence, WrongFence] {
        assert!(!stays(mutant), "{mutant:?}");
    }
}

/// Every state that a cut in a recovery and a `clear` after it can leave.
fn torn_by_clear() -> Vec<Image> {
    let before = filled(&OLD);
    let (memory, steps) = recorder(&before, Mutant::None);
    let mut log = Log::recover(memory).unwrap();
    log.clear();
    drop(log);
    let mut images = vec![];
    all_cuts(&before, &steps, |image, _| {
        images.push(image.clone());
        true
    });
    images
}

/// Every cut in a `clear` and an append after it. Returns the number of states, and whether each is
/// allowed: the old records, no record, or the new record; after `clear` has returned, no record or
/// the new one; and after the append has returned, only the new one.
fn clear(mutant: Mutant) -> (usize, bool) {
    let before = filled(&OLD);
    let (memory, steps) = recorder(&before, mutant);
    let mut log = Log::recover(memory).unwrap();
    log.clear();
    steps.borrow_mut().push(Step::Acknowledged(1));
    log.try_append(b"three").unwrap();
    steps.borrow_mut().push(Step::Acknowledged(2));
    drop(log);
    let allowed = [owned(&OLD), vec![], owned(&[b"three"])];
    all_cuts(&before, &steps, |image, done| {
        recovered(image).is_ok_and(|found| allowed[done..].contains(&found))
    })
}

#[test]
fn a_log_is_cleared_whole_or_not_at_all() {
    use Mutant::*;
    let (images, right) = clear(None);
    say(format_args!("clear: {images} images, all right: {right}"));
    assert!(right && images > 20, "{images}");
    for mutant in [NoFlush, NoFence, FenceFirst, WrongFence, CopiesTogether] {
        assert!(!clear(mutant).1, "{mutant:?}");
    }
}

/// Cleared records do not come back after a cut in the clearing, when records of the same lengths
/// are appended over the old ones.
#[test]
fn what_was_cleared_stays_away() {
    for torn in torn_by_clear() {
        let found = recovered(&torn).unwrap();
        let (memory, _) = recorder(&torn, Mutant::None);
        let mut log = Log::recover(memory).unwrap();
        log.clear();
        log.try_append(b"ONE, which fills a line by itself..").unwrap();
        assert_eq!(records(&log).len(), 1);
        let image = log.into_memory().image;
        assert_eq!(recovered(&image), Ok(owned(&[b"ONE, which fills a line by itself.."])));
        assert!(found.is_empty() || found == owned(&OLD));
    }
}

/// The number of these damages to the header that lose a record or give "no log".
fn losses(mutant: Mutant, damage: impl Fn(&mut Image, usize), damages: usize) -> usize {
    let (memory, steps) = recorder(&blank(), mutant);
    let mut image = blank();
    fill(memory, &OLD);
    for step in steps.borrow().iter() {
        if let Step::Event(Event::Store(word, value)) = step {
            image[*word] = *value;
        }
    }
    let lost = |n: &usize| {
        let mut damaged = image.clone();
        damage(&mut damaged, *n);
        let read = Reader::open(&damaged[..]).map(|log| log.records().count());
        read != Ok(OLD.len()) || recovered(&damaged) != Ok(owned(&OLD))
    };
    (0..damages).filter(lost).count()
}

#[test]
fn no_flipped_bit_and_no_lost_line_of_the_header_loses_a_record() {
    let flip = |image: &mut Image, bit: usize| image[bit / 64] ^= 1 << (bit % 64);
    let lose = |image: &mut Image, line: usize| image[line * LINE..][..LINE].fill(0);
    let ruin = |image: &mut Image, line: usize| image[line * LINE..][..LINE].fill(u64::MAX);
    assert_eq!(losses(Mutant::None, flip, HEADER * 64), 0);
    assert_eq!(losses(Mutant::None, lose, 2), 0);
    assert_eq!(losses(Mutant::None, ruin, 2), 0);
    // With only one copy of the header, each bit of that copy matters.
    assert!(losses(Mutant::OneCopy, flip, HEADER * 64) > 0);
    assert!(losses(Mutant::OneCopy, lose, 2) > 0);
}

/// Damage to both copies has its own error: a log that is there is never "no log".
#[test]
fn two_flipped_bits_are_never_no_log() {
    let image = filled(&OLD);
    let mut refused = 0;
    for first in 0..LINE * 64 {
        for second in [first, (first * 7 + 13) % (LINE * 64), 3] {
            let mut damaged = image.clone();
            damaged[first / 64] ^= 1 << (first % 64);
            damaged[LINE + second / 64] ^= 1 << (second % 64);
            assert_eq!(recovered(&damaged), Err(Error::Damaged), "bits {first} and {second}");
            assert_eq!(Reader::open(&damaged[..]).map(drop), Err(Error::Damaged));
            refused += 1;
        }
    }
    say(format_args!("{refused} headers with a flipped bit in each copy: damaged"));
}
