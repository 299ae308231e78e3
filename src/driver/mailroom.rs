//! The mail of one loop: who lives here, what is on its way, and what comes from the other loops.

use std::collections::{HashMap, VecDeque};

use super::post::Post;
use super::slots::Key;
use crate::connection::Connection;
use crate::context::{Birth, Letter, Mail, Why};
use crate::identity::ConnectionId;
use crate::protocol::{MessageOf, Protocol, Service};
use crate::time::Now;

/// Sorts letters. Those between two of the same loop never leave it.
///
/// A turn of the loop brings those into the world that are to be, and then delivers, as many of both as there are at its start:
/// what follows from them is for the next turn, and nobody is kept waiting by two who talk to each other. A letter to one who is
/// yet to be finds it, because the birth was asked for before.
pub(crate) struct Mailroom<'a, M> {
    shard: usize,
    post: &'a Post<M>,
    residents: HashMap<ConnectionId, Key>,
    births: VecDeque<Birth<M>>,
    letters: VecDeque<Letter<M>>,
}

impl<'a, M> Mailroom<'a, M> {
    pub(crate) fn new(shard: usize, post: &'a Post<M>) -> Self {
        Mailroom { shard, post, residents: HashMap::new(), births: VecDeque::new(), letters: VecDeque::new() }
    }

    /// Somebody lives here now.
    pub(crate) fn move_in(&mut self, id: ConnectionId, key: Key) {
        self.residents.insert(id, key);
    }

    /// And does not any more: what comes for it goes back.
    pub(crate) fn move_out(&mut self, id: ConnectionId) {
        self.residents.remove(&id);
    }

    /// Takes all mail of one who lives here.
    pub(crate) fn take_from<P: Protocol<Message = M>>(&mut self, connection: &mut Connection<P>) {
        if connection.has_mail() {
            let Mail { births, letters } = connection.take_mail();
            self.expect(births);
            self.post(letters);
        }
    }

    /// Somebody is to be born.
    pub(crate) fn expect(&mut self, births: impl IntoIterator<Item = Birth<M>>) {
        self.births.extend(births);
    }

    /// Takes letters.
    pub(crate) fn post(&mut self, letters: impl IntoIterator<Item = Letter<M>>) {
        for letter in letters {
            if letter.to.shard() == self.shard {
                self.letters.push_back(letter);
            } else if let Err(Some(returned)) = self.post.send(letter) {
                self.letters.push_back(returned);
            }
        }
    }

    /// Fetches what has come from the other loops.
    pub(crate) fn collect(&mut self) {
        self.letters.append(&mut self.post.take(self.shard));
    }

    /// How many there are to bring into the world, and how many letters to deliver.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.births.len(), self.letters.len())
    }

    /// Whether there are any to bring into the world.
    pub(crate) fn has_births(&self) -> bool {
        !self.births.is_empty()
    }

    /// The next one to bring into the world.
    pub(crate) fn next_birth(&mut self) -> Option<Birth<M>> {
        self.births.pop_front()
    }

    /// The next letter, if it is for somebody who lives here; else it is on its way back.
    pub(crate) fn next(&mut self) -> Option<(Key, Letter<M>)> {
        let letter = self.letters.pop_front()?;
        match self.residents.get(&letter.to) {
            Some(&key) => Some((key, letter)),
            None => {
                self.post(letter.returned(Why::Gone));
                None
            }
        }
    }
}

/// However a loop ends, nobody waits for an answer from it.
impl<M> Drop for Mailroom<'_, M> {
    fn drop(&mut self) {
        self.post.close(self.shard);
        self.residents.clear();
        while let Some(Birth { parent, id, seed, .. }) = self.births.pop_front() {
            self.letters.push_back(Birth::failed(id, parent, seed, Why::Gone));
        }
        while !self.letters.is_empty() {
            self.next();
        }
    }
}

/// Makes the protocol of a birth, if there is room for one; else the seed goes back to the parent.
pub(crate) fn grow<S: Service>(
    service: &S,
    birth: Birth<MessageOf<S>>,
    has_room: bool,
    now: Now,
) -> Result<S::Protocol, Letter<MessageOf<S>>> {
    let Birth { parent, id, seed, .. } = birth;
    if !has_room {
        return Err(Birth::failed(id, parent, seed, Why::Full));
    }
    let grown = service.grow(seed, now).map_err(|seed| Birth::failed(id, parent, seed, Why::Gone));
    assert!(grown.is_ok() || id != ConnectionId::FOUNDER, "a service made nothing of its own founder's seed");
    grown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::slots::Slots;
    use crate::identity::Common;
    use crate::limits::ServeLimits;

    #[test]
    fn letters_find_those_who_are_here_and_come_back_from_those_who_are_not() {
        let (here, there) = (Common::new(0, ServeLimits::default(), 0), Common::new(1, ServeLimits::default(), 0));
        let post = Post::new(2);
        let mut slots = Slots::new();
        let (mut room, mut other) = (Mailroom::new(0, &post), Mailroom::new(1, &post));
        let (one, stranger, far) = (here.name(), here.name(), there.name());
        let key = slots.insert(());
        room.move_in(one, key);
        let letter = |to| Letter { from: one, to, message: (), returned: None };
        room.post([letter(one), letter(stranger), letter(far)]);

        assert_eq!(room.waiting().1, 2, "the third is with the other loop");
        assert!(matches!(room.next(), Some((to, Letter { returned: None, .. })) if to == key));
        assert!(room.next().is_none());
        assert!(matches!(room.next(), Some((to, Letter { returned: Some(Why::Gone), .. })) if to == key));

        other.collect();
        assert!(other.next().is_none(), "nobody of that name lives there");
        room.collect();
        assert!(matches!(room.next(), Some((_, Letter { returned: Some(Why::Gone), from, .. })) if from == far));
        drop(other);
        room.post([letter(far)]);
        assert!(matches!(room.next(), Some((_, Letter { returned: Some(Why::Gone), .. }))), "that loop has ended");
        room.move_out(one);
        room.post([letter(one)]);
        assert!(room.next().is_none() && room.next().is_none() && room.waiting() == (0, 0), "a letter goes back once at most");
    }
}
