use super::*;

/// The scheme that a word names.
fn named(word: &str) -> &'static Scheme {
    TABLES
        .iter()
        .copied()
        .flatten()
        .find(|scheme| scheme.words[0] == word)
        .unwrap_or_else(|| panic!("no scheme is named {word}"))
}

fn takes(scheme: &Scheme, number: &str) -> bool {
    fits(scheme.format.as_bytes(), number.as_bytes())
        .is_some_and(|(length, _)| length == number.len())
        && scheme.accepts(number)
}

/// Takes every number, and none with another digit in one place if the check sees all of these.
#[track_caller]
fn check(word: &str, sees_all: bool, numbers: &[&str]) {
    let scheme = named(word);
    for number in numbers {
        assert!(takes(scheme, number), "{word} {number}");
        for (at, old) in number.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
            for new in ('0'..='9').filter(|new| *new != old && sees_all) {
                let mut altered = (*number).to_owned();
                altered.replace_range(at..=at, new.encode_utf8(&mut [0; 4]));
                assert!(!takes(scheme, &altered), "{word} {number} as {altered}");
            }
        }
    }
}

#[test]
fn formats_are_read_whole_or_bare() {
    let fit = |format: &str, text: &str| fits(format.as_bytes(), text.as_bytes());
    assert_eq!(fit("99 9-A", "12 3-b4"), Some((6, true)));
    assert_eq!(fit("99 9-A", "123b"), Some((4, false)));
    assert_eq!(fit("99 9-A", "12\u{a0}3\u{2011}b"), Some((9, true)));
    assert_eq!(fit("99 9-A", "12 3b"), None);
    assert_eq!(fit("99 9-A", "123-b"), None);
    assert_eq!(fit("99", "1"), None);
    assert_eq!(fit("HX", "fz"), Some((2, false)));
    assert_eq!(fit("H", "g"), None);
}

#[test]
fn every_scheme_has_a_name_of_its_own_and_lower_case_words() {
    let mut names: Vec<&str> = Vec::new();
    for scheme in TABLES.iter().copied().flatten() {
        assert!(!names.contains(&scheme.words[0]), "{}", scheme.words[0]);
        names.push(scheme.words[0]);
        for word in scheme.words.iter().chain(words_of(scheme.kind)) {
            assert_eq!(*word, word.to_lowercase());
            assert!(word.chars().all(char::is_alphanumeric), "{word}");
        }
        let length = scheme
            .format
            .bytes()
            .filter(u8::is_ascii_alphanumeric)
            .count();
        assert!(length <= LONGEST, "{}", scheme.format);
        // Whatever fits may be asked: no check may index or subtract beyond what the format grants.
        for (digit, letter) in [("0", "A"), ("9", "Z"), ("5", "M"), ("1", "I")] {
            for either in [digit, letter] {
                let number = scheme
                    .format
                    .replace('9', digit)
                    .replace(['A'], letter)
                    .replace('X', either)
                    .replace('H', "5");
                // All digits alike are refused before the check.
                let head = number.replacen(digit, "2", 1);
                scheme.accepts(&head);
            }
        }
    }
}

/// Examples from the authorities' documentation, from python-stdnum's, or from the schemes' articles.
#[test]
fn europe() {
    check("nhs", true, &["943 476 5919", "401 023 2137", "9434765870"]);
    check("nino", false, &["AB 12 34 56 C", "JG103759A", "HH012345D"]);
    check("utr", false, &["1955839661", "19558 39661"]);
    check("driver", false, &["MORGA657054SM9IJ", "MORGA 657054 SM9IJ"]);
    check(
        "idnr",
        true,
        &[
            "36 574 261 809",
            "86095742719",
            "47036892816",
            "65929970489",
        ],
    );
    check("steuernummer", false, &["181/815/08155"]);
    check("stnr", false, &["93/815/08152"]);
    check("steuernr", false, &["133/8150/8159"]);
    check(
        "rentenversicherungsnummer",
        false,
        &["15 070649 C 103", "65170839J003", "65180539W001"],
    );
    check(
        "nir",
        true,
        &[
            "2 95 10 99 126 111 93",
            "253072B07300470",
            "253072A07300443",
            "1 84 12 76 451 089 46",
        ],
    );
    check(
        "spi",
        true,
        &["30 23 217 600 053", "3023217600053", "0701987765493"],
    );
    check("dni", true, &["54362315-K", "12345678Z", "00000001R"]);
    check("documento", true, &["54.362.315-K", "12.345.678-Z"]);
    check(
        "nie",
        true,
        &["X-2482300-W", "X1234567L", "Y1234567X", "Z1234567R"],
    );
    check("cif", true, &["J99216582", "A13585625", "A-58818501"]);
    check("nif", false, &["501 964 843", "504615947", "503 504 564"]);
    check("cidadão", false, &["00000000 0 ZZ4"]);
    check(
        "codice",
        true,
        &[
            "RCCMNL83S18D969H",
            "MRTMTT91D08F205J",
            "RSS MRA 85T10 A562S",
        ],
    );
    check("iva", true, &["00743110157", "07643520567", "12345670785"]);
    check("carta", false, &["CA00000AA"]);
    check("patente", false, &["AA1234567B", "U12345678A"]);
    check("bsn", true, &["1112.22.333", "123456782", "941331490"]);
    check(
        "rijksregisternummer",
        false,
        &["85.07.30-033 28", "17 07 30 033 84", "93.05.18-223.61"],
    );
    check(
        "ahv",
        true,
        &["756.9217.0769.85", "756.1234.5678.97", "7569217076985"],
    );
    check(
        "uid",
        true,
        &["CHE-100.155.212", "CHE-123.456.788", "CHE-109.322.551"],
    );
    check("sozialversicherung", true, &["1237 010180", "7821 010101"]);
    check("pps", true, &["6433435F", "1234567T"]);
    check(
        "ppsno",
        true,
        &["6433435FT", "6433435FW", "6433435OA", "1234567FA"],
    );
    check("personnummer", false, &["19811218-9876", "196408233234"]);
    check(
        "personnr",
        true,
        &["811218-9876", "640823-3234", "880320-0016"],
    );
    check("cpr", false, &["211062-5629", "070761-4285", "120174-3399"]);
    check(
        "fødselsnummer",
        true,
        &["151086 95088", "13097248022", "17054026641"],
    );
    check("hetu", true, &["131052-308T", "120464-126J", "010190-002R"]);
    check(
        "henkilötunnus",
        true,
        &["131052A308T", "010594Y9021", "010594Y9032"],
    );
    check(
        "pesel",
        true,
        &["44051401359", "02122401358", "02070803628"],
    );
    check(
        "nip",
        true,
        &["856-734-62-15", "526-104-05-67", "123-456-32-18"],
    );
    check("dowód", true, &["ABA 300000", "ABS123456", "ZZC 108201"]);
    check("rodné", false, &["710319/2745", "780123/3540"]);
    check("taj", true, &["111 111 110", "123 456 788", "037687210"]);
    check("adóazonosító", true, &["8071592153"]);
    check(
        "isikukood",
        false,
        &["36805280109", "37605030299", "33309240064", "38703181745"],
    );
    check("personas", false, &["161175-19997", "328673-00679"]);
    check("cnp", false, &["1630615123457", "1800101221144"]);
    check("egn", false, &["7523169263", "8032056031", "7542011030"]);
    check("amka", true, &["01013099997"]);
    check("afm", false, &["094259216", "094014201", "123456783"]);
    check("oib", true, &["33392005961", "69435151530", "94577403194"]);
    check("jmbg", false, &["0101006500006", "0710003730015"]);
    check("inn", false, &["123456789047", "500100732259"]);
    check(
        "snils",
        false,
        &["112-233-445 95", "087-654-303 00", "123-456-789 64"],
    );
    check("rnokpp", false, &["1759013776", "2530414071"]);
    check("tckn", true, &["17291716060", "10000000146", "19191919190"]);
}

#[test]
fn americas() {
    check(
        "itin",
        false,
        &["912-90-3456", "911-70-3456", "900-70-0000"],
    );
    check("ein", false, &["91-1144442", "04-2103594", "12-3456789"]);
    check("mbi", false, &["1EG4-TE5-MK73", "1EG4TE5MK72"]);
    check("sin", true, &["123-456-782", "130 692 544", "046 454 286"]);
    check(
        "cpf",
        false,
        &["390.533.447-05", "111.444.777-35", "529.982.247-25"],
    );
    check(
        "cnpj",
        false,
        &[
            "16.727.230/0001-97",
            "11.222.333/0001-81",
            "12.ABC.345/01DE-35",
        ],
    );
    check(
        "curp",
        false,
        &[
            "BOXW310820HNERXN09",
            "HEGG560427MVZRRL04",
            "SABC560626MDFLRN01",
        ],
    );
    check(
        "rfc",
        false,
        &["GODE 561231 GR8", "VACE-460910-SX6", "BOXW310820BN4"],
    );
    check("cuit", true, &["20-05536168-2", "20267565393"]);
    check(
        "rut",
        true,
        &["12.531.909-2", "76.086.428-5", "30.686.957-4"],
    );
    check("run", true, &["9.868.503-0"]);
    check("rol", true, &["12531909-2", "76086428-5"]);
    check(
        "nit",
        false,
        &["213.123.432-1", "860.034.313-7", "800.197.268-4"],
    );
    check("cédula", false, &["1.234.567-2"]);
    check("ecuador", true, &["171430710-3"]);
    check("ruc", false, &["20512333797", "10054148289", "20100070970"]);
    check("dominicana", true, &["001-1391820-5", "22400022111"]);
}

#[test]
fn asia() {
    check(
        "aadhaar",
        true,
        &["2341 2341 2346", "9999 4105 7058", "9999 7165 8847"],
    );
    check("pan", false, &["ACUPA7085R", "AAPPV8261K", "ABCPE1234F"]);
    check(
        "gstin",
        true,
        &["27AAPFU0939F1ZV", "27AASCS2460H1Z0", "29AAGCB7383J1Z4"],
    );
    check("epic", true, &["WKH1186253"]);
    check(
        "nric",
        true,
        &[
            "S1234567D",
            "T1234567J",
            "F1234567N",
            "G1234567X",
            "M1234567K",
        ],
    );
    check(
        "resident",
        true,
        &[
            "360426199101010071",
            "11010519491231002X",
            "440524188001010014",
        ],
    );
    check("hkid", true, &["G123456(A)", "A123456(3)", "L555555(0)"]);
    check("taiwan", false, &["A123456789", "A800000014", "F131104093"]);
    check(
        "rrn",
        false,
        &["971013-9019902", "720912-2080511", "201101-3000000"],
    );
    check("mynumber", false, &["6214 9832 0257", "1234 5678 9018"]);
    check("thai", false, &["1-2345-45678-78-1", "3100600445635"]);
    check("mykad", false, &["770305-02-1234"]);
    check("nik", false, &["3171011708450001", "3171015708450001"]);
    check("cnic", false, &["34201-0891231-8", "42201-0397640-8"]);
    check("teudat", true, &["03933742-3", "12345678-2"]);
    check(
        "emirates",
        true,
        &["784-1968-6570305-0", "784-1979-1234567-1"],
    );
    check("iqama", true, &["1058529940", "1000000008"]);
    check("tfn", true, &["123 456 782", "876 543 210", "459 599 230"]);
    check(
        "abn",
        true,
        &["83 914 571 673", "51 824 753 556", "53 004 085 616"],
    );
    check("acn", false, &["004 085 616", "010 499 966", "002 724 334"]);
    check("medicare", false, &["2123 45670 1", "2428 77813 2"]);
    check("ird", false, &["49-091-850", "49-098-576"]);
    check(
        "rsa",
        true,
        &["7503305044089", "800101 5009 087", "2001014800086"],
    );
}

#[test]
fn things() {
    check("mac", false, &["00:1A:2B:3C:4D:5E", "00:11:22:33:44:55"]);
    check("ethernet", false, &["00-1a-2b-3c-4d-5e"]);
    check("cisco", false, &["001a.2b3c.4d5e"]);
    check(
        "imei",
        true,
        &["35-686800-004141-8", "354178036859789", "490154203237518"],
    );
    check(
        "vin",
        true,
        &[
            "1M8GDM9AXKP042788",
            "5GZCZ43D13S812715",
            "1HGCM82633A004352",
        ],
    );
    check("fin", false, &["WP0ZZZ99ZTS392124"]);
    check("routing", true, &["111000025", "021000021", "122105155"]);
    check("dea", false, &["AB1234563", "BB1388568", "F91234563"]);
    check("npi", true, &["1234567893", "1245319599", "1679576722"]);
}
