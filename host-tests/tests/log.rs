//! The log of `persist`: which bytes it accepts as its records, which memory as a log, and which
//! cursors as its own. Each check is shown to matter: the same input passes when the one thing that
//! is refused is changed. `crash` tests what a power cut leaves.

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

/// The records of a log or of a reader.
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

/// What recovery finds. A reader must find the same.
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

/// The image of a log to which `payload` was appended, that was cleared, and to which one short
/// record was appended then: the rest of the payload is behind the log's end.
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
        // The image as it is, and cut so that each of its words is at its own place.
        for payload in [&image[..], &image[HEADER + PREFIX..]] {
            let (memory, expected) = log_behind_whose_end_is(&bytes(payload));
            assert_eq!(recovered(&memory), Ok(expected), "{before}");
        }
    }
    // Where numbers and places fit, only the identity refuses them: with the other log's identity,
    // they are records.
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

/// Nor are the log's own bytes from before a `clear`, or from before it was created again.
#[test]
fn its_own_bytes_from_before_are_no_records() {
    let anew = |log: &mut Log<&mut [u64]>| log.clear();
    let mut memory = vec![0; WORDS];
    let mut log = Log::create(&mut memory[..]).unwrap();
    append(&mut log, 3);
    let old = log.memory().to_vec();
    anew(&mut log);
    // The old image at its own place, with as many of the old numbers as possible.
    log.try_append(&bytes(&old[HEADER + PREFIX..HEADER + PREFIX + 40])).unwrap();
    anew(&mut log);
    append(&mut log, 1);
    assert_eq!(recovered(&memory).unwrap().len(), 1);

    let mut log = Log::create(&mut memory[..]).unwrap();
    log.try_append(&bytes(&old[HEADER + PREFIX..HEADER + PREFIX + 40])).unwrap();
    let made_anew = Header::of(&memory);
    assert_eq!(recovered(&memory).unwrap().len(), 1);
    // The first record of the old image, copied over the first record: it is refused, but accepted
    // with its own identity.
    memory[HEADER..HEADER + PREFIX + 8].copy_from_slice(&old[HEADER..HEADER + PREFIX + 8]);
    assert_eq!(recovered(&memory), Ok(vec![]));
    Header { first: 1, ..Header::of(&old) }.put(&mut memory);
    assert_eq!(recovered(&memory).unwrap().len(), 3);
    assert_ne!(made_anew.generation, Header::of(&old).generation);
}

/// A record belongs to its log, is at its place, and has the next number and an epoch that has
/// been. If any of these is wrong, the record is refused, even with a right checksum.
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
    // After one more recovery, the next epoch has been.
    Header { epoch: header.epoch + 1, ..header }.put(&mut memory);
    let mut later = memory.clone();
    let record = forged(Header { epoch: header.epoch + 1, ..header }, end, 2);
    later[end..end + record.len()].copy_from_slice(&record);
    assert_eq!(recovered(&later).unwrap().len(), 2);
}

/// Every `create` and every `clear` gives a new identity, also where the salt is always the same,
/// and where a creation was cut short.
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
            // The creation was cut short after the old log was removed.
            (memory[0], memory[COPY]) = (0, 0);
            assert_eq!(recovered(&memory), Err(Error::NotALog));
        }
        if n % 7 == 0 {
            memory[1] ^= 1; // One copy is damaged.
        }
    }
    // Two logs with the same history differ only by their salt.
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
    // Shorter or longer memory is refused, with the right length. A part of the log is never
    // accepted.
    for words in [HEADER + PREFIX, 64, 127] {
        assert_eq!(recovered(&memory[..words]), Err(Error::OtherLength { words: 128 }));
        assert_eq!(log::check(&memory[..words]), Err(Error::OtherLength { words: 128 }));
    }
    assert_eq!(recovered(&memory[..HEADER]), Err(Error::TooSmall));
    let longer = [&memory[..], &[0]].concat();
    assert_eq!(recovered(&longer), Err(Error::OtherLength { words: 128 }));
    // The length in the header refuses it: with another length, a part would be accepted as the
    // whole.
    let mut twin = memory[..64].to_vec();
    Header { words: 64, ..Header::of(&memory) }.put(&mut twin);
    let part = recovered(&twin).unwrap();
    assert!(!part.is_empty() && part.len() < all.len());

    // A log that is created in the first half: the old records do not return.
    Log::create(&mut memory[..64]).unwrap();
    assert_eq!(recovered(&memory), Err(Error::OtherLength { words: 64 }));
    assert_eq!(recovered(&memory[..64]), Ok(vec![]));
    Header { words: 128, ..Header::of(&memory) }.put(&mut memory);
    assert_eq!(recovered(&memory), Ok(vec![]));
}

/// A cursor from before a `clear` is refused, wherever it points: to the end of the memory, the
/// middle of a longer record, or a record of the same length.
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
        // A cursor that is not checked would have found this word there, which is no length of a
        // record.
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

/// A cursor of another log is refused, although its number, place and length fit. So is a cursor
/// that the caller has changed.
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

/// What the documentation tells callers to write.
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
        // The damaged copy was written again.
        assert_eq!(memory[..COPY], memory[COPY..HEADER]);
    }
    // A word of each copy has any value: the records are found, or the error is not "no log",
    // unless both magics are lost.
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
    // Code that creates a log on every error would have wiped it.
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
    // The formats before this one and after it.
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

/// A log whose recoveries are used up can still be read, and is not changed.
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

/// Damage while the log is open: a read then fails or ends, and nothing panics.
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
