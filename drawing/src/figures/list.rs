//! The list: which picture shows what, and how. A line here and its data in `docs/data` are all that a new picture takes.

use crate::plot::Scale;
use crate::timeline::Window;

/// A picture of the book.
pub(super) struct Entry {
    /// The file in `docs/pictures`, without `.svg`.
    pub(super) name: &'static str,
    /// What is written above it.
    pub(super) title: &'static str,
    /// What one sees, in a sentence, for those who hear it.
    pub(super) description: &'static str,
    pub(super) form: Form,
}

/// How it is drawn, and of what.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Rows of a file of measurements: those that are named, or all that have the measure.
    Plot { data: &'static str, rows: &'static [&'static str], plot: Plot },
    /// Recordings, one below the other.
    Timeline { traces: &'static [&'static str], part: Window },
    /// A list of ways in a source file.
    States { source: &'static str, constant: &'static str },
}

/// Which kind of plot. A label says what the axis shows, with its unit.
#[derive(Clone, Copy)]
pub(super) enum Plot {
    Bars {
        measure: &'static str,
        label: &'static str,
    },
    Dots {
        measure: &'static str,
        label: &'static str,
        scale: Scale,
        reference: Option<(f64, &'static str)>,
    },
    /// All `p50`, `p90` ... of the rows.
    Percentiles {
        label: &'static str,
    },
}

const REQUESTS: &[&str] = &["get-64", "get-512", "post-1k-64", "post-64k-64", "get-64-light"];

const READS: &[&str] = &["read-4k-random-direct-64", "read-4k-random-cached-1", "read-1m-sequential-direct-4"];

const PATIENCE: &[&str] =
    &["get-64-open at 50 % of its peak", "get-64-open at 80 % of its peak", "get-64-open at 95 % of its peak"];

const HEADS: &[&str] =
    &["1-field-37-b-lines", "browser-9-fields-696-b-lines", "browser-20-fields-1130-b-lines", "16-pipelined-48-b-lines"];

const WAYS: &[&str] = &["short-poll", "long-poll", "sse", "lines", "websocket"];

const ECHO: &[&str] = &["echo-blocking.trace.json", "echo-epoll.trace.json", "echo-uring.trace.json", "echo-pool.trace.json"];

/// Until the peers hang up.
const ALL: Window = Window { from: None, to: None, before: "peer finished", from_last: None };

/// The last request alone.
const LAST: Window = Window { from_last: Some("receive"), ..ALL };

pub(super) const PICTURES: &[Entry] = &[
    Entry {
        name: "timeline-one",
        title: "One request on four models",
        description: "Who sleeps in which call until a request comes, and what is done until its answer has gone.",
        form: Form::Timeline { traces: ECHO, part: LAST },
    },
    Entry {
        name: "timeline-echo",
        title: "The same three requests on four models",
        description: "What each thread does and where it waits, model by model, on one scale.",
        form: Form::Timeline { traces: ECHO, part: ALL },
    },
    Entry {
        name: "timeline-read",
        title: "The same four reads on four models",
        description: "What each thread does and where it waits, model by model, on one scale.",
        form: Form::Timeline {
            traces: &["read-blocking.trace.json", "read-epoll.trace.json", "read-uring.trace.json", "read-pool.trace.json"],
            part: ALL,
        },
    },
    Entry {
        name: "timeline-blocking",
        title: "Three requests: a thread for each connection",
        description: "Each connection's thread sleeps in the call that it needs next.",
        form: Form::Timeline { traces: &["echo-blocking.trace.json"], part: ALL },
    },
    Entry {
        name: "timeline-epoll",
        title: "Three requests: one thread that waits in epoll_wait",
        description: "One thread sleeps in epoll_wait, and between two sleeps does whatever is ready.",
        form: Form::Timeline { traces: &["echo-epoll.trace.json"], part: ALL },
    },
    Entry {
        name: "timeline-uring",
        title: "Three requests: one thread that waits in io_uring_enter",
        description: "One thread sleeps in io_uring_enter, while the kernel has its operations in hand.",
        form: Form::Timeline { traces: &["echo-uring.trace.json"], part: ALL },
    },
    Entry {
        name: "timeline-pool",
        title: "Three requests: a pool of threads",
        description: "One thread decides and hands each call to a worker, which sleeps in it and reports.",
        form: Form::Timeline { traces: &["echo-pool.trace.json"], part: ALL },
    },
    Entry {
        name: "cpu-echo",
        title: "CPU time of a request",
        description: "The processor time of the server for a request, on each model.",
        form: Form::Plot {
            data: "models.csv",
            rows: REQUESTS,
            plot: Plot::Bars { measure: "cpu", label: "µs of CPU a request" },
        },
    },
    Entry {
        name: "calls-echo",
        title: "System calls of a request",
        description: "How many system calls the server makes for a request, on each model.",
        form: Form::Plot {
            data: "models.csv",
            rows: REQUESTS,
            plot: Plot::Bars { measure: "system_calls", label: "system calls a request" },
        },
    },
    Entry {
        name: "cpu-read",
        title: "CPU time of a read",
        description: "The processor time of a read of a file, on each model.",
        form: Form::Plot {
            data: "models.csv",
            rows: READS,
            plot: Plot::Dots { measure: "cpu", label: "µs of CPU a read", scale: Scale::Log, reference: None },
        },
    },
    Entry {
        name: "latency-echo",
        title: "How long answers take under load",
        description: "The latency of requests that come at their own pace, in percentiles, on each model.",
        form: Form::Plot { data: "models.csv", rows: PATIENCE, plot: Plot::Percentiles { label: "µs until the answer" } },
    },
    Entry {
        name: "price",
        title: "The price of the contract",
        description: "The processor time of each model over that of a bare loop which waits in the same way.",
        form: Form::Plot {
            data: "bare.csv",
            rows: &[],
            plot: Plot::Dots {
                measure: "cpu_over_bare",
                label: "times the CPU of a bare loop",
                scale: Scale::Linear,
                reference: Some((1.0, "bare loop")),
            },
        },
    },
    Entry {
        name: "patterns-cpu",
        title: "CPU time of one event to one listener",
        description: "The processor time of the server for one event that one listener hears, each way on each model.",
        form: Form::Plot {
            data: "patterns.csv",
            rows: WAYS,
            plot: Plot::Bars { measure: "cpu", label: "µs of CPU a delivery" },
        },
    },
    Entry {
        name: "patterns-latency",
        title: "How late an event is heard",
        description: "How long an event is on its way, in percentiles, each way on each model.",
        form: Form::Plot { data: "patterns.csv", rows: WAYS, plot: Plot::Percentiles { label: "µs until it is heard" } },
    },
    Entry {
        name: "parser",
        title: "Parsing a head, beside httparse",
        description: "The time that each form of the scanner takes for the same requests, over that of httparse.",
        form: Form::Plot {
            data: "http1_parser.csv",
            rows: HEADS,
            plot: Plot::Dots {
                measure: "time_over_httparse",
                label: "times as long as httparse",
                scale: Scale::Linear,
                reference: Some((1.0, "httparse")),
            },
        },
    },
    Entry {
        name: "life-http1",
        title: "The life of an HTTP/1.1 connection",
        description: "The stages of a connection, and what leads from one to another.",
        form: Form::States { source: "src/http1/lifecycle.rs", constant: "WAYS" },
    },
    Entry {
        name: "life-websocket",
        title: "The life of a WebSocket",
        description: "The stages of a WebSocket, and what leads from one to another.",
        form: Form::States { source: "src/websocket/lifecycle.rs", constant: "WAYS" },
    },
    Entry {
        name: "life-job",
        title: "The life of a job",
        description: "The states of a job, and what leads from one to another.",
        form: Form::States { source: "src/patterns/jobs/job.rs", constant: "WAYS" },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_fit_for_files() {
        let mut names: Vec<_> = PICTURES.iter().map(|entry| entry.name).collect();
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-'))
        );
        names.sort();
        names.dedup();
        assert_eq!(names.len(), PICTURES.len());
    }
}
