//! The flags that HTTP servers have beside those of [every server](crate::serving::Options).

use std::time::Duration;

use clap::Args;
use iolab::http1::{HttpLimits, TimeLimits};

use crate::serving::duration;

/// How long requests may be, and may take.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct HttpOptions {
    /// How long a connection may be idle between two requests, like 500ms, 60s or 5m.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub idle_timeout: Duration,
    /// How long a request's head may take, from its first octet.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub header_timeout: Duration,
    /// How long a request's body may take, from the end of its head.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub body_timeout: Duration,
    /// The longest body that is taken, in octets; a longer one is answered 413.
    #[arg(long, default_value_t = 1 << 40)]
    pub max_body: u64,
}

impl HttpOptions {
    /// The bounds of a request.
    pub fn http_limits(&self) -> HttpLimits {
        HttpLimits { body: self.max_body, ..HttpLimits::default() }
    }

    /// How long its parts may take.
    pub fn time_limits(&self) -> TimeLimits {
        TimeLimits { idle: self.idle_timeout, header: self.header_timeout, body: self.body_timeout }
    }
}
