//! A model of memory behind a cache, with the guarantees of x86, and every state that a power cut
//! can leave.
//!
//! The guarantees (Intel SDM vol. 3, memory ordering; PMDK, libpmem2):
//! - an aligned store of 8 bytes persists as a whole or not at all;
//! - the CPU may write a cache line back at any time, so a *prefix* of the line's stores persists,
//!   in their order; lines are independent of each other;
//! - a completed flush (CLWB, then MFENCE) has persisted the line's earlier stores;
//! - an ordered flush (CLWB, then SFENCE) has persisted them before any *later* store persists,
//!   which guarantees nothing while there is no later store.

use std::{collections::BTreeMap, collections::HashSet, ops::Range};

/// The number of words in a cache line.
pub const LINE: usize = 8;

/// An access of the program to the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Store(usize, u64),
    Flush(Range<usize>),
    /// SFENCE.
    Order,
    /// MFENCE.
    Drain,
}

/// An image of the whole memory.
pub type Image = Vec<u64>;

#[derive(Clone, Debug, Default)]
struct Line {
    /// The stores that may not be persistent yet, in order.
    stores: Vec<(usize, u64)>,
    /// The number of them for which a flush was issued.
    flushed: usize,
}

/// If any store after `counts` persists, the flushed stores have persisted before it.
#[derive(Clone, Debug)]
struct Ordered {
    counts: BTreeMap<usize, usize>,
    flushed: BTreeMap<usize, usize>,
}

/// The state of the memory.
#[derive(Clone, Debug)]
pub struct Model {
    /// The words that are certainly persistent.
    persistent: Image,
    lines: BTreeMap<usize, Line>,
    ordered: Vec<Ordered>,
}

impl Model {
    pub fn new(image: Image) -> Self {
        Self { persistent: image, lines: BTreeMap::new(), ordered: Vec::new() }
    }

    pub fn happens(&mut self, event: &Event) {
        match event {
            &Event::Store(word, value) => {
                self.lines.entry(word / LINE).or_default().stores.push((word, value));
            }
            Event::Flush(words) => {
                for number in words.clone().map(|word| word / LINE) {
                    if let Some(line) = self.lines.get_mut(&number) {
                        line.flushed = line.stores.len();
                    }
                }
            }
            Event::Order => {
                let of = |count: fn(&Line) -> usize| {
                    self.lines.iter().map(|(&number, line)| (number, count(line))).collect()
                };
                let ordered = Ordered {
                    counts: of(|line| line.stores.len()),
                    flushed: of(|line| line.flushed),
                };
                self.ordered.push(ordered);
            }
            Event::Drain => {
                for line in self.lines.values_mut() {
                    for (word, value) in line.stores.drain(..line.flushed) {
                        self.persistent[word] = value;
                    }
                    line.flushed = 0;
                }
                self.lines.retain(|_, line| !line.stores.is_empty());
                self.ordered.clear(); // What they require is persistent now.
            }
        }
    }

    /// Every image that a power cut can leave now.
    pub fn crashes(&self) -> HashSet<Image> {
        let mut found = HashSet::new();
        self.choose(&self.lines.iter().collect::<Vec<_>>(), &mut BTreeMap::new(), &mut found);
        found
    }

    fn choose(
        &self,
        lines: &[(&usize, &Line)],
        kept: &mut BTreeMap<usize, usize>,
        found: &mut HashSet<Image>,
    ) {
        let Some(((number, line), rest)) = lines.split_first() else {
            if self.ordered.iter().all(|ordered| ordered.allows(kept)) {
                found.insert(self.image(kept));
            }
            return;
        };
        for count in 0..=line.stores.len() {
            kept.insert(**number, count);
            self.choose(rest, kept, found);
        }
    }

    fn image(&self, kept: &BTreeMap<usize, usize>) -> Image {
        let mut image = self.persistent.clone();
        for (number, &count) in kept {
            for &(word, value) in &self.lines[number].stores[..count] {
                image[word] = value;
            }
        }
        image
    }
}

impl Ordered {
    fn allows(&self, kept: &BTreeMap<usize, usize>) -> bool {
        let of = |counts: &BTreeMap<usize, usize>, number| counts.get(number).copied().unwrap_or(0);
        let later = kept.iter().any(|(number, &kept)| kept > of(&self.counts, number));
        !later || kept.iter().all(|(number, &kept)| kept >= of(&self.flushed, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[Event]) -> Vec<Image> {
        let mut model = Model::new(vec![0; 3 * LINE]);
        events.iter().for_each(|event| model.happens(event));
        let mut crashes: Vec<_> = model.crashes().into_iter().collect();
        crashes.sort();
        crashes
    }

    /// The possible values of words 0, 1 and 8.
    fn words(images: &[Image]) -> Vec<[u64; 3]> {
        images.iter().map(|image| [image[0], image[1], image[8]]).collect()
    }

    #[test]
    fn a_line_persists_in_order_and_lines_do_not() {
        use Event::*;
        let stores = [Store(0, 1), Store(1, 2), Store(8, 3)];
        let all = [[0, 0, 0], [0, 0, 3], [1, 0, 0], [1, 0, 3], [1, 2, 0], [1, 2, 3]];
        assert_eq!(words(&after(&stores)), all);
        // A flush alone, and a flush that is only ordered, guarantee nothing yet.
        assert_eq!(words(&after(&[&stores[..], &[Flush(0..2)]].concat())), all);
        assert_eq!(words(&after(&[&stores[..], &[Flush(0..2), Order]].concat())), all);
        // A completed flush does, for its line.
        let complete = words(&after(&[&stores[..], &[Flush(0..2), Drain]].concat()));
        assert_eq!(complete, [[1, 2, 0], [1, 2, 3]]);
    }

    #[test]
    fn an_ordered_flush_comes_before_a_later_store() {
        use Event::*;
        let events = [Store(0, 1), Flush(0..1), Order, Store(8, 3)];
        assert_eq!(words(&after(&events)), [[0, 0, 0], [1, 0, 0], [1, 0, 3]]);
    }

    #[test]
    fn a_store_after_the_flush_is_not_flushed() {
        use Event::*;
        let events = [Store(0, 1), Flush(0..1), Store(1, 2), Drain];
        assert_eq!(words(&after(&events)), [[1, 0, 0], [1, 2, 0]]);
    }
}
