//! Taint in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mizzen_model::asked::Taint;

use super::Place;

/// Places in memory; about 100 bytes each.
pub(super) const PLACES_MAX: usize = 200_000;

#[derive(Debug)]
pub(crate) struct TaintCache(Mutex<Places>);

#[derive(Debug)]
struct Places {
    known: HashMap<Place, Known>,
    /// Whether all that is in the database is here: then what is not here was never touched.
    is_complete: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    taint: Taint,
    /// As much of it as the database has.
    stored: Taint,
}

impl TaintCache {
    pub(super) fn new(stored: Vec<(Place, Taint)>) -> Self {
        let is_complete = stored.len() < PLACES_MAX;
        let known = stored.into_iter().map(|(place, taint)| (place, Known { taint, stored: taint })).collect();
        Self(Mutex::new(Places { known, is_complete }))
    }

    /// `None`: only the database knows.
    pub(super) fn get(&self, place: &Place) -> Option<Taint> {
        let places = self.places();
        places.known.get(place).map(|known| known.taint).or_else(|| places.is_complete.then(Taint::default))
    }

    /// What the database is known to have.
    pub(super) fn stored(&self, place: &Place) -> Option<Taint> {
        self.places().known.get(place).map(|known| known.stored)
    }

    /// What is known after `taint` was added.
    pub(super) fn grow(&self, place: Place, taint: Taint) -> Taint {
        let mut places = self.places();
        if places.known.len() >= PLACES_MAX && !places.known.contains_key(&place) {
            places.make_room();
        }
        let known = places.known.entry(place).or_default();
        known.taint = known.taint.union(taint);
        known.taint
    }

    pub(super) fn is_stored(&self, place: &Place, taint: Taint) {
        if let Some(known) = self.places().known.get_mut(place) {
            known.stored = known.stored.union(taint);
        }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// Forgets a quarter of what the database has; from then on, what is not here is asked for there. What could not be stored
    /// stays: forgetting it would untaint a run.
    fn make_room(&mut self) {
        self.is_complete = false;
        let forget: Vec<Place> = self
            .known
            .iter()
            .filter(|(_, known)| known.taint == known.stored)
            .map(|(place, _)| place.clone())
            .take(PLACES_MAX / 4)
            .collect();
        for place in forget {
            self.known.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES_MAX, Place, Taint, TaintCache};

    const PRIVATE: Taint = Taint { private_data: true, untrusted_content: false, outside_reached: false };

    #[test]
    fn memory_is_bounded_and_what_was_not_stored_is_never_forgotten() {
        let cache = TaintCache::new(Vec::new());
        let unstored = Place::alone("unstored");
        cache.grow(unstored.clone(), PRIVATE);
        assert_eq!(cache.get(&Place::alone("new")), Some(Taint::default()));
        for number in 0..PLACES_MAX + 10 {
            let place = Place::alone(&number.to_string());
            cache.grow(place.clone(), PRIVATE);
            cache.is_stored(&place, PRIVATE);
        }
        assert_eq!(cache.get(&unstored), Some(PRIVATE));
        assert_eq!(cache.get(&Place::alone("new")), None, "only the database knows now");
        assert!(cache.places().known.len() <= PLACES_MAX);
    }
}
