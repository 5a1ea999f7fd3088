use super::*;

/// What the hosted edge is told, beside what the Worker is made of.
#[test]
fn the_deploy_file_names_what_is_built() {
    let file: toml::Table = include_str!("../../worker/wrangler.toml").parse().unwrap();
    let shim = include_str!("../../worker/shim.js");
    assert_eq!(file["main"].as_str(), Some("shim.js"));
    let globs: Vec<&str> = file["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["globs"][0].as_str().unwrap())
        .collect();
    assert_eq!(globs, ["**/*.js", "**/*.wasm"]);
    // Nothing is bundled, so every import is a file beside this one that a rule takes along.
    assert_eq!(file["no_bundle"].as_bool(), Some(true));
    let imports: Vec<&str> = shim
        .lines()
        .filter_map(|line| line.split(" from '").nth(1)?.strip_suffix("';"))
        .collect();
    assert_eq!(imports, ["./relay.js", "./relay_bg.wasm"]);
    let capnp = include_str!("../../worker/relay.capnp");
    let built = imports.iter().map(|import| import.trim_start_matches("./"));
    for name in built.chain(["shim.js"]) {
        assert!(capnp.contains(&format!("embed \"{name}\"")), "{name}");
    }
    let date = file["compatibility_date"].as_str().unwrap();
    assert!(capnp.contains(&format!("compatibilityDate = \"{date}\"")));
    // The counter that the Worker asks, by the minute.
    let limit = &file["ratelimits"][0];
    let worker = include_str!("../worker.rs");
    let name = limit["name"].as_str().unwrap();
    assert!(worker.contains(&format!("const PER_ADDRESS: &str = \"{name}\"")));
    assert_eq!(limit["simple"]["period"].as_integer(), Some(60));
    assert_eq!(file["observability"]["enabled"].as_bool(), Some(false));
}

fn status(
    method: &str,
    path: &str,
    content_type: Option<&str>,
    content_length: Option<&str>,
) -> u16 {
    match decide(&Incoming {
        method,
        path,
        content_type,
        content_length,
    }) {
        Decision::Preflight => 204,
        Decision::Healthy | Decision::Ready | Decision::Directory | Decision::Forward { .. } => 200,
        Decision::Refuse(problem) => problem.status,
    }
}

#[test]
fn requests() {
    let sealed = Some(REQUEST_TYPE);
    for (method, path, content_type, content_length, expected) in [
        ("POST", "/", sealed, Some("1674"), 200),
        (
            "POST",
            "/",
            Some("Message/OHTTP-chunked-req"),
            Some("1674"),
            200,
        ),
        ("POST", "/", sealed, Some("1064960"), 200),
        ("POST", "/", sealed, Some("1064961"), 413),
        ("POST", "/", sealed, Some("-1"), 400),
        ("POST", "/", sealed, None, 411),
        ("POST", "/", Some("application/json"), Some("10"), 415),
        ("POST", "/", None, Some("10"), 415),
        ("POST", "/v1/chat/completions", sealed, Some("10"), 404),
        ("GET", "/", None, None, 405),
        ("OPTIONS", "/", None, None, 204),
        ("GET", "/healthz", None, None, 200),
        ("GET", "/readyz", None, None, 200),
        ("GET", "/key-directory", None, None, 200),
        ("POST", "/key-directory", sealed, Some("10"), 404),
    ] {
        assert_eq!(
            status(method, path, content_type, content_length),
            expected,
            "{method} {path} {content_type:?} {content_length:?}"
        );
    }
}

#[test]
fn replies() {
    assert_eq!(decide_reply(200, Some(REPLY_TYPE)), Reply::Stream);
    assert_eq!(
        decide_reply(400, Some("application/problem+json")),
        Reply::Problem { status: 400 }
    );
    for (status, content_type) in [
        (200, Some("text/html")),
        (200, None),
        (302, Some(REPLY_TYPE)),
        (500, None),
    ] {
        assert!(
            matches!(decide_reply(status, content_type), Reply::Refuse(_)),
            "{status} {content_type:?}"
        );
    }
}

#[test]
fn lists_of_keys() {
    let json = Some(DIRECTORY_TYPE);
    assert_eq!(decide_directory(200, json, MAX_DIRECTORY), Ok(()));
    for (status, content_type, length) in [
        (404, json, 10),
        (302, json, 10),
        (200, Some("text/html"), 10),
        (200, None, 10),
        (200, json, MAX_DIRECTORY + 1),
    ] {
        let refused = decide_directory(status, content_type, length);
        assert_eq!(refused.map_err(|problem| problem.status), Err(502));
    }
}

#[test]
fn an_address_counts_as_the_network_that_one_customer_has() {
    for (address, network) in [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("::1", "::"),
    ] {
        let read = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(counted_as(read(address)), read(network), "{address}");
    }
}

#[test]
fn of_a_forwarded_header_the_last_hop_counts() {
    for (lines, address) in [
        (&["192.0.2.7"][..], Some("192.0.2.7")),
        (&["203.0.113.9, 192.0.2.7"], Some("192.0.2.7")),
        (
            &["203.0.113.9", "198.51.100.1 , 192.0.2.7 "],
            Some("192.0.2.7"),
        ),
        (&["192.0.2.7:4711"], Some("192.0.2.7")),
        (&["2001:db8::1"], Some("2001:db8::1")),
        (&["[2001:db8::1]:4711"], Some("2001:db8::1")),
        (&["[2001:db8::1]"], Some("2001:db8::1")),
        (&["192.0.2.7, unknown"], None),
        (&["192.0.2.7,"], None),
        (&[], None),
    ] {
        let read = last_hop(lines.iter().copied());
        assert_eq!(read, address.map(|text| text.parse().unwrap()), "{lines:?}");
    }
}

#[test]
fn only_seconds_are_passed_on_of_when_to_ask_again() {
    for (value, passed) in [
        (Some("7"), Some(7)),
        (Some(" 7 "), Some(7)),
        (Some("3600"), Some(3600)),
        (Some("3601"), None),
        (Some("Sun, 06 Nov 1994 08:49:37 GMT"), None),
        (Some("-1"), None),
        (None, None),
    ] {
        assert_eq!(retry_after(value), passed, "{value:?}");
    }
}

#[test]
fn problems_are_json_with_a_code() {
    assert_eq!(
        Problem::timeout().json(),
        r#"{"status":504,"title":"the gateway did not answer in time; try again","code":"gateway-unavailable"}"#
    );
    let busy = Problem::too_many(7);
    assert_eq!((busy.status, busy.retry_after), (429, Some(7)));
    assert_eq!(
        busy.json(),
        r#"{"status":429,"title":"too many requests come from this address; wait before the next one","code":"relay-rate-limited"}"#
    );
}
