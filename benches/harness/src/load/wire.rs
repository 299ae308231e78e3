//! One connection with its conversation, for loads whose connections do not all ask the same, or not for long.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use mio::Registry;
use mio::event::Event;

use super::answer::Answers;
use super::connect::Sources;
use super::conversation::{Conversation, Script};
use super::line::{Line, Manner};

pub(super) struct Wire {
    line: Line,
    conversation: Conversation,
    asked: Instant,
}

impl Wire {
    pub(super) fn connect(
        to: SocketAddr,
        sources: &mut Sources,
        registry: &Registry,
        token: usize,
        answers: &Answers,
    ) -> io::Result<Wire> {
        let line = Line::connect(to, sources, registry, token, Manner::AtOnce)?;
        Ok(Wire { line, conversation: Conversation::new(answers), asked: Instant::now() })
    }

    /// Asks once.
    pub(super) fn ask(&mut self, script: &Script, now: Instant) -> io::Result<()> {
        self.asked = now;
        self.conversation.ask(now, 1);
        self.line.say(script, 1)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.conversation.due() == 0
    }

    /// When the last request was asked.
    pub(super) fn asked(&self) -> Instant {
        self.asked
    }

    /// Whether the server has hung up.
    pub(super) fn peer_finished(&self) -> bool {
        self.line.peer_finished()
    }

    /// Goes on with the request and its answer; says whether this was completed.
    pub(super) fn ready(
        &mut self,
        event: &Event,
        script: &Script,
        answers: &mut Answers,
        buffer: &mut [u8],
    ) -> io::Result<bool> {
        let mut completed = false;
        let conversation = &mut self.conversation;
        self.line.ready(event, script, buffer, |octets| {
            conversation.hear(octets, answers, |_| completed = true)?;
            Ok(false)
        })?;
        if self.line.peer_finished() {
            self.conversation.hung_up()?;
        }
        Ok(completed)
    }
}
