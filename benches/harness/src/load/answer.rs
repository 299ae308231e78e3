//! Is it the right answer, to the octet? And cheaply enough that the asking does not become the bottleneck.
//!
//! The first answer is parsed (by httparse) and checked. Kept as it came, it is the model for the next ones: while they are the
//! same, octet by octet, a comparison of memory is all the checking there is. An answer that differs is parsed and checked
//! again, and becomes the model if it is right: the `Date` field makes that happen once a second.

use std::io;
use std::rc::Rc;

/// The answers to one question, on all connections.
pub(super) struct Answers {
    body: Vec<u8>,
    model: Rc<[u8]>,
}

/// How far one connection has come with its present answer.
pub(super) struct Progress {
    /// What it is compared with.
    model: Rc<[u8]>,
    /// So many octets have come and were the same.
    same: usize,
    /// All octets of an answer that is not the same.
    different: Vec<u8>,
}

impl Answers {
    pub(super) fn new(body: Vec<u8>) -> Answers {
        Answers { body, model: Rc::new([]) }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress { model: Rc::clone(&self.model), same: 0, different: Vec::new() }
    }

    /// Takes octets up to the end of one answer; says how many, and whether that end was reached.
    pub(super) fn take(&mut self, progress: &mut Progress, octets: &[u8]) -> io::Result<(usize, bool)> {
        if progress.different.is_empty() {
            if progress.same == 0 && !Rc::ptr_eq(&progress.model, &self.model) {
                progress.model = Rc::clone(&self.model);
            }
            let rest = &progress.model[progress.same..];
            let count = rest.len().min(octets.len());
            if count > 0 && rest[..count] == octets[..count] {
                progress.same += count;
                let whole = progress.same == progress.model.len();
                if whole {
                    progress.same = 0;
                }
                return Ok((count, whole));
            }
            progress.different.extend_from_slice(&progress.model[..progress.same]);
            progress.same = 0;
        }
        let before = progress.different.len();
        progress.different.extend_from_slice(octets);
        let Some(length) = self.check(&progress.different)? else { return Ok((octets.len(), false)) };
        self.model = progress.different[..length].into();
        progress.different.clear();
        Ok((length - before, true))
    }

    /// The length of the answer at the front of `octets`, if it is all there and right.
    fn check(&self, octets: &[u8]) -> io::Result<Option<usize>> {
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut fields);
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let status = head.parse(octets).map_err(|error| wrong(format!("the answer's head is malformed: {error}")))?;
        let httparse::Status::Complete(head_length) = status else { return Ok(None) };
        if head.code != Some(200) {
            let code = head.code.unwrap_or(0);
            return Err(wrong(format!("answered {code} {}, not 200", head.reason.unwrap_or(""))));
        }
        let mut lengths = head.headers.iter().filter(|field| field.name.eq_ignore_ascii_case("Content-Length"));
        let length = lengths.next().and_then(|field| std::str::from_utf8(field.value).ok()?.parse::<usize>().ok());
        if length != Some(self.body.len()) || lengths.next().is_some() {
            return Err(wrong(format!("the answer has Content-Length {length:?}, not {}", self.body.len())));
        }
        let Some(body) = octets.get(head_length..head_length + self.body.len()) else { return Ok(None) };
        if body != self.body {
            let at = body.iter().zip(&self.body).position(|(is, due)| is != due).unwrap_or(0);
            return Err(wrong(format!("octet {at} of the answer's body is {:#04x}, not {:#04x}", body[at], self.body[at])));
        }
        Ok(Some(head_length + self.body.len()))
    }
}
