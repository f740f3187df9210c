//! The boundaries of a path, i.e. the addresses between two of its instructions: which were stepped
//! over, and at which an event arrived.

use heapless::Vec;

/// The most boundaries that a path may have.
const MOST: usize = 4096;

struct Boundary {
    address: u64,
    stepped: bool,
    hit: bool,
}

/// Every boundary of a path, sorted by address.
pub struct Addresses(Vec<Boundary, MOST>);

impl Addresses {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Forgets all boundaries, before another path.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps the boundaries, and forgets what happened at them, before another comparison of the
    /// same path.
    pub fn begin(&mut self) {
        for boundary in &mut self.0 {
            (boundary.stepped, boundary.hit) = (false, false);
        }
    }

    /// Records that single-stepping passed this boundary.
    pub fn step(&mut self, address: u64) {
        self.at(address).stepped = true;
    }

    /// Records that an event arrived at this boundary; 0 means that it did not arrive on the path.
    pub fn hit(&mut self, address: u64) {
        if address != 0 {
            self.at(address).hit = true;
        }
    }

    /// A boundary that was stepped over but not hit, or hit but not stepped over.
    pub fn difference(&self) -> Option<u64> {
        let differing = self.0.iter().find(|boundary| boundary.stepped != boundary.hit);
        differing.map(|boundary| boundary.address)
    }

    /// The number of boundaries.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn at(&mut self, address: u64) -> &mut Boundary {
        let place = match self.0.binary_search_by_key(&address, |boundary| boundary.address) {
            Ok(place) => place,
            Err(place) => {
                let new = Boundary { address, stepped: false, hit: false };
                assert!(self.0.insert(place, new).is_ok(), "a path of more than {MOST} boundaries");
                place
            }
        };
        &mut self.0[place]
    }
}
