//! The boundaries of a path: those that it has, and those that were hit.

use heapless::Vec;

/// The most that a path may have.
const MOST: usize = 4096;

struct Boundary {
    address: u64,
    stepped: bool,
    hit: bool,
}

/// Every boundary of a path, by address.
pub struct Addresses(Vec<Boundary, MOST>);

impl Addresses {
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Another path.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Another comparison, on the same path.
    pub fn begin(&mut self) {
        for boundary in &mut self.0 {
            (boundary.stepped, boundary.hit) = (false, false);
        }
    }

    /// The path was stepped over this boundary.
    pub fn step(&mut self, address: u64) {
        self.at(address).stepped = true;
    }

    /// An event came at this boundary; 0 is none.
    pub fn hit(&mut self, address: u64) {
        if address != 0 {
            self.at(address).hit = true;
        }
    }

    /// A boundary that was stepped over and not hit, or the other way round.
    pub fn difference(&self) -> Option<u64> {
        let differing = self.0.iter().find(|boundary| boundary.stepped != boundary.hit);
        differing.map(|boundary| boundary.address)
    }

    /// How many there are.
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
