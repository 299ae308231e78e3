//! hyper on tokio's current-thread runtime: a full HTTP server, and what most of Rust's are made of.
//!
//! Settings: HTTP/1 alone, `pipeline_flush` (the answers to a batch leave in one write), no timer, therefore none of its time
//! limits, which is cheaper than with them. TCP_NODELAY is set. A body is gathered before it is answered: sent back piece by
//! piece as it comes, 64 KiB took twice as many system calls and rather more CPU (1.73 of our `uring`, gathered 1.54; the
//! intervals overlapped).

use std::io;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::endpoint::Endpoint;

pub fn serve(endpoint: Endpoint) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        endpoint.set_nonblocking()?;
        let listener = TcpListener::from_std(endpoint.open()?)?;
        let mut server = http1::Builder::new();
        server.pipeline_flush(true);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(echo)));
        }
    })
}

async fn echo(request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
    let body = request.into_body();
    let body = if body.is_end_stream() { Bytes::new() } else { body.collect().await?.to_bytes() };
    Ok(Response::new(Full::new(body)))
}
