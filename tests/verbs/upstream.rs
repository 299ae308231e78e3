//! A connection of the server's own: what is said there is told to the one that asked for it, line by line.

use std::io;

use iolab::{ConnectionId, Event, Interest, Peer, Time};

use super::{Cx, Message, Up};

pub struct Upstream {
    owner: ConnectionId,
    /// When the attempt to connect is given up; `None` once it is there.
    limit: Option<Time>,
    line: Vec<u8>,
    has_finished: bool,
    peer_has_finished: bool,
    is_over: bool,
}

impl Upstream {
    pub fn new(owner: ConnectionId, limit: Time) -> Upstream {
        let (has_finished, peer_has_finished, is_over) = (false, false, false);
        Upstream { owner, limit: Some(limit), line: Vec::new(), has_finished, peer_has_finished, is_over }
    }

    pub fn interest(&self) -> Option<Interest> {
        let is_over = self.is_over || self.has_finished && self.peer_has_finished;
        let interest = Interest { peer: Peer::Bytes, messages: true, room: false, deadline: self.limit };
        (!is_over).then_some(interest)
    }

    pub fn receive(&mut self, input: &[u8], cx: &mut Cx<'_>) -> usize {
        for &octet in input {
            if octet == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.tell(format!("upstream says: {}", line.escape_ascii()), cx);
            } else {
                self.line.push(octet);
            }
        }
        input.len()
    }

    pub fn event(&mut self, event: Event<Message>, cx: &mut Cx<'_>) {
        match event {
            Event::Begun(Ok(())) => {
                self.limit = None;
                self.tell("connected".into(), cx);
            }
            Event::Begun(Err(error)) => self.give_up(error.kind(), cx),
            Event::Deadline => self.give_up(io::ErrorKind::TimedOut, cx),
            Event::PeerFinished => {
                self.peer_has_finished = true;
                self.tell("upstream finished".into(), cx);
            }
            Event::Message(_, Message::Up(Up::Say(line))) => cx.write(line.as_bytes()),
            Event::Message(_, Message::Up(Up::Finish)) => {
                self.has_finished = true;
                cx.finish();
            }
            // Nobody is left to speak for.
            Event::Message(_, Message::Up(Up::Abort)) | Event::Returned(..) => cx.abort(),
            Event::Closed(close) if self.limit.is_none() => self.tell(format!("upstream closed: {close:?}"), cx),
            _ => {}
        }
    }

    fn give_up(&mut self, kind: io::ErrorKind, cx: &mut Cx<'_>) {
        self.is_over = true;
        self.tell(format!("cannot connect: {kind:?}"), cx);
    }

    fn tell(&self, text: String, cx: &mut Cx<'_>) {
        cx.message(self.owner, Message::Print(text));
    }
}
