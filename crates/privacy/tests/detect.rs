//! What each recognizer finds and what it leaves alone. `«…»` marks what must be found, and nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use privacy::detect;
use query::EntityKind::{self, ApiKey, Card, Email, Iban, IpAddress, Phone, Ssn, UrlCredential};

#[track_caller]
fn check(kind: EntityKind, marked: &str) {
    let text = marked.replace(['«', '»'], "");
    let mut expected = Vec::new();
    let mut rest = marked;
    let mut offset = 0;
    while let Some((before, after)) = rest.split_once('«') {
        let (value, tail) = after.split_once('»').unwrap();
        let start = offset + before.len();
        expected.push((start..start + value.len(), kind));
        offset = start + value.len();
        rest = tail;
    }
    let found: Vec<_> = detect(&text)
        .into_iter()
        .map(|span| (span.range, span.kind))
        .collect();
    assert_eq!(found, expected, "{marked}");
}

#[test]
fn email() {
    for text in [
        "Write to «ada.lovelace+notes@example.com», please.",
        "«ada@example.co.uk»",
        "<«ada@example.com»> and (mailto:«bob_b@example.org»)",
        "*«ada@example.com»*, `«ada@example.com»`, '«ada@example.com»'",
        "address=«ada@example.com»&x=1",
        "«jürgen@müller.example»",
        "«é.@example.com»",
        "連絡先は«ada@example.jp»です",
        "«o'brien@example.ie».",
        "https://example.com/users/«ada@example.com»",
        "Mail «a@xn--bcher-kva.example»!",
        "nobody@localhost, @ada, a@b, react@18.2.0, icon@2x.png, x@@y.com",
        "git clone git@github.example:org/repo.git",
        "ada@-example.com, ada@example..com, @example.com",
    ] {
        check(Email, text);
    }
}

#[test]
fn phone() {
    for text in [
        "Call «(415) 555-0132» or «+1 415 555 0199».",
        "«415-555-0132» «415.555.0133»",
        "«+14155550132»",
        "My number: «+49 30 901820», office.",
        "«+44 (0)20 7946 0958»",
        "«020 7946 0958» is in London, «06 12 34 56 78» in Paris, «030/901820-12» in Berlin",
        "«0049 30 901820»",
        "«0431 35 06 90»-Office, Fax-«0319 3649187»",
        "phone 1: «4155550132»",
        "my phone is «555-0142», thanks",
        "4155550132 apples, 555-0142 pears",
        "2024-11-05 12:30, 05.11.2024 10, 1990-2000",
        "Call me on 2024-11-05 at 12.30",
        "0.123456789, 3.14159265358979, 1,000,000",
        "order 12-415-555-0132-77",
    ] {
        check(Phone, text);
    }
}

#[test]
fn card() {
    for text in [
        "«4111 1111 1111 1111»",
        "«4111111111111111»",
        "«4111-1111-1111-1111», then «5555 5555 5555 4444».",
        "Amex «3782 822463 10005», Diners «3056 930902 5904»",
        "7 «4111 1111 1111 1111» 12/27 123",
        "«4242\u{a0}4242\u{a0}4242\u{a0}4242»",
        "credit card «630427373398», credit card «060426070011»",
        "«6011111111111117», «3530111333300000», «2223003122003222»",
        "4111 1111 1111 1112, 0000 0000 0000 0000, x4111111111111111",
        "1234567890123456",
    ] {
        check(Card, text);
    }
}

#[test]
fn iban() {
    for text in [
        "IBAN «DE89 3704 0044 0532 0130 00» please",
        "«GB29NWBK60161331926819».",
        "«fr14 2004 1010 0505 0001 3m02 606»",
        "«NO93 8601 1117 947», «MT84MALT011000012345MTLCAST001S»",
        "DE89 3704 0044 0532 0130 01",
        "my IBAN is «DE89 3704 0044 0532 0130 01»",
        "XX89 3704 0044 0532 0130 00",
        "DE89 3704 0044 0532 0130 001",
    ] {
        check(Iban, text);
    }
}

#[test]
fn ssn() {
    for text in [
        "SSN «536-90-4399»",
        "«536-90-4399»",
        "social security number «536 90 4399» or «536904399»",
        "536 90 4399, 536904399",
        "000-12-3456, 666-12-3456, 900-12-3456, 536-00-4399, 536-90-0000, 219-09-9999",
        "part 1-536-90-4399-2",
    ] {
        check(Ssn, text);
    }
}

#[test]
fn ip_address() {
    for text in [
        "version «203.0.113.7» ping «203.0.113.7», then «198.51.100.23»:8080/24.",
        "from «2001:db8::8a2e:370:7334», «fe80::1ff:fe23:4567:890a»%eth0.",
        "[«2001:db8::1»]:443 and «::ffff:192.0.2.1»",
        "127.0.0.1, ::1, 0.0.0.0, 256.1.1.1, 1.2.3, 1.2.3.4.5, v1.2.3.4, version 1.2.3.4",
        "std::net, a::b, 12:30:45, 01:02",
    ] {
        check(IpAddress, text);
    }
}

#[test]
fn url_credential() {
    for text in [
        "postgres://«ada:hunter2»@db.example.com:5432/x",
        "https://«ada:p:w@d»@example.com/path",
        "https://«0123456789abcdef0123»@example.com",
        "ssh://git@example.com/repo, https://example.com/@ada, http://example.com:80/",
    ] {
        check(UrlCredential, text);
    }
}

#[test]
fn api_key() {
    // Cut in two, so that scanners of source code do not take them for real.
    for (text, key) in [
        ("key: {}", concat!("sk-", "proj-abcDEF123456_ghiJKL7890-x")),
        (
            "{}",
            concat!("ghp", "_0123456789abcdefghijABCDEFGHIJ012345"),
        ),
        ("aws {} here.", concat!("AKIA", "IOSFODNN7EXAMPLE")),
        ("Authorization: Bearer {}", "0123456789abcdef.0123456789"),
        (
            "{}.",
            concat!("eyJhbGciOiJIUzI1NiJ9.", "eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"),
        ),
        ("password: {}\n", "hunter2!"),
        ("my password is {}, do not tell", "hunter2"),
        ("\"api_key\": \"{}\"", "a1b2c3d4e5f6g7h8"),
        ("DB_PASSWORD={}", "s3cr3t_pw"),
        (
            "see\n{}\n",
            concat!(
                "-----BEGIN RSA PRIVATE ",
                "KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----"
            ),
        ),
        (
            "cut: {}",
            concat!("-----BEGIN PRIVATE ", "KEY-----\nMIIBVgIBADANBg"),
        ),
    ] {
        check(ApiKey, &text.replace("{}", &format!("«{key}»")));
    }
    for text in [
        "sk-learn-is-a-library-of-python, hf_hub_download_of_a_whole_model",
        "max_tokens: 12, token = next_token(), the token is something_else",
        "what is a secret? the password is: nothing",
        "AKIA is a prefix, eyJ too",
    ] {
        check(ApiKey, text);
    }
}
