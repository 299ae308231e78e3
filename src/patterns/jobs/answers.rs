//! How replies and refusals are said in HTTP.

use std::time::Duration;

use super::note::{Reply, State, View};
use super::preconditions::tag;
use super::routes::{NO_JOB, Refusal};
use crate::http1::Exchange;

type Ours<'a, 'cx> = Exchange<'a, 'cx, super::note::Note>;

pub(super) fn answer(reply: Reply, exchange: &mut Ours<'_, '_>) {
    match reply {
        Reply::Submitted(view) => {
            let location = format!("/jobs/{}", view.id);
            exchange.answer_whole(202, &[JSON, UNKEPT, ("Location", &location)], json(&view).as_bytes());
        }
        Reply::Is(view) => job(200, &view, json(&view).as_bytes(), exchange),
        Reply::NotModified(view) => job(304, &view, b"", exchange),
        Reply::NoNews(view) => job(204, &view, b"", exchange),
        Reply::PreconditionFailed(View { id, version, .. }) => {
            line(412, &[], &format!("job {id} is at version {version}, which is not the one asked for"), exchange);
        }
        Reply::Cancelled(view) => job(200, &view, json(&view).as_bytes(), exchange),
        Reply::IsDone(id) => line(409, &[], &format!("job {id} is done: there is nothing to cancel"), exchange),
        Reply::Unknown => line(404, &[], NO_JOB, exchange),
        Reply::QueueFull(left) => {
            line(503, &[("Retry-After", &retry_after(left))], "as many jobs wait as may: try again later", exchange);
        }
        Reply::Stopping => line(503, &[SOON], "the server is stopping", exchange),
        Reply::Busy => line(503, &[SOON], "the server is too busy to be asked: try again later", exchange),
    }
}

/// `is_read`: there is no more to come of the request. If there is, nobody wants it, and the connection ends.
pub(super) fn refuse(refusal: &Refusal, is_read: bool, exchange: &mut Ours<'_, '_>) {
    if !is_read {
        exchange.close_after();
    }
    let why = refusal.to_string();
    match refusal {
        Refusal::Bad(_) => line(400, &[], &why, exchange),
        Refusal::Foreign => line(403, &[], &why, exchange),
        Refusal::NotFound(_) => line(404, &[], &why, exchange),
        Refusal::Method(allowed) => line(405, &[("Allow", allowed)], &why, exchange),
        Refusal::TooLong => line(413, &[], &why, exchange),
        Refusal::NoRoom => line(503, &[SOON], &why, exchange),
    }
}

const SOON: (&str, &str) = ("Retry-After", "1");

const JSON: (&str, &str) = ("Content-Type", "application/json");

// Without a word about it, whoever is on the way may keep an answer of 200, 204, 404 or 405, and give it to the next one who asks,
// for as long as it thinks fit (RFC 9110 section 15.1, RFC 9111 section 4.2.2).

/// Kept, but asked about each time: the entity tag makes that cheap.
const ASKED: (&str, &str) = ("Cache-Control", "no-cache");

/// Not kept at all.
const UNKEPT: (&str, &str) = ("Cache-Control", "no-store");

/// A job, or that it is as it was seen: the fields are the same (RFC 9110 section 15.4.5), but for that of a body.
fn job(status: u16, view: &View, body: &[u8], exchange: &mut Ours<'_, '_>) {
    let (tag, seconds) = (tag(view.version), retry_after(view.left));
    let cache = if status == 204 { UNKEPT } else { ASKED };
    let fields = [JSON, cache, ("ETag", &tag), ("Retry-After", &seconds)];
    let fields = if view.state.is_final() { &fields[..3] } else { &fields[..] };
    let fields = if body.is_empty() { &fields[1..] } else { fields };
    exchange.answer_whole(status, fields, body);
}

/// One line of text.
fn line(status: u16, fields: &[(&str, &str)], says: &str, exchange: &mut Ours<'_, '_>) {
    let fields = [&[("Content-Type", "text/plain; charset=utf-8"), UNKEPT], fields].concat();
    exchange.answer_whole(status, &fields, format!("{says}\n").as_bytes());
}

/// In whole seconds (RFC 9110 section 10.2.3), rounded up, and at least one.
fn retry_after(left: Duration) -> String {
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    seconds.max(1).to_string()
}

/// All of it are numbers and our own words: nothing has to be escaped.
fn json(view: &View) -> String {
    let View { id, state, step, of, version, .. } = view;
    let (name, result) = match state {
        State::Queued => ("queued", String::new()),
        State::Running => ("running", String::new()),
        State::Cancelled => ("cancelled", String::new()),
        State::Done(counts) => {
            let (octets, words, lines) = (counts.octets, counts.words, counts.lines);
            ("done", format!(r#","result":{{"octets":{octets},"words":{words},"lines":{lines}}}"#))
        }
    };
    format!("{{\"id\":\"{id}\",\"state\":\"{name}\",\"step\":{step},\"of\":{of},\"version\":{version}{result}}}\n")
}
