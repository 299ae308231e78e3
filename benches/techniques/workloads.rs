//! The workloads that experiments are made on.
#![allow(dead_code, reason = "not every benchmark has all of them")]

use harness::load::Kind;
use harness::work::{Reads, Steadily, Work};

/// So many connections say GET, in bursts that saturate the server.
pub fn get(connections: usize) -> Work {
    Work::Steady(bursty(connections))
}

/// They say so many at once.
pub fn pipelined(connections: usize, pipelined: usize) -> Work {
    Work::Steady(Steadily { pipelined, ..bursty(connections) })
}

/// They do it in light batches, as wrk does.
pub fn lightly(connections: usize) -> Work {
    Work::Steady(Steadily { load: Kind::Light, ..bursty(connections) })
}

/// They say POST with so many octets.
pub fn post(octets: usize, connections: usize) -> Work {
    Work::Steady(Steadily { body: Some(octets), ..bursty(connections) })
}

fn bursty(connections: usize) -> Steadily {
    Steadily { connections, pipelined: 1, body: None, idle: 0, load: Kind::Bursty }
}

/// Each GET has a connection to itself, so many at a time.
pub fn churn(at_once: usize) -> Work {
    Work::Churn { at_once }
}

/// Blocks of a file are read around the page cache.
pub fn read(block: usize, in_flight: usize, random: bool) -> Work {
    Work::Read(Reads { block, in_flight, random, direct: true })
}
