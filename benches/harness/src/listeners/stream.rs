//! The ear of a listener to one answer that does not end: server-sent events, or a line for each event.

use std::io;
use std::mem;

use super::answer::{take_chunks, take_head, unexpected};
use super::event::{Event, shown, wrong};

pub(super) struct Stream {
    form: Form,
    is_open: bool,
    /// What has come without the framing of chunks, from the last line's end on.
    text: Vec<u8>,
    /// Fields of a server-sent event that is not whole yet.
    id: String,
    data: Vec<u8>,
    kind: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `text/event-stream` (WHATWG HTML, section 9.2.6).
    ServerSent,
    /// `application/x-ndjson`: an empty line is a heartbeat.
    Lines,
}

impl Stream {
    pub(super) fn new(form: Form) -> Stream {
        let (text, id, data, kind) = (Vec::new(), String::new(), Vec::new(), String::new());
        Stream { form, is_open: false, text, id, data, kind }
    }

    pub(super) fn is_following(&self) -> bool {
        self.is_open
    }

    pub(super) fn ask(&self, cursor: &str, say: &mut Vec<u8>) {
        let path = if self.form == Form::ServerSent { "/stream" } else { "/lines" };
        say.extend_from_slice(format!("GET {path}?after={cursor} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    }

    pub(super) fn hear(&mut self, heard: &mut Vec<u8>, event: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        if !self.is_open {
            let Some(head) = take_head(heard)? else { return Ok(()) };
            let form = if self.form == Form::ServerSent { "text/event-stream" } else { "application/x-ndjson" };
            if head.status != 200 {
                return Err(unexpected("a stream", head.status, heard));
            }
            if !head.content_type.starts_with(form) || !head.is_chunked() {
                return Err(wrong(format!("a stream should be {form} in chunks, and is {:?}", head.content_type)));
            }
            self.is_open = true;
        }
        let ended = take_chunks(heard, &mut self.text)?;
        let text = mem::take(&mut self.text);
        let mut rest = &text[..];
        while let Some(end) = rest.iter().position(|&octet| octet == b'\n') {
            self.line(&rest[..end], event)?;
            rest = &rest[end + 1..];
        }
        // Mostly nothing is left, and the buffer is kept.
        let rest_begins = text.len() - rest.len();
        self.text = text;
        self.text.drain(..rest_begins);
        if ended { Err(wrong("the server has ended the stream".into())) } else { Ok(()) }
    }

    fn line(&mut self, line: &[u8], event: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        match self.form {
            Form::Lines if line.is_empty() => Ok(()),
            Form::Lines if line.starts_with(b"{\"resync\"") => Err(resync()),
            Form::Lines => event(line),
            Form::ServerSent if line.is_empty() => self.dispatch(event),
            Form::ServerSent => self.field(line),
        }
    }

    fn field(&mut self, line: &[u8]) -> io::Result<()> {
        let colon = line.iter().position(|&octet| octet == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"" | b"retry" => {}
            b"id" => self.id = String::from_utf8_lossy(value).into_owned(),
            b"event" => self.kind = String::from_utf8_lossy(value).into_owned(),
            b"data" => self.data.extend_from_slice(value),
            _ => return Err(wrong(format!("a line of the stream is {}", shown(line)))),
        }
        Ok(())
    }

    /// An event without data is none.
    fn dispatch(&mut self, event: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        if self.data.is_empty() {
            self.kind.clear();
            return Ok(());
        }
        match self.kind.as_str() {
            "" | "message" => {}
            "resync" => return Err(resync()),
            kind => return Err(wrong(format!("an event of the stream is called {kind:?}"))),
        }
        let data = mem::take(&mut self.data);
        let within = Event::parse(&data)?.id;
        if within != self.id {
            return Err(wrong(format!("an event has the id {within:?}, and its field says {:?}", self.id)));
        }
        event(&data)?;
        self.data = data;
        self.data.clear();
        Ok(())
    }
}

fn resync() -> io::Error {
    wrong("the server has forgotten events before the listener heard them (resync)".into())
}
