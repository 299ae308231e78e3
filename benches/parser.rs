//! The request parser against httparse, on the same octets.
//!
//! `cargo bench --bench http1_parser`; with `-- --quick` for a first impression. Rows named `iolab` do what a server needs: all
//! lines found and checked, Host, framing, Connection and Expect judged. Those named `httparse` do what it offers: lines found
//! and checked. `iolab byte` is the same parser with the reference scanner.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use iolab::http1::scanner::{Byte, Scanner, Swar};
use iolab::http1::{Chunk, ChunkedDecoder, HeadParser, HttpLimits};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::time::Duration;

const MINIMAL: &str = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";

const BROWSER_9: &str = "GET /articles/2026/11/how-a-program-waits-for-the-kernel?page=2&view=full HTTP/1.1\r\n\
    Host: www.example.org\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.7,fr;q=0.3\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://www.example.org/articles/2026/11/\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=4b825dc642cb6eb9a060e54bf8d69288fbee4904; theme=dark; consent=necessary; visited=articles-2026-10.\
    articles-2026-11.about; last=1795248000; lang=en-GB; tz=Europe/Paris\r\n\
    If-None-Match: \"33a64df551425fcc55e4d42a148795d9f25f89d4-gzip\"\r\n\r\n";

const BROWSER_20: &str = "GET /shop/categories/lamps/desk/items?colour=green&sort=price&order=ascending&page=3 HTTP/1.1\r\n\
    Host: shop.example.org:8443\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    DNT: 1\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-User: ?1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Referer: https://shop.example.org:8443/shop/categories/lamps/desk\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: fr-FR,fr;q=0.9,en-GB;q=0.8,en;q=0.7\r\n\
    Cookie: basket=7f3c0d2e91; session=da39a3ee5e6b4b0d3255bfef95601890afd80709; seen=1021.1022.1187.1203.1340.2011.2012.\
    2544; currency=EUR; layout=grid; experiment=checkout-b; first=1793000000; last=1795248000; referrer=newsletter-2026-11; \
    region=ile-de-france\r\n\
    If-Modified-Since: Fri, 20 Nov 2026 08:12:31 GMT\r\n\
    Priority: u=0, i\r\n\r\n";

const PIPELINED: &str = "GET /bytes/1024 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n";

/// A head of about 7.6 KiB, as large cookies make them.
fn large_head() -> String {
    let mut head = String::from("GET /account/overview HTTP/1.1\r\nHost: www.example.org\r\n");
    for i in 0..36 {
        head += &format!("X-Session-Part-{i:02}: {}\r\n", "0123456789abcdefghijklmnopqrstuvwxyz".repeat(5));
    }
    head + "X-Last: yes\r\n\r\n"
}

fn iolab<S: Scanner>(parser: &mut HeadParser, input: &[u8], limits: &HttpLimits) -> usize {
    parser.reset();
    parser.parse_with::<S>(input, limits).expect("a valid head").expect("a whole head")
}

/// As its documentation shows it.
fn httparse_usual(input: &[u8]) -> usize {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(input).expect("a valid head");
    black_box(&request);
    status.unwrap()
}

/// As those use it who measured it.
fn httparse_uninit(input: &[u8]) -> usize {
    let mut headers = [const { MaybeUninit::uninit() }; 64];
    let mut request = httparse::Request::new(&mut []);
    let status = request.parse_with_uninit_headers(input, &mut headers).expect("a valid head");
    black_box(&request);
    status.unwrap()
}

/// Parses requests off the front of the input until it is empty.
fn all(mut input: &[u8], mut one: impl FnMut(&[u8]) -> usize) {
    while !input.is_empty() {
        input = &input[one(input)..];
    }
}

fn heads(c: &mut Criterion) {
    let limits = HttpLimits::default();
    let pipelined = PIPELINED.repeat(16);
    let inputs = [
        ("minimal", MINIMAL),
        ("browser, 9 fields", BROWSER_9),
        ("browser, 20 fields", BROWSER_20),
        ("16 pipelined", &pipelined),
    ];
    for (name, input) in inputs {
        let mut group = c.benchmark_group(format!("{name} ({} B)", input.len()));
        group.throughput(Throughput::Bytes(input.len() as u64));
        let input = input.as_bytes();
        let mut parser = HeadParser::new();
        group.bench_function("iolab", |b| b.iter(|| all(black_box(input), |i| iolab::<Swar>(&mut parser, i, &limits))));
        group.bench_function("iolab byte", |b| b.iter(|| all(black_box(input), |i| iolab::<Byte>(&mut parser, i, &limits))));
        group.bench_function("httparse", |b| b.iter(|| all(black_box(input), httparse_usual)));
        group.bench_function("httparse uninit", |b| b.iter(|| all(black_box(input), httparse_uninit)));
    }
}

/// One octet arrives at a time, and the parser is asked after each.
fn drip(c: &mut Criterion) {
    let limits = HttpLimits::default();
    let head = large_head();
    let input = head.as_bytes();
    let mut group = c.benchmark_group(format!("byte by byte ({} B)", input.len()));
    group.throughput(Throughput::Bytes(input.len() as u64));
    let mut parser = HeadParser::new();
    group.bench_function("iolab", |b| {
        b.iter(|| {
            parser.reset();
            let input = black_box(input);
            (1..=input.len()).find_map(|end| parser.parse(&input[..end], &limits).expect("a valid head"))
        })
    });
    group.bench_function("httparse uninit", |b| {
        b.iter(|| {
            let input = black_box(input);
            (1..=input.len()).find(|&end| {
                let mut headers = [const { MaybeUninit::uninit() }; 64];
                let mut request = httparse::Request::new(&mut []);
                request.parse_with_uninit_headers(&input[..end], &mut headers).expect("a valid head").is_complete()
            })
        })
    });
}

fn chunked(c: &mut Criterion) {
    let limits = HttpLimits { body: u64::MAX, ..HttpLimits::default() };
    let mut group = c.benchmark_group("chunked, 64 KiB");
    for size in [64, 1024, 16 << 10] {
        let mut body = Vec::new();
        for _ in 0..(64 << 10) / size {
            body.extend(format!("{size:x}\r\n").bytes());
            body.extend(std::iter::repeat_n(b'x', size));
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::new("chunks of", size), &body, |b, body| {
            b.iter(|| {
                let mut decoder = ChunkedDecoder::new(0);
                let mut rest = black_box(body.as_slice());
                let mut length = 0;
                loop {
                    let (consumed, chunk) = decoder.decode(rest, &limits).expect("a valid body");
                    rest = &rest[consumed..];
                    match chunk {
                        Chunk::Data(data) => length += data.len(),
                        Chunk::NeedMore => panic!("the body is whole"),
                        Chunk::End => break length,
                    }
                }
            })
        });
    }
}

criterion_group! {
    name = benches;
    config = config();
    targets = heads, drip, chunked
}

fn main() {
    // `cargo bench -- ARGUMENTS` gives every benchmark the same ones; these are about the models.
    let is_given = |flags: &[&str]| std::env::args().any(|argument| flags.iter().any(|flag| argument.starts_with(flag)));
    if is_given(&["--row", "--model", "--rounds"]) {
        return eprintln!("http1_parser: skipped, since rows, models and rounds are asked for, and it has none");
    }
    if is_given(&["--full"]) {
        let mut all = config();
        heads(&mut all);
        drip(&mut all);
        return chunked(&mut all);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(80))
        .measurement_time(Duration::from_millis(500))
        .sample_size(50)
        .nresamples(10_000)
        .without_plots()
}
