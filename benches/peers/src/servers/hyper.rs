//! hyper on tokio's current-thread runtime: a full HTTP server, and what most of Rust's are made of.
//!
//! Settings: HTTP/1 alone, `pipeline_flush` (the answers to a batch leave in one write), no timer, therefore none of its time
//! limits, which is cheaper than with them. TCP_NODELAY is set. Body and trailers of an answer are those of its request, as they
//! come: gathering them first was not faster.

use std::convert::Infallible;
use std::io;

use hyper::body::Incoming;
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

async fn echo(request: Request<Incoming>) -> Result<Response<Incoming>, Infallible> {
    Ok(Response::new(request.into_body()))
}
