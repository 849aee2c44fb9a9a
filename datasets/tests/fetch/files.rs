//! Sets whose files are downloaded one by one.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use lic_datasets::fetch::{Event, Options};
use lic_datasets::manifest::Source;
use lic_datasets::{Alteration, FetchError, Manifest, fetch};

use crate::server::{Manner, Request, Server};
use crate::{bytes, fetch_from, folder, names_in, set_of};

const ONE_BY_ONE: Source = Source::Files("http://example.org/");

/// A set of one file, and that file.
fn one(count: usize) -> (Manifest, Vec<u8>) {
    let file = bytes(3, count);
    (set_of(ONE_BY_ONE, &[("a.png", &file)]), file)
}

#[test]
fn all_files_arrive_and_are_not_asked_for_again() {
    let here = folder("all").join("made/on/the/way");
    let (a, b) = (bytes(1, 5000), bytes(2, 200_000));
    let set = set_of(ONE_BY_ONE, &[("a.png", &a), ("b.png", &b)]);
    let server = Server::start(Manner::Good, &[("x/a.png", &a), ("x/b.png", &b)]);
    let base = format!("{}/x", server.address);
    let done = fetch_from(&base, &set, &here).expect("a good server");
    assert_eq!((done.new, done.kept), (2, 0));
    assert_eq!(names_in(&here), ["a.png", "b.png"]);
    assert_eq!(fs::read(here.join("b.png")).expect("there"), b);
    let done = fetch_from(&base, &set, &here).expect("nothing to do");
    assert_eq!((done.new, done.kept), (0, 2));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_broken_download_goes_on_in_the_next_run() {
    let here = folder("resume");
    let (set, file) = one(100_000);
    let broken = Server::start(Manner::BreaksAndForgets, &[("a.png", &file)]);
    let error = fetch_from(&broken.address, &set, &here).expect_err("it breaks off");
    assert!(matches!(error, FetchError::NotFound { .. }), "{error}");
    assert_eq!(names_in(&here), ["a.png.part"]);
    let good = Server::start(Manner::Good, &[("a.png", &file)]);
    fetch_from(&good.address, &set, &here).expect("a good server");
    assert_eq!(good.requests(), [Request { path: "/a.png".to_owned(), range: Some(50_000) }]);
    assert_eq!(fs::read(here.join("a.png")).expect("there"), file);
    assert_eq!(names_in(&here), ["a.png"]);
}

#[test]
fn a_broken_connection_is_tried_again_in_the_same_run() {
    let here = folder("again");
    let (set, file) = one(100_000);
    let server = Server::start(Manner::BreaksOnce, &[("a.png", &file)]);
    let options = Options { base: Some(server.address.clone()), pause: Duration::from_millis(1) };
    let (mut arrived, mut failures) = (0, 0);
    let mut watch = |event: Event| match event {
        Event::Started { done, .. } => arrived = done,
        Event::Arrived(bytes) => arrived += bytes,
        Event::Failed { .. } => failures += 1,
        _ => {}
    };
    fetch(&set, &here, &options, &mut watch).expect("the second try goes on");
    assert_eq!((arrived, failures), (100_000, 1));
    let ranges: Vec<_> = server.requests().iter().map(|request| request.range).collect();
    assert_eq!(ranges, [None, Some(50_000)]);
}

#[test]
fn a_server_that_ignores_ranges_sends_everything_anew() {
    let here = folder("no-ranges");
    let (set, file) = one(3000);
    fs::write(here.join("a.png.part"), b"the beginning of something").expect("a writable folder");
    let server = Server::start(Manner::IgnoresRanges, &[("a.png", &file)]);
    fetch_from(&server.address, &set, &here).expect("a good server");
    assert_eq!(server.requests()[0].range, Some(26));
    assert_eq!(fs::read(here.join("a.png")).expect("there"), file);
}

#[test]
fn a_complete_part_only_gets_its_name() {
    let here = folder("complete-part");
    let (set, file) = one(3000);
    fs::write(here.join("a.png.part"), &file).expect("a writable folder");
    let server = Server::start(Manner::Good, &[("a.png", &file)]);
    fetch_from(&server.address, &set, &here).expect("a good server");
    assert_eq!(names_in(&here), ["a.png"]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_part_longer_than_the_file_is_thrown_away() {
    let here = folder("long-part");
    let (set, file) = one(3000);
    fs::write(here.join("a.png.part"), bytes(9, 4000)).expect("a writable folder");
    let server = Server::start(Manner::Good, &[("a.png", &file)]);
    fetch_from(&server.address, &set, &here).expect("a good server");
    assert_eq!(fs::read(here.join("a.png")).expect("there"), file);
}

#[test]
fn wrong_content_is_deleted_and_named() {
    let here = folder("wrong");
    let (set, file) = one(3000);
    let server = Server::start(Manner::Good, &[("a.png", &bytes(4, file.len()))]);
    let error = fetch_from(&server.address, &set, &here).expect_err("another file");
    assert!(matches!(&error, FetchError::WrongContent { alteration: Alteration::Digest, .. }), "{error}");
    assert!(error.to_string().contains(&format!("{}/a.png", server.address)), "{error}");
    assert!(names_in(&here).is_empty());
}

#[test]
fn altered_files_are_replaced_and_named() {
    let here = folder("replaced");
    let (set, file) = one(3000);
    fs::write(here.join("a.png"), b"altered").expect("a writable folder");
    let server = Server::start(Manner::Good, &[("a.png", &file)]);
    let done = fetch_from(&server.address, &set, &here).expect("a good server");
    assert_eq!((done.new, done.replaced), (0, vec!["a.png"]));
    assert_eq!(fs::read(here.join("a.png")).expect("there"), file);
}

#[test]
fn what_does_not_exist_is_asked_for_once() {
    let here = folder("not-found");
    let (set, _) = one(30);
    let server = Server::start(Manner::Good, &[]);
    let error = fetch_from(&server.address, &set, &here).expect_err("nothing there");
    assert!(matches!(error, FetchError::NotFound { status: 404, .. }), "{error}");
    assert!(error.to_string().contains("--from"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_refusal_is_final_and_a_server_out_of_order_is_tried_four_times() {
    let here = folder("status");
    let (set, file) = one(30);
    for (status, tries) in [(403, 1), (503, 4)] {
        let server = Server::start(Manner::Status(status), &[("a.png", &file)]);
        let error = fetch_from(&server.address, &set, &here).expect_err("no file");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert_eq!(server.requests().len(), tries, "{error}");
    }
}

#[test]
fn a_machine_without_network_is_told_so() {
    let here = folder("offline");
    let (set, _) = one(30);
    // A port that was free a moment ago: nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let error = fetch_from(&format!("http://{port}"), &set, &here).expect_err("nobody listens");
    assert!(matches!(&error, FetchError::Unreachable { tries: 4, .. }), "{error}");
    assert!(error.to_string().contains(&format!("http://{port}/a.png")), "{error}");
}

#[test]
fn what_is_no_address_is_not_tried() {
    let (set, _) = one(30);
    let error = fetch_from("just words", &set, &folder("words")).expect_err("no address");
    assert!(matches!(error, FetchError::BadAddress { .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let here = folder("blocked");
    fs::write(here.join("file"), b"").expect("a writable folder");
    let (set, _) = one(30);
    let error = fetch_from("http://127.0.0.1:1", &set, &here.join("file/set")).expect_err("a file is in the way");
    assert!(matches!(&error, FetchError::Disk { .. }), "{error}");
    assert!(error.to_string().contains("file"), "{error}");
}
