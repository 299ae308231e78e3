//! Every command that is shown names what there is: an example, a bench, a test, and flags that its program has.
//!
//! Where a command begins with `$ ` in a block of console output it is one that the reader is to type. Of those to other programs
//! (curl, wrk) nothing is asked.

use std::path::{Path, PathBuf};

use iolab::Model;
use iolab::models::AnyModel;

use super::{all_pages, files_below, none, root, text_of};

#[test]
fn every_command_names_what_there_is() {
    let mut complaints = Vec::new();
    let mut judged = 0;
    for page in all_pages() {
        let blocks = page.blocks();
        let shown = blocks.iter().filter(|block| block.language == "console").flat_map(|block| {
            let lines = block.lines.iter().enumerate().map(|(number, line)| (block.at + number, *line));
            lines.filter_map(|(number, line)| Some((number, line.strip_prefix("$ ")?)))
        });
        let prose = page.prose();
        let in_prose = prose.iter().flat_map(|(number, line)| {
            let quoted = super::markdown::quoted(line).filter(|quoted| quoted.contains("cargo "));
            quoted.map(|quoted| (*number, quoted))
        });
        for (number, command) in shown.chain(in_prose) {
            for part in command.split(" | ").flat_map(|part| part.split(" && ")) {
                judged += usize::from(part.contains("cargo "));
                if let Err(why) = judge(part) {
                    complaints.push(format!("{}:{number}: {part}: {why}", page.name()));
                }
            }
        }
    }
    assert!(judged > 40, "commands are found: {judged}");
    none(complaints);
}

/// `Err` with what is wrong about a command.
fn judge(command: &str) -> Result<(), String> {
    let command = command.split(" #").next().unwrap_or_default();
    let mut words = command
        .split_whitespace()
        .skip_while(|word| is_setting(word) || *word == "taskset" || *word == "strace" || word.starts_with('-'));
    let words: Vec<&str> = match words.next() {
        Some("cargo") => words.collect(),
        Some(program) if program.starts_with("tests/") || program.starts_with("fuzz/") || program.starts_with(".ci/") => {
            let is_there = root().join(program).exists();
            return if is_there { Ok(()) } else { Err(format!("{program} is not there")) };
        }
        Some(program) if program.starts_with("target/") && program.contains("/examples/") => {
            let name = program.rsplit('/').next().unwrap_or_default();
            return has_flags(&example(name)?, command);
        }
        _ => return Ok(()),
    };
    let (own, theirs) = match words.iter().position(|word| *word == "--") {
        Some(place) => (&words[..place], &words[place + 1..]),
        None => (&words[..], &[][..]),
    };
    let Some((&verb, own)) = own.split_first() else { return Ok(()) };
    let value = |flag: &str| own.windows(2).filter(|pair| pair[0] == flag).map(|pair| pair[1]).collect::<Vec<_>>();
    if let Some(manifest) = value("--manifest-path").first() {
        return if root().join(manifest).is_file() { Ok(()) } else { Err(format!("{manifest} is not there")) };
    }
    let theirs = theirs.join(" ");
    match verb {
        "run" => {
            let examples = value("--example");
            let [name] = examples[..] else { return Err("runs no example".into()) };
            has_flags(&example(name)?, &theirs)
        }
        "bench" => match value("--bench")[..] {
            [] => has_flags(&bench("models")?, &theirs),
            [name] => has_flags(&bench(name)?, &theirs),
            _ => Err("several benches".into()),
        },
        "test" => own_tests(own, &value("--test"), &theirs),
        "build" | "doc" | "fmt" | "clippy" | "install" | "fuzz" | "+nightly" => Ok(()),
        other => Err(format!("cargo {other}?")),
    }
}

fn is_setting(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

/// The program's files: one, or all of its folder.
fn program(folder: &str, name: &str) -> Option<Vec<PathBuf>> {
    let file = PathBuf::from(folder).join(format!("{name}.rs"));
    let within = PathBuf::from(folder).join(name);
    if root().join(&file).is_file() {
        // And its modules, where they have a folder of its name.
        let modules = within.to_str().filter(|_| root().join(&within).is_dir()).map(files_below);
        Some(modules.into_iter().flatten().chain([file]).collect())
    } else if root().join(&within).join("main.rs").is_file() {
        Some(files_below(within.to_str()?))
    } else {
        None
    }
}

fn example(name: &str) -> Result<Vec<PathBuf>, String> {
    let mut files = program("examples", name).ok_or_else(|| format!("there is no example {name}"))?;
    // What examples share.
    for shared in ["serving", "http_options"] {
        if files
            .iter()
            .map(|file| text_of(file))
            .any(|text| text.contains(&format!("\"../{shared}/")) || text.contains(&format!("mod {shared};")))
        {
            files.extend(files_below(&format!("examples/{shared}")));
        }
    }
    Ok(files)
}

fn bench(name: &str) -> Result<Vec<PathBuf>, String> {
    let folder = if name == "http1_parser" { "parser" } else { name };
    let mut files = program("benches", folder).ok_or_else(|| format!("there is no bench {name}"))?;
    if files.iter().any(|file| text_of(file).contains("mod techniques;")) {
        files.extend(files_below("benches/techniques"));
    }
    if files.iter().any(|file| text_of(file).contains("CompareOption")) {
        files.extend(files_below("benches/results/src"));
    }
    Ok(files)
}

/// Each flag is one of the program's arguments, and a model that is asked for is one.
fn has_flags(files: &[PathBuf], arguments: &str) -> Result<(), String> {
    let known: Vec<String> = files.iter().flat_map(|file| flags_in(&text_of(file))).collect();
    let mut words = arguments.split_whitespace();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").filter(|flag| !flag.is_empty()) else { continue };
        let name = flag.split('=').next().unwrap_or_default();
        if !known.iter().any(|flag| flag == name) && !["help", "version"].contains(&name) {
            return Err(format!("has no flag --{name}"));
        }
        let is_model = |asked: &str| asked == "all" || AnyModel::all().iter().any(|model| model.name() == asked);
        let asked = if name == "model" { words.clone().next() } else { None };
        if let Some(asked) = asked.filter(|asked| asked.starts_with(|c: char| c.is_ascii_lowercase()) && !is_model(asked)) {
            return Err(format!("there is no model {asked}"));
        }
    }
    Ok(())
}

/// The flags that a source declares: what clap derives of fields that are `long`, or what a program without clap calls `"--flag"`.
fn flags_in(source: &str) -> Vec<String> {
    if !source.contains("clap") {
        return source.split('"').filter_map(|quoted| quoted.strip_prefix("--")).map(str::to_owned).collect();
    }
    let is_derived_by_clap = |item: &&str| {
        let list = item.split(')').next().unwrap_or_default();
        list.split([',', ' ']).any(|word| ["Parser", "Args", "Subcommand"].contains(&word))
    };
    let mut flags = Vec::new();
    for item in source.split("#[derive(").skip(1).filter(is_derived_by_clap) {
        let body = item.split("\n}").next().unwrap_or_default();
        let mut attributes = String::new();
        for line in body.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let field = line.strip_prefix("pub ").unwrap_or(line).split_once(": ").map(|(field, _)| field);
            match field.filter(|field| field.chars().all(|c| c.is_ascii_lowercase() || c == '_')) {
                Some(field) if attributes.contains("long") => {
                    let named = attributes.split_once("long = \"").and_then(|(_, rest)| rest.split('"').next());
                    flags.push(named.map_or_else(|| field.replace('_', "-"), str::to_owned));
                    attributes.clear();
                }
                Some(_) => attributes.clear(),
                None => attributes.push_str(line),
            }
        }
    }
    flags
}

/// Test programs that exist, and names that some test in them bears.
fn own_tests(words: &[&str], programs: &[&str], theirs: &str) -> Result<(), String> {
    let mut files = Vec::new();
    for name in programs {
        let harness = Path::new("benches/harness/tests").join(format!("{name}.rs"));
        let found = program("tests", name).or_else(|| root().join(&harness).is_file().then(|| vec![harness]));
        files.extend(found.ok_or_else(|| format!("there is no test {name}"))?);
    }
    if words.contains(&"--lib") {
        files.extend(files_below("src"));
    }
    if files.is_empty() {
        return Ok(());
    }
    let mut names = Vec::new();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "--test" | "--package" | "-p" | "--features" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => names.push(word),
        }
    }
    names.extend(theirs.split_whitespace().filter(|word| !word.starts_with('-') && word.parse::<u32>().is_err()));
    // Tests that a macro makes for each model are called after it.
    let models: Vec<_> = AnyModel::all().iter().map(Model::name).chain(["simulated"]).collect();
    let text: String =
        files.iter().filter(|file| file.extension().is_some_and(|end| end == "rs")).map(|file| text_of(file)).collect();
    for name in names {
        let parts = name.split("::").filter(|part| !part.is_empty() && !models.contains(part));
        if let Some(part) = parts.into_iter().find(|part| !text.contains(*part)) {
            return Err(format!("no test is called {part}"));
        }
    }
    Ok(())
}

#[test]
fn commands_are_judged() {
    for good in [
        "cargo run --release --example echo -- --model uring --listen 127.0.0.1:8080",
        "cargo bench -- --quick",
        "cargo bench --bench workload -- --cpu-us 50",
        "cargo bench --bench epoll_techniques -- --quick",
        "cargo bench --bench http1_parser -- --quick",
        "ANSWER=3 cargo test --test rooms files_are_short",
        "cargo test",
        "curl --anything http://127.0.0.1:8080/",
        "tests/clients/install",
        "strace -f -c target/release/examples/echo --model pool",
    ] {
        assert_eq!(judge(good), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("cargo run --release --example ecko -- --model uring", "no example ecko"),
        ("cargo run --release --example echo -- --modell uring", "no flag --modell"),
        ("cargo run --release --example echo -- --model urinq", "no model urinq"),
        ("cargo bench -- --rate 5", "no flag --rate"),
        ("cargo bench --bench mdoels", "no bench mdoels"),
        ("cargo bench -- --quik", "no flag --quik"),
        ("cargo test --test romos", "no test romos"),
        ("cargo test --test rooms files_are_shrot", "no test is called files_are_shrot"),
        ("cargo frob", "cargo frob?"),
        ("tests/clients/instal", "not there"),
        ("target/release/examples/echo --modle pool", "no flag --modle"),
    ] {
        assert!(judge(bad).is_err_and(|said| said.contains(why)), "{bad}: {:?}", judge(bad));
    }
}
