//! Who parses, and how much of it: finding the lines, the same and judging what they mean, the same and reading every field.

use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::time::{Duration, Instant};

use iolab::http1::scanner::{Form, Scanner};
use iolab::http1::{HeadIndex, HeadParser, HttpLimits, TargetForm, Version, judge};

/// What is done with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The request line and all field lines are found and checked.
    Lines,
    /// That, and Host, Content-Length, Transfer-Encoding, Connection and Expect are judged: by one and the same function.
    Framing,
    /// The lines, and name and value of every field are looked at.
    Reading,
}

impl Work {
    pub const ALL: [Work; 3] = [Work::Lines, Work::Framing, Work::Reading];

    pub fn name(self) -> &'static str {
        match self {
            Work::Lines => "lines",
            Work::Framing => "lines, framing",
            Work::Reading => "lines, all fields read",
        }
    }
}

/// Parses requests off an input until it is empty, so many times, and says how long that took.
pub type Contender = Box<dyn FnMut(&[u8], usize) -> Duration>;

/// The fields that fit into httparse's array.
const FIELDS: usize = 64;

/// httparse 1.10, with headers that are not initialised: its fastest use. `usual`: as its documentation shows it.
pub fn httparse(work: Work, usual: bool) -> Contender {
    match (work, usual) {
        (_, true) => timed(httparse_usual),
        (Work::Lines, _) => timed(|input| httparse_uninit(input, |_| ())),
        (Work::Framing, _) => {
            let limits = HttpLimits::default();
            timed(move |input| httparse_uninit(input, |request| judge_theirs(request, input, &limits)))
        }
        (Work::Reading, _) => timed(|input| {
            httparse_uninit(input, |request| {
                read(request.headers.iter().map(|header| (header.name.as_bytes(), header.value)));
            })
        }),
    }
}

/// Ours, with one form of the scanner; `None` if this processor cannot run it.
pub fn ours(form: Form, work: Work) -> Option<Contender> {
    let scanner = Scanner::new(form)?;
    let limits = HttpLimits::default();
    let mut index = HeadIndex::with_scanner(scanner);
    let mut parser = HeadParser::with_scanner(scanner);
    Some(match work {
        Work::Lines => timed(move |input| {
            index.reset();
            whole(index.parse(input, &limits))
        }),
        Work::Framing => timed(move |input| {
            parser.reset();
            let end = whole(parser.parse(input, &limits));
            black_box(parser.head(input).framing());
            end
        }),
        Work::Reading => timed(move |input| {
            index.reset();
            let end = whole(index.parse(input, &limits));
            read(index.fields(input));
            end
        }),
    })
}

fn whole<E: std::fmt::Debug>(end: Result<Option<usize>, E>) -> usize {
    end.expect("a valid head").expect("a whole head")
}

fn timed(mut one: impl FnMut(&[u8]) -> usize + 'static) -> Contender {
    Box::new(move |input, times| {
        let start = Instant::now();
        for _ in 0..times {
            let mut input = black_box(input);
            while !input.is_empty() {
                input = &input[one(input)..];
            }
        }
        start.elapsed()
    })
}

fn httparse_usual(input: &[u8]) -> usize {
    let mut headers = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(input).expect("a valid head");
    black_box(&request);
    status.unwrap()
}

#[inline(always)]
fn httparse_uninit<'h>(input: &'h [u8], and_then: impl FnOnce(&httparse::Request<'_, 'h>)) -> usize {
    let mut headers = [const { MaybeUninit::uninit() }; FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let status = request.parse_with_uninit_headers(input, &mut headers).expect("a valid head");
    black_box(&request);
    and_then(&request);
    status.unwrap()
}

/// The function that [`HeadParser`] ends with, over the lines that httparse found.
#[inline(always)]
fn judge_theirs(request: &httparse::Request<'_, '_>, input: &[u8], limits: &HttpLimits) {
    let span = |octets: &[u8]| -> Range<usize> {
        let start = octets.as_ptr().addr() - input.as_ptr().addr();
        start..start + octets.len()
    };
    let spans = request.headers.iter().map(|header| (span(header.name.as_bytes()), span(header.value)));
    let version = if request.version == Some(1) { Version::Http11 } else { Version::Http10 };
    let facts = judge(input, spans, input.len(), version, TargetForm::Origin, limits).expect("a valid head");
    black_box(facts.framing);
}

/// Looks at the first octet of each name and value.
#[inline(always)]
fn read<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
    let mut sum = 0;
    for (name, value) in fields {
        sum += name.len() + usize::from(name[0]) + value.len() + usize::from(value.first().copied().unwrap_or(0));
    }
    black_box(sum);
}
