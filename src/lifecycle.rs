//! A life as a list: which stage can come after which, and on what. The book draws its pictures of lives from these lists, and tests
//! hold the code to them in both directions: it takes no other way ([`Lifecycle::enter`]), and it takes each of them.

use std::mem;

/// From which stage, on what, to which.
pub(crate) type Way = (&'static str, &'static str, &'static str);

/// A stage of a life.
pub(crate) trait Lifecycle: Sized {
    /// All ways that there are. To stay is none.
    const WAYS: &'static [Way];

    fn name(&self) -> &'static str;

    /// From one stage to the next. Answers where it was.
    ///
    /// # Panics
    ///
    /// Where debug assertions are on, if there is no such way.
    #[inline]
    fn enter(&mut self, next: Self) -> Self {
        debug_assert!(self.has_way_to(&next), "there is no way from {} to {} in `WAYS`", self.name(), next.name());
        #[cfg(test)]
        taken::note::<Self>(self.name(), next.name());
        mem::replace(self, next)
    }

    fn has_way_to(&self, next: &Self) -> bool {
        self.name() == next.name() || Self::WAYS.iter().any(|(from, _, to)| (*from, *to) == (self.name(), next.name()))
    }
}

/// For the tests of each life: the ways it took.
#[cfg(test)]
pub(crate) mod taken {
    use std::any::type_name;
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use crate::lifecycle::Lifecycle;

    thread_local! {
        /// Whose stage it was, from where and to where it went, in this thread and so in this test.
        static TAKEN: RefCell<BTreeSet<[&'static str; 3]>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note<L: Lifecycle>(from: &'static str, to: &'static str) {
        if from != to {
            TAKEN.with_borrow_mut(|taken| taken.insert([type_name::<L>(), from, to]));
        }
    }

    /// The ways that were taken in this test so far.
    pub(crate) fn ways<L: Lifecycle>() -> BTreeSet<(&'static str, &'static str)> {
        let its = |way: &&[&'static str; 3]| way[0] == type_name::<L>();
        TAKEN.with_borrow(|taken| taken.iter().filter(its).map(|[_, from, to]| (*from, *to)).collect())
    }

    /// They are all that there are.
    #[track_caller]
    pub(crate) fn assert_all<L: Lifecycle>() {
        let listed: BTreeSet<_> = L::WAYS.iter().map(|(from, _, to)| (*from, *to)).collect();
        assert_eq!(listed, ways::<L>(), "the ways that are listed (left), and those that were taken (right)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Door {
        Open,
        Shut,
        Broken,
    }

    impl Lifecycle for Door {
        const WAYS: &'static [Way] = &[("Open", "a push", "Shut"), ("Shut", "an axe", "Broken")];

        fn name(&self) -> &'static str {
            match self {
                Door::Open => "Open",
                Door::Shut => "Shut",
                Door::Broken => "Broken",
            }
        }
    }

    #[test]
    fn a_way_is_taken_and_to_stay_is_none() {
        let mut door = Door::Open;
        assert_eq!(
            [door.enter(Door::Open), door.enter(Door::Shut), door.enter(Door::Broken)],
            [Door::Open, Door::Open, Door::Shut]
        );
        taken::assert_all::<Door>();
    }

    #[test]
    #[should_panic(expected = "there is no way from Broken to Open")]
    #[cfg(debug_assertions)]
    fn no_other_is_taken() {
        Door::Broken.enter(Door::Open);
    }

    #[test]
    #[should_panic(expected = "the ways that are listed")]
    fn one_that_nobody_takes_is_found() {
        Door::Open.enter(Door::Shut);
        taken::assert_all::<Door>();
    }
}
