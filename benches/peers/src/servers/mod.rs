//! The peers that serve HTTP: one small file each, with its settings at the head.
//!
//! Each answers `GET /` with an empty 200 and `POST /` with its own body, the date in a field of both, on one thread. Those on a
//! bare runtime share the [`responder`], which is no HTTP server.

mod actix_web;
mod compio;
mod hyper;
mod may_minihttp;
mod monoio;
pub mod nginx;
mod responder;
mod tokio_uring;

use std::io;

use harness::work::Steadily;

use crate::endpoint::Endpoint;

/// One of them.
pub struct Server {
    pub name: &'static str,
    /// What stands behind the name.
    pub about: &'static str,
    /// Whether it waits on io_uring, as our `uring` does.
    pub on_ring: bool,
    /// Serves at the endpoint until the process ends.
    pub serve: fn(Endpoint) -> io::Result<()>,
    /// Why it has no part in a row, if it has none.
    pub leaves_out: fn(&Steadily) -> Option<&'static str>,
}

const NOTHING: fn(&Steadily) -> Option<&'static str> = |_| None;

/// All of them, in the order of the table.
pub static SERVERS: &[Server] = &[
    Server {
        name: "monoio",
        about: "monoio 0.2 on io_uring; responder on httparse",
        on_ring: true,
        serve: monoio::on_ring,
        leaves_out: NOTHING,
    },
    Server {
        name: "tokio-uring",
        about: "tokio-uring 0.5; responder on httparse",
        on_ring: true,
        serve: tokio_uring::serve,
        leaves_out: NOTHING,
    },
    Server {
        name: "compio",
        about: "compio 0.19 on io_uring; responder on httparse",
        on_ring: true,
        serve: compio::serve,
        leaves_out: NOTHING,
    },
    Server {
        name: "monoio-epoll",
        about: "monoio 0.2 on epoll; responder on httparse",
        on_ring: false,
        serve: monoio::on_epoll,
        leaves_out: NOTHING,
    },
    Server {
        name: "may_minihttp",
        about: "may_minihttp 0.1 on coroutines and epoll; a minimal HTTP server",
        on_ring: false,
        serve: may_minihttp::serve,
        leaves_out: may_minihttp::leaves_out,
    },
    Server {
        name: "hyper",
        about: "hyper 1 on tokio's current-thread runtime; a full HTTP server",
        on_ring: false,
        serve: hyper::serve,
        leaves_out: NOTHING,
    },
    Server {
        name: "actix-web",
        about: "actix-web 4 with one worker; a web framework on a full HTTP server",
        on_ring: false,
        serve: actix_web::serve,
        leaves_out: NOTHING,
    },
    Server {
        name: "nginx",
        about: "nginx, as installed, one process; a full HTTP server",
        on_ring: false,
        serve: nginx::serve,
        leaves_out: nginx::leaves_out,
    },
];
