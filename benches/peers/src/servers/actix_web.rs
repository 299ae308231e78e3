//! actix-web: a web framework on an HTTP server of its own.
//!
//! Settings: one worker, no middleware, no time limits on requests and no keep-alive timer (cheaper than with them), bodies of
//! up to 1 MiB gathered before they are answered, TCP_NODELAY. A thread beside the worker accepts connections.

use std::io;
use std::time::Duration;

use actix_web::http::KeepAlive;
use actix_web::web::{self, Bytes, PayloadConfig};
use actix_web::{App, HttpResponse, HttpServer, rt};

use crate::endpoint::Endpoint;

const LARGEST_BODY: usize = 1 << 20;

/// Room for an answer of 64 KiB, so that it can leave in one write.
const WRITE_OCTETS: usize = 128 << 10;

pub fn serve(endpoint: Endpoint) -> io::Result<()> {
    rt::System::new().block_on(async {
        let app = || App::new().app_data(PayloadConfig::new(LARGEST_BODY)).default_service(web::to(echo));
        HttpServer::new(app)
            .workers(1)
            .keep_alive(KeepAlive::Os)
            .client_request_timeout(Duration::ZERO)
            .tcp_nodelay(true)
            .h1_write_buffer_size(WRITE_OCTETS)
            .disable_signals()
            .listen(endpoint.open()?)?
            .run()
            .await
    })
}

async fn echo(body: Bytes) -> HttpResponse {
    HttpResponse::Ok().body(body)
}
