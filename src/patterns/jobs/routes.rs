//! What a request wants of the board.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::note::JobId;
use super::preconditions::Preconditions;
use super::{MOST_STEPS, STEPS, TEXT_OCTETS};
use crate::http1::{Framing, Head};
use crate::patterns::decimal::decimal;
use crate::patterns::long_polling::LONGEST_WAIT;
use crate::patterns::origin::{FOREIGN, is_same_origin};

pub(super) enum Wanted {
    /// Its body is the text.
    Submit {
        of: u32,
    },
    Look(Look),
    Cancel {
        job: JobId,
        preconditions: Preconditions,
    },
}

/// How it stands with a job.
pub(super) struct Look {
    pub(super) job: JobId,
    pub(super) preconditions: Preconditions,
    /// How long to wait if nothing is new.
    pub(super) wait: Option<Duration>,
}

/// Why it is not asked.
pub(super) enum Refusal {
    /// 400: in one line.
    Bad(String),
    /// 403: a page of another server asks.
    Foreign,
    /// 404
    NotFound(&'static str),
    /// 405: what is allowed.
    Method(&'static str),
    /// 413
    TooLong,
    /// 503
    NoRoom,
}

const NO_ROUTE: &str =
    "there are POST /submit, GET /jobs/ID, DELETE /jobs/ID and GET /checkstatus?jobId=ID here, and nothing else";

pub(super) const NO_JOB: &str = "there is no such job, or it was done or cancelled so long ago that it is forgotten";

pub(super) fn read(head: &Head<'_>) -> Result<Wanted, Refusal> {
    match (head.path(), head.method()) {
        (_, b"POST" | b"DELETE") if !is_same_origin(head) => Err(Refusal::Foreign),
        (b"/submit", b"POST") => submit(head),
        (b"/submit", _) => Err(Refusal::Method("POST")),
        (b"/checkstatus", b"GET" | b"HEAD") => checkstatus(head),
        (b"/checkstatus", _) => Err(Refusal::Method("GET, HEAD")),
        (path, method) => {
            let digits = path.strip_prefix(b"/jobs/").ok_or(Refusal::NotFound(NO_ROUTE))?;
            let job = || JobId::read(digits).ok_or(Refusal::NotFound(NO_JOB));
            let preconditions = || Preconditions::read(head);
            match method {
                b"GET" | b"HEAD" => Ok(Wanted::Look(Look { job: job()?, preconditions: preconditions()?, wait: None })),
                b"DELETE" => Ok(Wanted::Cancel { job: job()?, preconditions: preconditions()? }),
                _ => Err(Refusal::Method("GET, HEAD, DELETE")),
            }
        }
    }
}

fn submit(head: &Head<'_>) -> Result<Wanted, Refusal> {
    if matches!(head.framing(), Framing::Length(octets) if octets > TEXT_OCTETS as u64) {
        return Err(Refusal::TooLong);
    }
    let steps = number(head, "steps", "how many steps to take", 1..=u64::from(MOST_STEPS))?;
    Ok(Wanted::Submit { of: steps.map_or(STEPS, |steps| steps as u32) })
}

fn checkstatus(head: &Head<'_>) -> Result<Wanted, Refusal> {
    let Some(digits) = head.parameter("jobId") else {
        return Err(Refusal::Bad("jobId is missing: ask GET /checkstatus?jobId=ID".into()));
    };
    let longest = LONGEST_WAIT.as_millis() as u64;
    let wait = number(head, "wait", "how many milliseconds to wait", 0..=longest)?;
    let after = number(head, "after", "the version last seen", 0..=u64::MAX)?;
    let job = JobId::read(digits.as_bytes()).ok_or(Refusal::NotFound(NO_JOB))?;
    let preconditions = Preconditions::read(head)?.with_after(after);
    let wait = wait.filter(|&millis| millis > 0).map(Duration::from_millis);
    Ok(Wanted::Look(Look { job, preconditions, wait }))
}

fn number(head: &Head<'_>, name: &str, what: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
    let Some(digits) = head.parameter(name) else { return Ok(None) };
    match decimal(&digits) {
        Some(number) if range.contains(&number) => Ok(Some(number)),
        _ => {
            let (from, to) = range.into_inner();
            Err(Refusal::Bad(format!("{name} is {what}: a whole number from {from} to {to}")))
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Bad(why) => f.write_str(why),
            Refusal::Foreign => f.write_str(FOREIGN),
            Refusal::NotFound(why) => f.write_str(why),
            Refusal::Method(allowed) => write!(f, "the methods here are {allowed}"),
            Refusal::TooLong => write!(f, "a text has at most {TEXT_OCTETS} octets"),
            Refusal::NoRoom => f.write_str("as many texts are under way as there is memory for: try again later"),
        }
    }
}
