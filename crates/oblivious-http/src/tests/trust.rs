//! Keys that everybody gets, and keys made for one person.

use dsse::SigningKey;

use crate::*;

const NOW: u64 = 1_760_000_000;
const HOUR: u64 = 3600;

fn signer() -> SigningKey {
    SigningKey::from_seed([3; 32])
}

/// A key config of its own kind: X-Wing of generation `n`.
fn x_wing(n: u8) -> DirectoryKey {
    listed(n, 0)
}

fn listed(n: u8, index: usize) -> DirectoryKey {
    let keys = GatewayKeys::from_seed(&[n; 32]).unwrap();
    let configs = directory::configs_of(&keys.config_list().unwrap()).unwrap();
    DirectoryKey {
        config: configs[index].clone(),
        published: NOW - 10 * HOUR,
        not_before: NOW - 5 * HOUR,
        not_after: NOW + 5 * HOUR,
    }
}

fn fingerprint(key: &DirectoryKey) -> String {
    key.key_config().unwrap().fingerprint().to_owned()
}

fn name(key: &DirectoryKey) -> String {
    fingerprint(key)[..16].to_owned()
}

fn list(keys: &[&DirectoryKey]) -> String {
    let list = Directory {
        issued: NOW - HOUR,
        expires: NOW + HOUR,
        keys: keys.iter().map(|&key| key.clone()).collect(),
    };
    list.sign(&[&signer()])
}

fn ask(relay: &str, direct: &str) -> Result<Trusted, Untrusted> {
    ask_at(relay, direct, NOW)
}

fn ask_at(relay: &str, direct: &str, now: u64) -> Result<Trusted, Untrusted> {
    let [relay, direct] =
        [("relay", relay), ("directly", direct)].map(|(path, directory)| Seen { path, directory });
    trusted_key(
        &[relay, direct],
        &[signer().public()],
        &KeyPolicy::default(),
        now,
    )
}

/// The fingerprint of the key that is taken of this one list, which both paths show.
fn taken(keys: &[&DirectoryKey]) -> Result<String, Untrusted> {
    let list = list(keys);
    ask(&list, &list).map(|trusted| trusted.key.fingerprint().to_owned())
}

#[test]
fn a_key_that_both_paths_show_is_trusted() {
    let key = x_wing(1);
    let trusted = ask(&list(&[&key]), &list(&[&key])).unwrap();
    assert_eq!(trusted.key.fingerprint(), fingerprint(&key));
    assert_eq!(trusted.passed_over, []);
}

/// As long as both lists hold and the key is valid.
#[test]
fn it_is_trusted_for_as_long_as_all_of_it_holds() {
    let key = x_wing(1);
    let short = DirectoryKey {
        not_after: NOW + 60,
        ..x_wing(1)
    };
    for (key, until) in [(&key, NOW + HOUR), (&short, NOW + 60)] {
        let list = list(&[key]);
        assert_eq!(ask(&list, &list).map(|trusted| trusted.until), Ok(until));
    }
    let older = Directory {
        issued: NOW - HOUR,
        expires: NOW + 30,
        keys: vec![key.clone()],
    };
    let trusted = ask(&list(&[&key]), &older.sign(&[&signer()])).unwrap();
    assert_eq!(trusted.until, NOW + 30);
}

#[test]
fn x_wing_comes_first_then_the_newest() {
    let (old, x25519) = (x_wing(1), listed(3, 1));
    let mut new = x_wing(2);
    new.not_before += HOUR;
    assert_eq!(taken(&[&old, &x25519, &new]), Ok(fingerprint(&new)));
    assert_eq!(taken(&[&new, &old]), Ok(fingerprint(&new)));
    assert_eq!(taken(&[&x25519, &old]), Ok(fingerprint(&old)));
    assert_eq!(taken(&[&x25519]), Ok(fingerprint(&x25519)));
}

/// The gateway shows this person, directly, one key more.
#[test]
fn a_key_made_for_one_person_shows() {
    let (all, one) = (x_wing(1), x_wing(9));
    let targeted = Untrusted::OnePathOnly {
        key: name(&one),
        path: "directly".to_owned(),
        missing: "relay".to_owned(),
    };
    let trusted = ask(&list(&[&all]), &list(&[&one, &all])).unwrap();
    assert_eq!(trusted.key.fingerprint(), fingerprint(&all));
    assert_eq!(trusted.passed_over, std::slice::from_ref(&targeted));
    assert_eq!(
        targeted.to_string(),
        format!(
            "the gateway's key {} came by directly and not by relay: it may have been made to recognize you; nothing \
             was sealed to it",
            name(&one)
        )
    );

    // And where it is the only one: nothing is sealed at all.
    let refused = ask(&list(&[&all]), &list(&[&one])).unwrap_err();
    assert!(
        matches!(refused, Untrusted::OnePathOnly { .. }),
        "{refused}"
    );

    // A key that is valid for one person for longer than for others is theirs alone, too.
    let mut longer = all.clone();
    longer.not_after += 1;
    let refused = ask(&list(&[&all]), &list(&[&longer])).unwrap_err();
    assert!(
        matches!(refused, Untrusted::OnePathOnly { .. }),
        "{refused}"
    );
}

#[test]
fn one_path_compares_nothing() {
    let list = list(&[&x_wing(1)]);
    let seen = Seen {
        path: "relay",
        directory: &list,
    };
    for paths in [&[seen][..], &[seen, seen], &[]] {
        let refused = trusted_key(paths, &[signer().public()], &KeyPolicy::default(), NOW);
        let seen = paths.len().min(1);
        assert_eq!(refused, Err(Untrusted::TooFewPaths { seen, needed: 2 }));
    }
}

#[test]
fn a_key_has_its_time() {
    let key = x_wing(1);
    let name = name(&key);
    let mut later = key.clone();
    later.not_before = NOW + 1;
    let early = Untrusted::NotYetValid { key: name.clone() };
    assert_eq!(taken(&[&later]), Err(early));
    let mut over = key.clone();
    over.not_after = NOW - 1;
    let late = Untrusted::Expired { key: name.clone() };
    assert_eq!(taken(&[&over]), Err(late));
    let mut young = key.clone();
    young.published = NOW - HOUR + 1;
    let young_is = Untrusted::TooYoung {
        key: name,
        age_s: HOUR - 1,
        least_age_s: HOUR,
    };
    assert_eq!(taken(&[&young]), Err(young_is));
    // One that was published in the future is no older.
    young.published = NOW + HOUR;
    assert!(matches!(
        taken(&[&young]),
        Err(Untrusted::TooYoung { age_s: 0, .. })
    ));
    assert_eq!(taken(&[]), Err(Untrusted::Empty));
}

/// From the old key to the new one there is no moment without one.
#[test]
fn keys_overlap_while_they_rotate() {
    let mut old = x_wing(1);
    old.not_after = NOW + 1200;
    let mut new = x_wing(2);
    (new.published, new.not_before) = (NOW - HOUR, NOW + 600);
    let list = list(&[&old, &new]);
    let at = |now| ask_at(&list, &list, now).map(|t| t.key.fingerprint().to_owned());
    for (now, key) in [
        (NOW, &old),
        (NOW + 599, &old),
        (NOW + 600, &new),
        (NOW + 1201, &new),
    ] {
        assert_eq!(at(now), Ok(fingerprint(key)), "{}", now - NOW);
    }
}

#[test]
fn a_list_is_signed_and_has_its_time() {
    let good = list(&[&x_wing(1)]);
    let stranger = Directory {
        issued: NOW,
        expires: NOW + HOUR,
        keys: vec![x_wing(1)],
    }
    .sign(&[&SigningKey::from_seed([4; 32])]);
    let refused = ask(&good, &stranger).unwrap_err();
    assert!(
        matches!(&refused, Untrusted::List { path, why: dsse::Error::UnknownSigner { .. } } if path == "directly"),
        "{refused}"
    );
    let other = list(&[&x_wing(2)]);
    let payload = |text: &str| {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        json["payload"].as_str().unwrap().to_owned()
    };
    let forged = good.replace(&payload(&good), &payload(&other));
    let refused = ask(&forged, &good).unwrap_err();
    assert!(
        matches!(&refused, Untrusted::List { path, why: dsse::Error::BadSignature { .. } } if path == "relay"),
        "{refused}"
    );
    let path = "relay".to_owned();
    let late = ask_at(&good, &good, NOW + HOUR + 1).unwrap_err();
    assert_eq!(late, Untrusted::ListExpired { path: path.clone() });
    let early = ask_at(&good, &good, NOW - HOUR - 1).unwrap_err();
    assert_eq!(early, Untrusted::ListNotYetValid { path });
}

#[test]
fn what_is_no_key_config_is_passed_over() {
    let key = x_wing(1);
    let broken = DirectoryKey {
        config: "AAAA".to_owned(),
        ..key.clone()
    };
    let list = list(&[&broken, &key]);
    let trusted = ask(&list, &list).unwrap();
    assert_eq!(trusted.key.fingerprint(), fingerprint(&key));
    assert!(matches!(trusted.passed_over[..], [Untrusted::Unusable(_)]));
}

/// Requests to either generation open, each with its own key.
#[test]
fn a_gateway_opens_with_several_generations() {
    let old = GatewayKeys::from_seed(&[1; 32]).unwrap();
    let both = GatewayKeys::from_generations(&[(1, [2; 32]), (0, [1; 32])]).unwrap();
    let configs = KeyConfig::parse(&both.config_list().unwrap()).unwrap();
    let ids: Vec<u8> = configs.iter().map(KeyConfig::key_id).collect();
    assert_eq!(ids, [3, 1, 4, 2]);
    for list in [old.config_list().unwrap(), both.config_list().unwrap()] {
        let key = VerifiedKey::pinned(&list).unwrap();
        let (sealed, _) = crate::client::seal_text(&key, "{}".to_owned(), &super::TERMS).unwrap();
        assert!(both.open(sealed.bytes()).is_ok());
    }
    // A generation that is gone is named as such.
    let new = GatewayKeys::from_generations(&[(1, [2; 32])]).unwrap();
    let key = VerifiedKey::pinned(&old.config_list().unwrap()).unwrap();
    let (sealed, _) = crate::client::seal_text(&key, "{}".to_owned(), &super::TERMS).unwrap();
    assert!(matches!(
        new.open(sealed.bytes()),
        Err(Error::UnknownKey { key_id: 1, .. })
    ));
    assert!(GatewayKeys::from_generations(&[]).is_err());
    assert!(GatewayKeys::from_generations(&[(127, [1; 32])]).is_err());
}
