//! The page: well-formed, alone in the world, and what it names is there.

mod made_up;

use std::collections::HashSet;

use made_up::{all_kinds, busy, four, report};
use results::Report;
use results::page::page;
use results::schema::Outcome;
use roxmltree::{Document, Node, ParsingOptions};

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("not well-formed: {error}\n{page}"))
}

fn words(node: Node<'_, '_>) -> String {
    node.descendants().filter_map(|node| node.is_text().then(|| node.text()).flatten()).collect::<Vec<_>>().join(" ")
}

fn everything() -> Vec<Report> {
    let others = ["patterns", "http1_parser", "workload", "bare", "uring_techniques", "epoll_techniques"];
    let other = |bench: &&str| Report {
        bench: (*bench).to_owned(),
        findings: vec!["A finding <of> its own.".to_owned()],
        ..report(vec![four("sse", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)])])
    };
    [all_kinds()].into_iter().chain(others.iter().map(other)).collect()
}

fn page_of(reports: &[Report]) -> String {
    page(&reports.iter().collect::<Vec<_>>(), &["x.json is left out: it was <elsewhere>.".to_owned()])
}

#[test]
fn it_is_well_formed_whatever_was_measured() {
    let nothing = report(Vec::new());
    let mut alone = report(vec![four("get-64", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)])]);
    alone.rows[0].contestants.truncate(1);
    let failed = |report: &mut Report| {
        for contestant in report.rows.iter_mut().flat_map(|row| &mut row.contestants) {
            contestant.outcome = Outcome::Failed { why: "<script>alert(1)</script> & \"more\"".to_owned() };
        }
    };
    let mut broken = all_kinds();
    failed(&mut broken);
    for reports in [vec![nothing], vec![alone], vec![broken], vec![all_kinds()], everything()] {
        let page = page_of(&reports);
        let document = parsed(&page);
        assert!(!document.descendants().any(|node| node.has_tag_name("script")), "what was said is text");
    }
}

#[test]
fn it_loads_nothing() {
    let page = page_of(&everything());
    let document = parsed(&page);
    for node in document.descendants().filter(Node::is_element) {
        let tag = node.tag_name().name();
        assert!(!matches!(tag, "script" | "link" | "img" | "iframe" | "object" | "embed" | "base"), "<{tag}>");
        for attribute in node.attributes() {
            if matches!(attribute.name(), "href" | "src" | "srcset" | "data" | "action" | "background") {
                assert!(attribute.value().starts_with('#'), "{}={}", attribute.name(), attribute.value());
            }
            assert!(!attribute.name().starts_with("on"), "no script: {}", attribute.name());
        }
    }
    for loader in ["@import", "url(http", "url(//", "src=\"http", "http://", "https://"] {
        assert!(!page.contains(loader), "the page says {loader}");
    }
}

#[test]
fn every_link_leads_somewhere_and_every_name_is_the_only_one() {
    let page = page_of(&everything());
    let document = parsed(&page);
    let mut ids = HashSet::new();
    for id in document.descendants().filter_map(|node| node.attribute("id")) {
        assert!(ids.insert(id), "{id} is there twice");
    }
    let links: Vec<&str> = document.descendants().filter_map(|node| node.attribute("href")).collect();
    assert!(links.len() > 20);
    for link in links {
        assert!(ids.contains(&link[1..]), "{link} leads nowhere");
    }
    for label in document.descendants().filter_map(|node| node.attribute("aria-labelledby")) {
        assert!(label.split(' ').all(|label| ids.contains(label)), "{label} labels nothing");
    }
}

#[test]
fn every_recommendation_names_a_row_that_is_there_and_what_measures_it() {
    let page = page_of(&everything());
    let document = parsed(&page);
    let which = document.descendants().find(|node| node.attribute("id") == Some("which")).unwrap();
    let lines: Vec<Node<'_, '_>> = which
        .descendants()
        .filter(|node| node.has_tag_name("tr") && node.descendants().any(|node| node.has_tag_name("td")))
        .collect();
    assert_eq!(lines.len(), results::advice::WORKLOADS.len());
    let (mut taken, mut missing) = (0, 0);
    for line in lines {
        let told = words(line);
        assert!(line.descendants().any(|node| node.has_tag_name("code")), "no command: {told}");
        match line.descendants().find(|node| node.has_tag_name("a")) {
            Some(link) => {
                let row = document.descendants().find(|node| node.attribute("id") == link.attribute("href").map(|to| &to[1..]));
                assert!(row.is_some(), "{told}");
                taken += 1;
            }
            None => {
                assert!(told.contains("not measured") && told.contains("cargo bench"), "{told}");
                missing += 1;
            }
        }
    }
    assert!(taken >= 7 && missing >= 3, "{taken} {missing}");
}

#[test]
fn bold_is_only_what_is_clear() {
    let clear = four("get-64", [busy(12.0), busy(7.0), busy(7.6), busy(17.0)]);
    let tie = four("get-512", [busy(12.0), busy(9.0), made_up::as_busy(9.0), busy(17.0)]);
    let page = page_of(&[report(vec![clear, tie])]);
    let document = parsed(&page);
    let bold = |row: &str| {
        let row = document.descendants().find(|node| node.attribute("id") == Some(row)).unwrap();
        row.descendants().filter(|node| node.has_tag_name("strong")).map(words).collect::<Vec<_>>()
    };
    assert_eq!(bold("row-models-get-64"), ["142,857", "7.00"]);
    assert_eq!(bold("row-models-get-512"), Vec::<String>::new());
    let which = document.descendants().find(|node| node.attribute("id") == Some("which")).unwrap();
    assert_eq!(which.descendants().filter(|node| node.has_tag_name("strong")).map(words).collect::<Vec<_>>(), ["epoll"]);
    assert!(words(which).contains("no difference between epoll and uring: take the simpler"));
}

#[test]
fn it_tells_the_machine_and_every_reason_to_doubt() {
    let mut first = all_kinds();
    first.warnings.push("The machine was not quiet: during get-64.".to_owned());
    let page = page_of(&[first]);
    let document = parsed(&page);
    let told = words(document.root());
    for line in &all_kinds().machine {
        assert!(told.contains(&line.value), "{} is not told", line.name);
    }
    for must in ["not quiet", "forbidden", "holds 1,024", "left out: it was <elsewhere>", "0123456789ab", "recvfrom 1.00"] {
        assert!(told.contains(must), "{must} is not told");
    }
    assert!(told.contains("≥ 100,000"), "a rate that the load limited is marked");
}

#[test]
fn of_several_commits_it_says_so_and_which() {
    let warned = |reports: &[Report]| {
        let page = page_of(reports);
        let document = parsed(&page);
        let warning = document.descendants().find(|node| node.attribute("class") == Some("warning")).map(words);
        let machine = document.descendants().find(|node| node.attribute("id") == Some("machine")).map(words).unwrap();
        (warning, machine)
    };
    let mut reports = everything();
    let (warning, machine) = warned(&reports);
    assert_eq!(warning, None);
    assert_eq!(machine.matches("commit 0123456789ab").count(), reports.len(), "{machine}");
    reports[1].commit = Some("ba9876543210".to_owned());
    reports[2].commit = None;
    let (warning, machine) = warned(&reports);
    let warning = warning.unwrap();
    for told in ["models of commit 0123456789ab", "patterns of commit ba9876543210", "http1_parser of no known commit"] {
        assert!(warning.contains(told), "{warning}");
    }
    assert!(machine.contains("commit ba9876543210"), "{machine}");
}

#[test]
fn it_is_about_the_models_whichever_was_measured_last() {
    let mut reports = everything();
    reports.reverse();
    let last = reports.remove(0);
    assert_ne!(last.bench, "models");
    reports.push(last);
    reports[0].command = "the last command".to_owned();
    let page = page_of(&reports);
    let document = parsed(&page);
    let header = document.descendants().find(|node| node.has_tag_name("header")).unwrap();
    assert!(words(header).contains("cargo bench --bench models"), "{}", words(header));
    let nav = header.descendants().find(|node| node.has_tag_name("nav")).unwrap();
    let links: Vec<&str> = nav.descendants().filter_map(|node| node.attribute("href")).collect();
    for part in ["#which", "#figures", "#plots", "#calls", "#bound", "#bench-patterns", "#machine", "#again"] {
        assert!(links.contains(&part), "{part} is not among {links:?}");
    }
}

#[test]
fn headings_do_not_skip_a_level() {
    let page = page_of(&everything());
    let document = parsed(&page);
    let mut last = 0;
    for node in document.descendants().filter(Node::is_element) {
        let Some(level) = node.tag_name().name().strip_prefix('h').and_then(|level| level.parse::<u8>().ok()) else { continue };
        assert!(level <= last + 1, "h{level} behind h{last}: {}", words(node));
        last = level;
    }
    assert!(document.descendants().filter(|node| node.has_tag_name("table")).all(|table| {
        table.children().any(|node| node.has_tag_name("caption"))
            && table.descendants().any(|node| node.attribute("scope").is_some())
    }));
}
