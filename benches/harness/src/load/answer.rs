//! Is it the right answer, to the octet? And cheaply enough that the asking does not become the bottleneck.
//!
//! The first answer is parsed (by httparse) and checked. Kept as it came, it is the model for the next ones: while they are the
//! same, octet by octet, a comparison of memory is all the checking there is. An answer that differs is parsed and checked
//! again, and becomes the model if it is right: the `Date` field makes that happen once a second.

use std::io;
use std::rc::Rc;

use super::parsed::Parsed;

/// What is right.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Status 200 and this body, by `Content-Length`, whatever the other fields are.
    Body(Vec<u8>),
    /// Whatever came first with this status: each later one is to be the same, status, fields and body.
    LikeTheFirst(LikeTheFirst),
}

/// What need not be like the first.
#[derive(Clone, Debug)]
pub struct LikeTheFirst {
    pub status: u16,
    /// The method was HEAD: no body follows, whatever the fields say.
    pub has_no_body: bool,
    /// Names of fields that may differ, beside `Date` and those about the connection itself.
    pub may_vary: Vec<String>,
}

/// The answer from which the others were learned.
#[derive(Clone, Debug)]
pub struct Learned {
    pub status: u16,
    pub reason: String,
    /// Octets of its body.
    pub body: usize,
    /// Octets of all of it.
    pub octets: usize,
}

/// The answers to one question, on all connections.
pub(super) struct Answers {
    expected: Expected,
    first: Option<Parsed>,
    model: Rc<Model>,
}

/// A right answer as it came.
struct Model {
    octets: Box<[u8]>,
    closes: bool,
}

/// How far one connection has come with its present answer.
pub(super) struct Progress {
    /// What it is compared with.
    model: Rc<Model>,
    /// So many octets have come and were the same.
    same: usize,
    /// All octets of an answer that is not the same.
    different: Vec<u8>,
}

/// What came of some octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Part,
    Whole {
        /// The server says that it will close the connection.
        closes: bool,
    },
}

impl Answers {
    pub(super) fn new(expected: Expected) -> Answers {
        Answers { expected, first: None, model: Rc::new(Model { octets: Box::new([]), closes: false }) }
    }

    pub(super) fn progress(&self) -> Progress {
        Progress { model: Rc::clone(&self.model), same: 0, different: Vec::new() }
    }

    /// The first answer, once it has come.
    pub(super) fn learned(&self) -> Option<Learned> {
        let first = self.first.as_ref()?;
        let reason = first.reason.clone();
        Some(Learned { status: first.status, reason, body: first.body.len(), octets: first.length })
    }

    /// Takes octets up to the end of one answer; says how many, and whether that end was reached.
    #[inline]
    pub(super) fn take(&mut self, progress: &mut Progress, octets: &[u8]) -> io::Result<(usize, Taken)> {
        if progress.different.is_empty() {
            if progress.same == 0 && !Rc::ptr_eq(&progress.model, &self.model) {
                progress.model = Rc::clone(&self.model);
            }
            let rest = &progress.model.octets[progress.same..];
            let count = rest.len().min(octets.len());
            if count > 0 && rest[..count] == octets[..count] {
                progress.same += count;
                if progress.same < progress.model.octets.len() {
                    return Ok((count, Taken::Part));
                }
                progress.same = 0;
                return Ok((count, Taken::Whole { closes: progress.model.closes }));
            }
        }
        self.take_different(progress, octets)
    }

    #[cold]
    fn take_different(&mut self, progress: &mut Progress, octets: &[u8]) -> io::Result<(usize, Taken)> {
        if progress.different.is_empty() {
            progress.different.extend_from_slice(&progress.model.octets[..progress.same]);
            progress.same = 0;
        }
        let before = progress.different.len();
        progress.different.extend_from_slice(octets);
        let Some(answer) = Parsed::parse(&progress.different, self.has_no_body())? else {
            return Ok((octets.len(), Taken::Part));
        };
        let (length, closes) = (answer.length, answer.closes);
        self.check(answer)?;
        self.model = Rc::new(Model { octets: progress.different[..length].into(), closes });
        progress.different.clear();
        Ok((length - before, Taken::Whole { closes }))
    }

    fn has_no_body(&self) -> bool {
        matches!(&self.expected, Expected::LikeTheFirst(LikeTheFirst { has_no_body: true, .. }))
    }

    fn check(&mut self, answer: Parsed) -> io::Result<()> {
        let wrong = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        let (status, body) = match (&self.expected, &self.first) {
            (Expected::Body(body), _) => (200, Some(body)),
            (Expected::LikeTheFirst(like), None) => (like.status, None),
            (Expected::LikeTheFirst(like), Some(first)) => (like.status, Some(&first.body)),
        };
        if answer.status != status {
            let Parsed { status: code, reason, .. } = answer;
            return wrong(format!("answered {code} {reason}, not {status}"));
        }
        if let (Expected::LikeTheFirst(like), Some(first)) = (&self.expected, &self.first)
            && let Some(difference) = answer.other_fields_than(first, &like.may_vary)
        {
            return wrong(difference);
        }
        if let Some(body) = body
            && answer.body != *body
        {
            let is = &answer.body;
            return wrong(match is.iter().zip(body).position(|(is, due)| is != due) {
                _ if is.len() != body.len() => format!("the answer's body has {} octets, not {}", is.len(), body.len()),
                None => "the answer's body differs".into(),
                Some(at) => format!("octet {at} of the answer's body is {:#04x}, not {:#04x}", is[at], body[at]),
            });
        }
        self.first.get_or_insert(answer);
        Ok(())
    }
}
