//! Which cases may run at the same time: an account has room for so many things at once, and money is spent one by one.

use std::collections::BTreeMap;

use crate::generate::{Permit, permit::Cost};

/// What cases under way make stand.
pub struct Room<'a> {
    permit: &'a Permit,
    inside: BTreeMap<u64, Cost>,
    /// Something runs whose cost is not known beforehand.
    taken: bool,
}

/// When a case may begin.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    Now,
    /// When others have left.
    Later,
    /// Not even alone.
    Never,
}

impl<'a> Room<'a> {
    pub fn new(permit: &'a Permit) -> Self {
        Self { permit, inside: BTreeMap::new(), taken: false }
    }

    /// Nothing is limited.
    pub fn is_endless(&self) -> bool {
        self.permit.at_once.is_empty() && !self.permit.thrifty
    }

    /// Nothing else may begin.
    pub fn is_taken(&self) -> bool {
        self.taken
    }

    /// Whatever begins next has all the room.
    pub fn take_all(&mut self) {
        self.taken = !self.is_endless();
    }

    pub fn give_all_back(&mut self) {
        self.taken = false;
    }

    pub fn admits(&self, cost: &Cost) -> Admission {
        if self.is_endless() {
            return Admission::Now;
        }
        let limits = &self.permit.at_once;
        let made = |place: &(usize, usize)| cost.made.get(place).copied().unwrap_or(0);
        if limits.iter().any(|(place, most)| made(place) > *most) {
            return Admission::Never;
        }
        let standing =
            |place: &(usize, usize)| -> usize { self.inside.values().filter_map(|cost| cost.made.get(place)).sum() };
        let is_full = limits.iter().any(|(place, most)| made(place) > 0 && standing(place) + made(place) > *most);
        let is_second = cost.paid > 0 && self.inside.values().any(|cost| cost.paid > 0);
        if is_full || is_second { Admission::Later } else { Admission::Now }
    }

    pub fn enter(&mut self, number: u64, cost: Cost) {
        self.inside.insert(number, cost);
    }

    pub fn leave(&mut self, number: u64) {
        self.inside.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(images: usize, paid: usize) -> Cost {
        Cost { paid, made: BTreeMap::from([((0, 0), images)]), commands: 1, requests: 1 }
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let permit = Permit { thrifty: true, at_once: BTreeMap::from([((0, 0), 3)]), ..Permit::default() };
        let mut room = Room::new(&permit);
        assert_eq!(room.admits(&cost(4, 0)), Admission::Never);
        room.enter(1, cost(2, 1));
        assert_eq!(room.admits(&cost(2, 0)), Admission::Later);
        assert_eq!(room.admits(&cost(1, 0)), Admission::Now);
        assert_eq!(room.admits(&cost(1, 1)), Admission::Later, "money is spent one by one");
        room.leave(1);
        assert_eq!(room.admits(&cost(3, 1)), Admission::Now);
    }

    #[test]
    fn without_limits_everything_begins_at_once() {
        let permit = Permit::default();
        let mut room = Room::new(&permit);
        room.enter(1, cost(100, 100));
        assert_eq!(room.admits(&cost(100, 100)), Admission::Now);
    }
}
