//! What each recognizer finds and what it leaves alone. `«…»` marks what must be found, and nothing else but
//! host names and dates, which stand in many a sentence.

#![expect(
    clippy::unwrap_used,
    reason = "outside `#[test]` functions, but only for them"
)]

use privacy::detect;
use proptest::prelude::*;
use query::EntityKind::{self, *};

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
        .filter(|span| span.kind == kind || !matches!(span.kind, Domain | Date))
        .map(|span| (span.range, span.kind))
        .collect();
    assert_eq!(found, expected, "{marked}");
}

/// Finds one thing, and takes it for this.
#[track_caller]
fn check_all(cases: &[(EntityKind, &str)]) {
    for (kind, marked) in cases {
        check(*kind, marked);
    }
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
        // All of the URL, which tells as much.
        "«https://example.com/users/ada@example.com»",
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

#[test]
fn passwords() {
    for text in [
        "password: «Tr!cky»",
        "Please reset my password to «Sommer2024» now.",
        "Mein Passwort ist «geheim77».",
        "MYSQL_PASSWORD='«s3cr3t_pw»'",
        "my PIN is «4711», CVV «123»",
        "the verification code is «482913»",
        "password: required, password = user.password, password=$PASSWORD, getPassword() is 12345",
        "A pin code: 560001. GPIO pin is high, 12 pins. The password is too short.",
    ] {
        check(ApiKey, text);
    }
}

#[test]
fn issued_tokens() {
    for (prefix, rest) in [
        ("sk-", "ant-api03-abcDEF123456-ghiJKL7890"),
        ("glpat-", "abcdefGHIJ0123456789"),
        ("xoxb-", "123456789012-abcDEF0123456789"),
        ("sk_", "live_4eC39HqLyjWDarjtT1zdp7dc"),
        ("AIza", "SyD0123456789abcdefghijABCDEFGHIJ0"),
        ("AC", "0123456789abcdef0123456789abcdef"),
        ("SG.", "abcdefGHIJ0123456789.abcdefGHIJ0123456789"),
        ("npm_", "abcdefghijABCDEFGHIJ0123456789abcdef"),
        ("pypi-", "AgEIcHlwaS5vcmcCJDAxMjM0NTY3LTg5"),
        ("hf_", "abcdefghijABCDEFGHIJklmnop1234"),
    ] {
        check(ApiKey, &format!("use «{prefix}{rest}», it works"));
    }
    check(
        ApiKey,
        "aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
    );
    check(ApiKey, "our secret for staging: «q7Rz2Kp9Wm4Xv8Tb1Nc6Yd3H»");
    check(
        ApiKey,
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b fixes the parser of secret_santa_2024, token_count_of_2024_runs",
    );
}

#[test]
fn numbers_of_states() {
    check_all(&[
        (TaxId, "My ITIN is «912-90-3456», EIN «91-1144442»."),
        (MedicalRecord, "NHS number «943 476 5919»"),
        (NationalId, "NI number «AB 12 34 56 C» and «ab123456c»"),
        (TaxId, "UTR: «1955839661»"),
        (TaxId, "Steuer-ID «36 574 261 809»"),
        (TaxId, "Steuer-ID: «12 345 678 901»"),
        (TaxId, "meine Steuernummer: «181/815/08155»"),
        (NationalId, "«2 95 10 99 126 111 93»"),
        (NationalId, "DNI «54362315-K», NIE «X2482300W»"),
        (TaxId, "codice fiscale «RCCMNL83S18D969H»"),
        (NationalId, "mijn BSN is «111222333»"),
        (NationalId, "«85.07.30-033 28»"),
        (NationalId, "PESEL «44051401359»"),
        (NationalId, "personnummer «811218-9876»"),
        (NationalId, "hetu «131052-308T»"),
        (TaxId, "o meu NIF é «501 964 843»"),
        (NationalId, "Aadhaar «2341 2341 2346»"),
        (TaxId, "PAN «ACUPA7085R»"),
        (NationalId, "NRIC «S1234567D»"),
        (TaxId, "ABN «51 824 753 556», TFN «123 456 782»"),
        (NationalId, "my SIN: «130 692 544»"),
        (TaxId, "CPF «390.533.447-05», CNPJ «16.727.230/0001-97»"),
        (NationalId, "«971013-9019902»"),
        (NationalId, "身份证号«11010519491231002X»"),
        (NationalId, "CURP «BOXW310820HNERXN09»"),
        (NationalId, "RUT «12.531.909-2»"),
        (NationalId, "id «7503305044089»"),
    ]);
}

#[test]
fn papers_banks_and_devices() {
    check_all(&[
        (Passport, "My passport number is «X12345678»."),
        (Passport, "passport: «C01X00T47»"),
        (Passport, "Passport No. «543216789», expires soon"),
        (
            DriverLicense,
            "My driver's license number is «2270-66-1551»",
        ),
        (DriverLicense, "driver’s license: «LH329609T»"),
        (DriverLicense, "«MORGA657054SM9IJ»"),
        (MedicalRecord, "MRN: «00483920», «1EG4-TE5-MK73»"),
        (LicenseNumber, "DEA number «AB1234563», NPI «1234567893»"),
        (
            BankAccount,
            "routing number «021000021», account number «000123456789»",
        ),
        (VehicleId, "VIN «1M8GDM9AXKP042788»"),
        (
            VehicleId,
            "license plate «7ABC123», plate number: «B-AB 1234»",
        ),
        (MacAddress, "«00:1A:2B:3C:4D:5E» and «00-1a-2b-3c-4d-5e»"),
        (DeviceId, "IMEI «490154203237518»"),
        (
            CryptoAddress,
            "send to «1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa»",
        ),
        (
            CryptoAddress,
            "«bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4»",
        ),
        (
            CryptoAddress,
            "«0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed»",
        ),
        (Coordinates, "at «40.7128, -74.0060» now"),
        (Coordinates, "«40°42'46\"N, 74°00'22\"W»"),
        (Coordinates, "lat: «52.52, lng: 13.40»"),
    ]);
}

#[test]
fn people() {
    check_all(&[
        (
            Age,
            "She is «36» years old, he is a «41»-year-old, I just turned «46»",
        ),
        (Age, "I'm «34», aged «12», (age: «7»), («28»F)"),
        (
            Age,
            "I am 5 minutes late, I'm 100% sure, turned 90 degrees, page 34, 1.5 years old",
        ),
        (
            DateOfBirth,
            "born on «March 3, 1990», DOB: «12/03/85», born in «1985»",
        ),
        (DateOfBirth, "Date of birth «1990-03-12»; hired 2012-01-02"),
        (UserName, "username: «ladybug», my user name is «ada_l»"),
        (
            UserName,
            "follow me on instagram «@ada.lovelace», cc «@bob_77»",
        ),
        (
            UserName,
            "@Override @param x, @media screen, the username is required, username: string",
        ),
    ]);
}

#[test]
fn dates() {
    for text in [
        "on «2024-03-12», «12/03/2024», «March 3, 2024», «3 March 2024», «3rd of May»",
        "«1993-08-24 01:26:53» and «2024-03-12T12:00:00Z».",
        "am «3. Mai 2024», le «14 juillet 1989»",
        "in 1990, 3/4 cup, may 3 of them, 12.5.3, 2024.1.2, march 3 miles, $2024-01, 99/99/2024, v1.2.2024",
    ] {
        check(Date, text);
    }
}

#[test]
fn domains() {
    for text in [
        "see «https://www.FunnyTan.co.nz/» and «http://VoipPolicy.ch/a?b=c#d».",
        "«www.lacrosseproperties.si», «example.com», («news.bbc.co.uk/world»)",
        "host=«db.example.org:5432»",
        "main.rs, README.md, node.js, e.g. this, std.io(), user.id, self.online, done.It is, 3.14.com, v1.2.3, ASP.NET, a.b",
    ] {
        check(Domain, text);
    }
}

/// What looks like a number of somebody, and is not.
#[test]
fn daily_life() {
    for text in [
        "Order 4155550132 shipped, tracking 9400110200881234567890, invoice INV-123456, ticket #10023.",
        "Rust 1.95.0, Python 3.12.1, Chromium 131.0.6778.85, build 20241105.3",
        "It costs $1,234,567.89 or 1.234.567,89 € or 123456782 points, 15% off.",
        "Meet at 12:30:45 or 7.15 pm; 24/7; 3 x 4 = 12; 2^31 - 1 = 2147483647; pi is 3.14159265358979",
        "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2, EAN 4006381333931, ISSN 2049-3630",
        "f(x) = 3x + 123456789, [0.1234, 0.5678], 1e-10, 0x7fff, #ff8800, 1700000000, 1700000000000",
        "The responsibilities of 1234 people; chapter 11, verse 3:16; 100 000 people; 10-12 items",
        "SELECT id FROM user WHERE account = 5; x = user.name; max_tokens: 128; port 8080; 1920x1080",
        "uuid 123e4567-e89b-12d3-a456-426614174000, sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "My passport expires soon, the account is new, the pin is broken, an id card with a photo.",
        "I am 3 hours away, he turned 90 degrees, size 34, 12 months, the 1990s, in 2024",
    ] {
        assert_eq!(detect(text), [], "{text}");
    }
}

/// Where two readings are possible, the usual one wins.
#[test]
fn collisions() {
    check_all(&[
        // Also an NHS number.
        (Phone, "call me: «943-476-5919»"),
        (MedicalRecord, "NHS «943-476-5919»"),
        // Also a citizen number of the Netherlands.
        (Phone, "phone «111 222 333»"),
        (Ssn, "SSN «536-90-4399»"),
        // Also a device's number.
        (Card, "card «378282246310005»"),
        // Also a bank account.
        (Iban, "account number «DE89 3704 0044 0532 0130 00»"),
        (Card, "account «4111 1111 1111 1111»"),
        (IpAddress, "login from «203.0.113.7»"),
        (Email, "username: «ada@example.com»"),
    ]);
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,20}",
        "[A-Za-z]{1,6}",
        "[0-9A-Za-z]{1,60}",
        "[ ./:@_#'=,()+-]{1,3}",
        Just("passport number ".to_owned()),
        Just("born on March ".to_owned()),
        Just("password is ".to_owned()),
        Just("https://".to_owned()),
        Just("° ′ ″ N é身\u{a0}\u{2011}".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics_and_spans_are_in_order(text in prop_oneof![any::<String>(), pieces()]) {
        let mut end = 0;
        for span in detect(&text) {
            prop_assert!(span.range.start >= end && !span.range.is_empty());
            prop_assert!(text.get(span.range.clone()).is_some());
            prop_assert!((0.0..=1.0).contains(&span.score));
            end = span.range.end;
        }
    }
}
