//! The request parser beside httparse, on the same octets: `cargo bench --bench http1_parser`.
//!
//! Everyone parses in turn, in one process, for a moment each and some hundred rounds; the table at the end gives the median
//! time of each and, for each form of our scanner, how many times longer httparse took in the same round: the median ratio with
//! its 95 % interval. Above 1 we are faster.
//!
//! Three amounts of work, each done by both: the lines found and checked, that and the framing judged by one and the same
//! function, and that every field is looked at. Ours does more in all of them: it is strict about line ends and limits, and
//! finishes the targets' forms.
//!
//! Another row is a head that comes byte by byte, and others are bodies in chunks, which httparse does not parse.

mod arguments;
mod contenders;
mod heads;
mod rounds;
mod told;

use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use arguments::Arguments;
use clap::Parser;
use contenders::{Contender, Work, httparse, ours};
use harness::cores;
use harness::machine;
use harness::quiet::{self, Usage};
use harness::session::{Foot, status};
use iolab::http1::scanner::{Form, Scanner};
use iolab::http1::{Chunk, ChunkedDecoder, HeadParser, HttpLimits};
use results::{Ending, Report};
use rounds::{Plan, Times};
use told::Told;

const NAME: &str = "http1_parser";

fn main() -> ExitCode {
    status(NAME, run())
}

fn run() -> io::Result<ExitCode> {
    let arguments = Arguments::parse();
    let target_tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    if let Some(earlier) = arguments.compare.earlier() {
        let bench = Report::read(earlier)?.bench;
        if bench != NAME {
            eprintln!("{NAME}: skipped, since a report of {bench} is to be compared");
            return Ok(ExitCode::SUCCESS);
        }
        return arguments.compare.show(NAME, target_tmp, &arguments.row.as_deref().into_iter().collect::<Vec<_>>(), &[]);
    }
    if arguments.is_about_the_models() {
        eprintln!("{NAME}: skipped, since rows, models or rounds are asked for, and it has none");
        return Ok(ExitCode::SUCCESS);
    }
    let (warm_up, moment) = (Duration::from_micros(1000), Duration::from_micros(300));
    let (json, is_test) = (arguments.json, arguments.is_test());
    let plan = match () {
        () if is_test => Plan { rounds: 1, warm_up: Duration::ZERO, moment: Duration::ZERO },
        () if arguments.quick => Plan { rounds: 31, warm_up, moment },
        () if arguments.full => Plan { rounds: 1001, warm_up, moment },
        () => Plan { rounds: 201, warm_up, moment },
    };
    let cores = cores::choose()?;
    let before = Usage::now(&cores.both());
    let mut told = Told::new(!json);
    told.line(&format!(
        "ns a head, and in brackets how many times longer httparse took (median of {} rounds, 95 % interval)",
        plan.rounds
    ));
    let chosen = format!("httparse 1.10 with uninitialised headers; this process would choose {}", Scanner::chosen().form());
    told.line(&chosen);
    whole_heads(plan, &mut told);
    drip(plan, &mut told);
    chunked(plan, &mut told);

    let mut fingerprint = machine::without_files(cores);
    fingerprint.push(("iolab", env!("CARGO_PKG_VERSION").into()));
    let warnings = before.and_then(|before| quiet::disturbance("all of it", &before, cores)).into_iter().collect::<Vec<_>>();
    let foot = Foot { fingerprint, cores, notes: vec![chosen], warnings: quiet::warning(&warnings).into_iter().collect() };
    let ending = Ending { target_tmp, has_figures: !is_test, json, is_part: false };
    // It is one process, and goes where the kernel puts it.
    let report = Report { cores: None, ..Report::new(NAME, &plan, &foot, told.rows)? };
    let line = report.keep(&ending, String::new)?;
    if json {
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Ours in their columns, those left out that this processor cannot run.
fn forms() -> Vec<Form> {
    Form::ALL.into_iter().filter(|form| Scanner::new(*form).is_some()).collect()
}

fn whole_heads(plan: Plan, told: &mut Told) {
    let pipelined = heads::PIPELINED.repeat(16);
    let inputs = [
        ("1 field", heads::MINIMAL, 1),
        ("browser, 9 fields", heads::BROWSER_9, 1),
        ("browser, 20 fields", heads::BROWSER_20, 1),
        ("16 pipelined", &pipelined, 16),
    ];
    for (name, input, heads) in inputs {
        let title = format!("{name}, {} B", input.len() / heads);
        told.line(&format!("\n{title}"));
        let forms = forms();
        let names: String = forms.iter().map(|form| format!("{:>28}", form.name())).collect();
        told.line(&format!("  {:<24}{:>10}{names}", "", "httparse"));
        for work in Work::ALL {
            let mut contenders = vec![httparse(work, false)];
            contenders.extend(forms.iter().filter_map(|form| ours(*form, work)));
            told.row(&title, work.name(), &Times::of(&mut contenders, input.as_bytes(), heads, plan), &with_forms());
        }
        let mut contenders = vec![httparse(Work::Lines, true), httparse(Work::Lines, false)];
        let times = Times::of(&mut contenders, input.as_bytes(), heads, plan);
        told.line(&format!("  {:<24}{:>10.1}", "as httparse's docs do", times.median(0)));
        told.keep(&title, "as httparse's docs do", "head", &times, &["httparse", "httparse, uninitialised headers"]);
    }
}

/// Who stands beside each other.
fn with_forms() -> Vec<&'static str> {
    ["httparse"].into_iter().chain(forms().into_iter().map(|form| form.name())).collect()
}

/// One octet arrives at a time, and the parser is asked after each.
fn drip(plan: Plan, told: &mut Told) {
    let plan = Plan { rounds: plan.rounds.div_ceil(20), ..plan };
    let head = heads::large_head();
    let mut contenders: Vec<Contender> = vec![Box::new(httparse_drip)];
    for scanner in Scanner::all() {
        let mut parser = HeadParser::with_scanner(scanner);
        contenders.push(Box::new(move |input, times| {
            let start = Instant::now();
            for _ in 0..times {
                parser.reset();
                let input = black_box(input);
                let limits = HttpLimits::default();
                let end = (1..=input.len()).find_map(|end| parser.parse(&input[..end], &limits).expect("a valid head"));
                assert_eq!(end, Some(input.len()));
            }
            start.elapsed()
        }));
    }
    let title = format!("byte by byte, {} B", head.len());
    told.line(&format!("\n{title}"));
    told.row(&title, "lines, framing", &Times::of(&mut contenders, head.as_bytes(), 1, plan), &with_forms());
}

/// It starts anew with each octet.
fn httparse_drip(input: &[u8], times: usize) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        let input = black_box(input);
        let end = (1..=input.len()).find(|&end| {
            let mut headers = [const { MaybeUninit::uninit() }; 64];
            let mut request = httparse::Request::new(&mut []);
            request.parse_with_uninit_headers(&input[..end], &mut headers).expect("a valid head").is_complete()
        });
        assert_eq!(end, Some(input.len()));
    }
    start.elapsed()
}

fn chunked(plan: Plan, told: &mut Told) {
    let plan = Plan { rounds: plan.rounds.div_ceil(10), ..plan };
    told.line("\n64 KiB in chunks of   GB/s");
    for size in [64, 1024, 16 << 10] {
        let mut body = Vec::new();
        for _ in 0..(64 << 10) / size {
            body.extend(format!("{size:x}\r\n").bytes());
            body.extend(std::iter::repeat_n(b'x', size));
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let times = Times::of(&mut [Box::new(decode)], &body, 1, plan);
        told.line(&format!("  {size:>17}{:>7.1}", body.len() as f64 / times.median(0)));
        told.keep("64 KiB in chunks", &format!("of {size} B"), "body", &times, &["chunked"]);
    }
}

fn decode(body: &[u8], times: usize) -> Duration {
    let limits = HttpLimits { body: u64::MAX, ..HttpLimits::default() };
    let start = Instant::now();
    for _ in 0..times {
        let mut decoder = ChunkedDecoder::new(0);
        let mut rest = black_box(body);
        let mut length = 0;
        loop {
            let (consumed, chunk) = decoder.decode(rest, &limits).expect("a valid body");
            rest = &rest[consumed..];
            match chunk {
                Chunk::Data(data) => length += data.len(),
                Chunk::NeedMore => panic!("the body is whole"),
                Chunk::End => break,
            }
        }
        assert_eq!(length, 64 << 10);
    }
    start.elapsed()
}
