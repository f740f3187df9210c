//! The log of `persist`: which bytes are taken for its records, which memory for a log, and which
//! cursor for one of its own. Each check is shown to see what it is there for: with the one thing
//! changed that refuses, the same input passes. What a power cut leaves is the matter of `crash`.

use fakes::{
    log_layout::{COPY, HEADER, Header, PREFIX},
    xorshift::Xorshift,
};
use wouldblock::{
    nb,
    persist::{
        Memory,
        log::{self, Error, Log, Reader, Record, Stale},
    },
};

const WORDS: usize = 400;

type Records = Vec<(u64, Vec<u8>)>;

/// Of a log and of a reader alike.
macro_rules! records {
    ($log:expr) => {{
        let log = $log;
        let read = |record: Record| {
            let mut payload = vec![0; record.length];
            log.read(&record, &mut payload).expect("its own record");
            (record.sequence, payload)
        };
        log.records().map(read).collect::<Records>()
    }};
}

/// What recovery finds, which is what reading alone finds.
fn recovered(memory: &[u64]) -> Result<Records, Error> {
    let read = Reader::open(memory).map(|log| records!(log));
    let recovered = Log::recover(&mut memory.to_vec()[..]).map(|log| records!(log));
    assert_eq!(read, recovered);
    recovered
}

fn bytes(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Records of 64 bytes.
fn append(log: &mut Log<impl Memory>, count: usize) {
    for n in 0..count {
        log.try_append(&[n as u8; 64]).expect("there is room");
    }
}

/// The image of a log that had this many records, was cleared, and had five more.
fn image_of_another(before: usize, words: usize) -> Vec<u64> {
    let mut memory = vec![0; words];
    let mut log = Log::create(&mut memory[..]).unwrap();
    append(&mut log, before);
    log.clear();
    append(&mut log, 5);
    memory
}

/// The image of a log that has got `payload`, was cleared, and has got one short record since: what
/// is left of the payload stands behind its end.
fn log_behind_whose_end_is(payload: &[u8]) -> (Vec<u64>, Records) {
    let mut memory = vec![0; WORDS];
    let mut log = Log::create(&mut memory[..]).unwrap();
    log.try_append(payload).unwrap();
    log.clear();
    append(&mut log, 1);
    (memory, vec![(2, vec![0; 64])])
}

#[test]
fn another_logs_bytes_behind_the_end_are_no_records() {
    for before in 0..6 {
        let image = image_of_another(before, 200);
        // As it is, and so that each of its words comes to stand at its own place.
        for payload in [&image[..], &image[HEADER + PREFIX..]] {
            let (memory, expected) = log_behind_whose_end_is(&bytes(payload));
            assert_eq!(recovered(&memory), Ok(expected), "{before}");
        }
    }
    // Where numbers and places fit, only the identity refuses them: under the other log's, they are
    // records.
    let image = image_of_another(0, 200);
    let (mut memory, expected) = log_behind_whose_end_is(&bytes(&image[HEADER + PREFIX..]));
    let mine = Header::of(&memory);
    let theirs = Header { words: mine.words, ..Header::of(&image) };
    assert_ne!((mine.generation, mine.salt), (theirs.generation, theirs.salt));
    theirs.put(&mut memory);
    memory[HEADER..HEADER + PREFIX + 8].copy_from_slice(&image[HEADER..HEADER + PREFIX + 8]);
    assert_ne!(recovered(&memory), Ok(expected));
    assert_eq!(recovered(&memory).unwrap().len(), 5);
}

/// Its own bytes from before a `clear`, and from before it was made anew, neither.
#[test]
fn its_own_bytes_from_before_are_no_records() {
    let anew = |log: &mut Log<&mut [u64]>| log.clear();
    let mut memory = vec![0; WORDS];
    let mut log = Log::create(&mut memory[..]).unwrap();
    append(&mut log, 3);
    let old = log.memory().to_vec();
    anew(&mut log);
    // The old image at its own place, then the numbers as they were, as far as they can be had.
    log.try_append(&bytes(&old[HEADER + PREFIX..HEADER + PREFIX + 40])).unwrap();
    anew(&mut log);
    append(&mut log, 1);
    assert_eq!(recovered(&memory).unwrap().len(), 1);

    let mut log = Log::create(&mut memory[..]).unwrap();
    log.try_append(&bytes(&old[HEADER + PREFIX..HEADER + PREFIX + 40])).unwrap();
    let made_anew = Header::of(&memory);
    assert_eq!(recovered(&memory).unwrap().len(), 1);
    // The first record of the old image, over the first: refused, and under its own identity taken.
    memory[HEADER..HEADER + PREFIX + 8].copy_from_slice(&old[HEADER..HEADER + PREFIX + 8]);
    assert_eq!(recovered(&memory), Ok(vec![]));
    Header { first: 1, ..Header::of(&old) }.put(&mut memory);
    assert_eq!(recovered(&memory).unwrap().len(), 3);
    assert_ne!(made_anew.generation, Header::of(&old).generation);
}

/// A record is one of its log, at its place, with the next number, of an epoch that has been: with
/// any of these wrong and the checksum right for it, it is none.
#[test]
fn a_record_is_of_its_log_and_of_its_place() {
    let mut memory = vec![0; 100];
    let mut log = Log::create(&mut memory[..]).unwrap();
    log.try_append(b"the first").unwrap();
    let header = Header::of(&memory);
    let end = HEADER + PREFIX + 2;
    let is_taken = |record: Vec<u64>| {
        let mut memory = memory.clone();
        memory[end..end + record.len()].copy_from_slice(&record);
        recovered(&memory).unwrap().len() == 2
    };
    let forged = |header: Header, at, sequence| header.record(at, sequence, b"the second");
    assert!(is_taken(forged(header, end, 2)));
    for other in [end - 1, end + 1, end + 8, 0] {
        assert!(!is_taken(forged(header, other, 2)), "of word {other}");
    }
    for other in [0, 1, 3, u64::MAX] {
        assert!(!is_taken(forged(header, end, other)), "number {other}");
    }
    let (generation, salt) = (header.generation, header.salt);
    assert!(!is_taken(forged(Header { generation: generation + 1, ..header }, end, 2)));
    assert!(!is_taken(forged(Header { generation: generation - 1, ..header }, end, 2)));
    assert!(!is_taken(forged(Header { salt: salt ^ 1, ..header }, end, 2)));
    for epoch in [0, header.epoch + 1, header.epoch + 2, u64::from(u32::MAX)] {
        assert!(!is_taken(forged(Header { epoch, ..header }, end, 2)), "epoch {epoch}");
    }
    // In a log that was recovered once more, the next epoch has been.
    Header { epoch: header.epoch + 1, ..header }.put(&mut memory);
    let mut later = memory.clone();
    let record = forged(Header { epoch: header.epoch + 1, ..header }, end, 2);
    later[end..end + record.len()].copy_from_slice(&record);
    assert_eq!(recovered(&later).unwrap().len(), 2);
}

/// Every `create` and every `clear` gives an identity that there was not before, also where the
/// salt is always the same, and where a creation was cut short.
#[test]
fn no_identity_comes_twice() {
    struct Saltless(Vec<u64>);
    impl Memory for Saltless {
        fn words(&self) -> usize {
            self.0.len()
        }
        fn load(&self, word: usize) -> u64 {
            self.0[word]
        }
        fn store(&mut self, word: usize, value: u64) {
            self.0[word] = value;
        }
        fn flush(&mut self, _: std::ops::Range<usize>) {}
        fn drain(&mut self) {}
        fn salt(&self) -> u64 {
            7
        }
    }
    let mut memory = vec![0; 40];
    let mut identities = std::collections::HashSet::new();
    for n in 0..100 {
        let mut log = Log::create(Saltless(memory)).unwrap();
        for _ in 0..n % 3 {
            let Header { generation, salt, .. } = Header::of(&log.memory().0);
            assert!(identities.insert((generation, salt)));
            log.clear();
        }
        memory = log.into_memory().0;
        let Header { generation, salt, .. } = Header::of(&memory);
        assert!(identities.insert((generation, salt)));
        if n % 5 == 0 {
            // Cut short after the old log was taken away.
            (memory[0], memory[COPY]) = (0, 0);
            assert_eq!(recovered(&memory), Err(Error::NotALog));
        }
        if n % 7 == 0 {
            memory[1] ^= 1; // a damaged copy
        }
    }
    // Two logs of the same history differ by their salt alone.
    let made = |memory: &mut [u64]| {
        Log::create(&mut *memory).unwrap();
        Header::of(memory)
    };
    let (one, two) = (made(&mut [0; 40]), made(&mut [0; 40]));
    assert_eq!(one.generation, two.generation);
    assert_ne!(one.salt, two.salt);
}

#[test]
fn a_log_knows_the_length_of_its_memory() {
    let mut memory = vec![0; 128];
    let mut log = Log::create(&mut memory[..]).unwrap();
    while log.try_append(&[1; 20]).is_ok() {}
    let all = recovered(&memory).unwrap();
    // Opened shorter or longer: refused, and by how much; never a part of it.
    for words in [HEADER + PREFIX, 64, 127] {
        assert_eq!(recovered(&memory[..words]), Err(Error::OtherLength { words: 128 }));
        assert_eq!(log::check(&memory[..words]), Err(Error::OtherLength { words: 128 }));
    }
    assert_eq!(recovered(&memory[..HEADER]), Err(Error::TooSmall));
    let longer = [&memory[..], &[0]].concat();
    assert_eq!(recovered(&longer), Err(Error::OtherLength { words: 128 }));
    // It is the stated length that refuses: with another one, a part would be taken for all.
    let mut twin = memory[..64].to_vec();
    Header { words: 64, ..Header::of(&memory) }.put(&mut twin);
    let part = recovered(&twin).unwrap();
    assert!(!part.is_empty() && part.len() < all.len());

    // Made anew in the first half of it: the old records do not return.
    Log::create(&mut memory[..64]).unwrap();
    assert_eq!(recovered(&memory), Err(Error::OtherLength { words: 64 }));
    assert_eq!(recovered(&memory[..64]), Ok(vec![]));
    Header { words: 128, ..Header::of(&memory) }.put(&mut memory);
    assert_eq!(recovered(&memory), Ok(vec![]));
}

/// A cursor from before a `clear` is refused, wherever it leads: the end of the memory, the middle
/// of a longer record, or a record of the same number of bytes.
#[test]
fn a_cursor_from_before_a_clear_is_refused() {
    for (words, length, longer) in [(64, 40, 300), (WORDS, 64, 1000), (WORDS, 64, 64)] {
        let mut memory = vec![0; words];
        let mut log = Log::create(&mut memory[..]).unwrap();
        while log.try_append(&vec![7; length]).is_ok() {}
        let old: Vec<Record> = log.records().collect();
        assert_eq!(log.after(old.last()), Ok(None));
        assert_eq!(log.after(old.first()), Ok(old.get(1).copied()));
        let check = |log: &Log<&mut [u64]>| {
            for record in &old {
                assert_eq!(log.after(Some(record)), Err(Stale));
                assert_eq!(log.read(record, &mut [0; 2000]), Err(Stale));
            }
        };
        log.clear();
        check(&log);
        log.try_append(&vec![0xff; longer]).unwrap();
        check(&log);
        check(&Log::recover(&mut memory[..]).unwrap());
        let reader = Reader::open(&memory[..]).unwrap();
        assert!(old.iter().all(|record| reader.after(Some(record)) == Err(Stale)));
        // What a cursor that is not checked would have found there: no length of a record.
        if longer == 1000 {
            assert_eq!(memory[HEADER + (PREFIX + 8) + 1], u64::MAX);
        }
        Log::create(&mut memory[..]).unwrap();
        check(&Log::recover(&mut memory[..]).unwrap());
    }
}

/// A cursor of the last record ends at the last word of the memory.
#[test]
fn a_cursor_at_the_end_of_the_memory_leads_nowhere() {
    let mut memory = [0; 64];
    let mut log = Log::create(&mut memory[..]).unwrap();
    log.try_append(&[1; 8 * (64 - HEADER - PREFIX)]).unwrap();
    assert_eq!((log.room(), log.try_append(b"")), (None, Err(nb::Error::WouldBlock)));
    let last = log.records().last().unwrap();
    assert_eq!(log.after(Some(&last)), Ok(None));
    log.clear();
    assert_eq!(log.after(Some(&last)), Err(Stale));
    assert_eq!(log.after(None), Ok(None));
}

/// Nor is a cursor of another log taken, though its number, place and length fit, nor one that the
/// caller has changed.
#[test]
fn a_foreign_or_forged_cursor_is_refused() {
    let (mut one, mut two) = ([0; 200], [0; 200]);
    let mut log = Log::create(&mut one[..]).unwrap();
    let mut other = Log::create(&mut two[..]).unwrap();
    append(&mut log, 5);
    append(&mut other, 5);
    for (record, foreign) in log.records().zip(other.records()) {
        assert_eq!((record.sequence, record.length), (foreign.sequence, foreign.length));
        assert_eq!(log.after(Some(&foreign)), Err(Stale));
        assert_eq!(log.read(&foreign, &mut [0; 64]), Err(Stale));
        assert!(log.after(Some(&record)).is_ok() && log.read(&record, &mut [0; 64]).is_ok());
        for sequence in [0, record.sequence + 1, u64::MAX] {
            let mut forged = record;
            forged.sequence = sequence;
            assert_eq!(log.after(Some(&forged)), Err(Stale));
            assert_eq!(log.read(&forged, &mut [0; 64]), Err(Stale));
        }
        for length in [0, 63, 65, 1 << 40, usize::MAX] {
            let mut forged = record;
            forged.length = length;
            assert_eq!(log.after(Some(&forged)), Err(Stale));
            assert_eq!(log.read(&forged, &mut [0; 64]), Err(Stale));
        }
    }
}

/// What callers write, as the documentation says that they may.
fn open_or_create(memory: &mut [u64]) -> Result<Log<&mut [u64]>, Error> {
    match log::check(memory) {
        Err(Error::NotALog) => Log::create(memory),
        _ => Log::recover(memory),
    }
}

fn two_records() -> Vec<u64> {
    let mut memory = vec![0; 60];
    let mut log = Log::create(&mut memory[..]).unwrap();
    log.try_append(b"acknowledged").unwrap();
    log.try_append(b"and this, too").unwrap();
    memory
}

#[test]
fn to_open_or_create_wipes_no_damaged_log() {
    let memory = two_records();
    for bit in 0..HEADER * 64 {
        let mut memory = memory.clone();
        memory[bit / 64] ^= 1 << (bit % 64);
        let log = open_or_create(&mut memory).expect("the other copy is whole");
        assert_eq!(log.records().count(), 2, "bit {bit}");
        // It was written anew.
        assert_eq!(memory[..COPY], memory[COPY..HEADER]);
    }
    // A word of each copy with any value: the records, or an error that is not "no log", as long as
    // not both magics are gone.
    for (first, second) in (0..COPY).flat_map(|one| (COPY..HEADER).map(move |two| (one, two))) {
        for value in [0, 1, u64::from(u32::MAX), u64::MAX] {
            let mut damaged = memory.clone();
            (damaged[first], damaged[second]) = (value, value);
            let before = damaged.clone();
            match open_or_create(&mut damaged).map(|log| log.records().count()) {
                Ok(count) if (first, second) == (0, COPY) => assert_eq!((count, value), (0, 0)),
                Ok(count) => assert_eq!(count, 2),
                Err(error) => {
                    assert_eq!(error, Error::Damaged, "words {first} and {second}");
                    assert_eq!(damaged, before);
                }
            }
        }
    }
    // The idiom that creates on every error would have wiped it.
    let mut damaged = memory;
    (damaged[1], damaged[COPY + 1]) = (1, 1);
    assert_eq!(recovered(&damaged), Err(Error::Damaged));
    let log = Log::recover(&mut damaged[..]).map(drop);
    let log = log.or_else(|_| Log::create(&mut damaged[..]).map(drop));
    assert_eq!((log, recovered(&damaged)), (Ok(()), Ok(vec![])));
}

#[test]
fn no_log_and_another_version_are_told_apart() {
    let mut random = Xorshift(0x5eed);
    let random: Vec<u64> = (0..10_000).map(|_| random.next()).collect();
    for memory in random.chunks(40).chain([&[0; 40][..], &[u64::MAX; 40], &[0xee; 40]]) {
        assert_eq!(recovered(memory), Err(Error::NotALog));
    }
    // The format before this one, and the one after it.
    for version in [1, 3, 255] {
        let mut memory = two_records();
        let magic = u64::from_le_bytes([b'w', b'b', b'l', b'o', b'g', 0, 0, version]);
        memory[..HEADER].fill(5);
        memory[0] = magic;
        assert_eq!(recovered(&memory), Err(Error::OtherVersion));
        let before = memory.clone();
        assert_eq!(open_or_create(&mut memory).map(drop), Err(Error::OtherVersion));
        assert_eq!(memory, before);
    }
}

/// A log that can be recovered no more can still be read, and is as it was.
#[test]
fn an_exhausted_log_is_read() {
    let mut memory = two_records();
    Header { epoch: u64::from(u32::MAX), ..Header::of(&memory) }.put(&mut memory);
    let before = memory.clone();
    assert_eq!(Log::recover(&mut memory[..]).map(drop), Err(Error::Exhausted));
    assert_eq!(log::check(&memory[..]), Err(Error::Exhausted));
    assert_eq!(Reader::open(&memory[..]).unwrap().records().count(), 2);
    assert_eq!(memory, before);
    Header { first: u64::MAX / 2 + 1, ..Header::of(&memory) }.put(&mut memory);
    assert_eq!(Reader::open(&memory[..]).map(drop), Err(Error::Exhausted));
}

/// Damage while the log is open: what is read then is an error or ends, and nothing panics.
#[test]
fn damage_to_an_open_log_does_no_harm() {
    use std::cell::Cell;
    struct Shared<'a>(&'a [Cell<u64>]);
    impl Memory for Shared<'_> {
        fn words(&self) -> usize {
            self.0.len()
        }
        fn load(&self, word: usize) -> u64 {
            self.0[word].get()
        }
        fn store(&mut self, word: usize, value: u64) {
            self.0[word].set(value);
        }
        fn flush(&mut self, _: std::ops::Range<usize>) {}
        fn drain(&mut self) {}
    }
    let memory: Vec<Cell<u64>> = vec![Cell::new(0); 100];
    for value in [0, 1, 1 << 40, u64::from(u32::MAX), u64::MAX] {
        for word in 0..memory.len() {
            let mut log = Log::create(Shared(&memory)).unwrap();
            append(&mut log, 4);
            let all: Vec<_> = log.records().collect();
            memory[word].set(value);
            assert!(log.records().count() <= 4);
            for record in &all {
                _ = (log.after(Some(record)), log.read(record, &mut [0; 64]));
            }
            log.clear();
            assert_eq!(log.try_append(b"continues"), Ok(5));
            assert_eq!(Log::recover(Shared(&memory)).unwrap().records().count(), 1);
        }
    }
}
