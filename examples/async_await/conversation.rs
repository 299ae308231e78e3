//! The conversation, as an `async fn`: two callers are introduced, and then each hears what the other says.

use std::sync::{Arc, Mutex, PoisonError};

use super::channel::{Receiver, Sender, channel};
use super::combine::{Either, select, timeout};
use super::io::Peer;
use super::manners::Patience;

// ANCHOR: conversation
pub async fn conversation(peer: Peer, hall: Arc<Hall>) {
    peer.say("Your name?\n");
    let Some(answer) = timeout(&peer, hall.patience.name, peer.line()).await else { return peer.say("Too slow.\n") };
    let Some(name) = answer else { return };
    let partner = match hall.meet(&name) {
        Ok(partner) => Some(partner),
        Err(mut introductions) => {
            peer.say("Wait.\n");
            let partner = select(introductions.receive(), peer.hung_up());
            match timeout(&peer, hall.patience.partner, partner).await {
                Some(Either::Left(partner)) => partner,
                Some(Either::Right(())) => None,
                None => return peer.say("Nobody came.\n"),
            }
        }
    };
    let Some(mut partner) = partner else { return };
    peer.say(&format!("Meet {}.\n", partner.name));
    loop {
        match select(peer.line(), partner.words.receive()).await {
            Either::Left(Some(line)) => drop(partner.ear.send(format!("{name}: {line}\n"))),
            Either::Left(None) => return,
            Either::Right(Some(words)) => peer.say(&words),
            Either::Right(None) => return peer.say(&format!("{} has left.\n", partner.name)),
        }
    }
}
// ANCHOR_END: conversation

/// Where callers wait for each other: one at most.
pub struct Hall {
    patience: Patience,
    waiting: Mutex<Option<Waiting>>,
}

struct Waiting {
    name: String,
    introduce: Sender<Partner>,
}

/// Who is at the other end.
pub struct Partner {
    name: String,
    words: Receiver<String>,
    ear: Sender<String>,
}

impl Hall {
    pub fn new(patience: Patience) -> Arc<Hall> {
        Arc::new(Hall { patience, waiting: Mutex::new(None) })
    }

    /// The one who waits, or where the next one will be introduced. Who has gone does not take an introduction: its future was
    /// dropped, and the receiver with it.
    fn meet(&self, name: &str) -> Result<Partner, Receiver<Partner>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(first) = waiting.take() {
            let (to_first, its_words) = channel();
            let (to_me, my_words) = channel();
            let me = Partner { name: name.to_owned(), words: its_words, ear: to_me };
            if first.introduce.send(me).is_ok() {
                return Ok(Partner { name: first.name, words: my_words, ear: to_first });
            }
        }
        let (introduce, introductions) = channel();
        *waiting = Some(Waiting { name: name.to_owned(), introduce });
        Err(introductions)
    }
}
