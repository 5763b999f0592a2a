//! Places where tours stand.
//!
//! Working out how to go on takes most of the time that tours take to be made, and many tours come by the same places. So
//! what has been worked out at one is kept for the next tour.

use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    rc::Rc,
    sync::Arc,
};

use super::{
    approach::{Approach, Ground, Standing, Way},
    stop::Stop,
};
use crate::{model::State, value::Key};

/// All places where some tour has stood, by state.
#[derive(Default)]
pub struct Spots(RefCell<HashMap<State, Rc<Spot>>>);

/// A way, and what is gone that the call at its end names.
type Onward = (*const Way, Arc<[Key]>);

/// A place, with what has been worked out of the ways on from it.
#[derive(Default)]
pub struct Spot {
    standing: OnceCell<Standing>,
    approaches: RefCell<HashMap<Onward, Rc<Approach>>>,
}

impl Spots {
    pub fn at(&self, state: &State) -> Rc<Spot> {
        self.0.borrow_mut().entry(state.clone()).or_default().clone()
    }
}

impl Spot {
    /// What can be done in this state, which is the one that belongs here.
    pub fn standing(&self, ground: &Ground<'_>, state: &State) -> &Standing {
        self.standing.get_or_init(|| Standing::new(ground, state))
    }

    /// The cheapest approach from this state to a stop. Ways are told apart by where they lie in memory, so they have to
    /// outlive this.
    pub fn approach(&self, ground: &Ground<'_>, state: &State, stop: &Stop) -> Rc<Approach> {
        let key = (Arc::as_ptr(&stop.way), stop.gone.clone());
        let known = self.approaches.borrow().get(&key).cloned();
        known.unwrap_or_else(|| {
            let approach = Rc::new(self.standing(ground, state).approach(ground, &stop.way, &stop.gone));
            self.approaches.borrow_mut().insert(key, approach.clone());
            approach
        })
    }
}
