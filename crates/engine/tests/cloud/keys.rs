//! Keys that signed lists name: compared before anything is sealed, and again when the gateway asks for others.

use std::cell::Cell;

use dsse::SigningKey;
use engine::SignedLists;
use oblivious_http::{Directory, DirectoryKey, configs_of};

use super::*;

const PATHS: [&str; 2] = ["https://a.example/keys", "https://b.example/keys"];
/// The clock begins at 0, and nothing here takes so long.
const LATER: u64 = 1 << 40;

/// X-Wing of the gateway with this seed.
fn key(seed: u8) -> DirectoryKey {
    let list = GatewayKeys::from_seed(&[seed; 32]).unwrap().config_list();
    DirectoryKey {
        config: configs_of(&list.unwrap()).unwrap()[0].clone(),
        published: 0,
        not_before: 0,
        not_after: LATER,
    }
}

fn list(keys: Vec<DirectoryKey>) -> Directory {
    Directory {
        issued: 0,
        expires: LATER,
        keys,
    }
}

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

/// What each path hands out now, and how often somebody looked.
#[derive(Clone, Default)]
struct Published {
    lists: Rc<RefCell<[Option<String>; 2]>>,
    looks: Rc<Cell<usize>>,
}

impl Published {
    /// The same by both.
    fn alike(list: &Directory) -> Self {
        let published = Self::default();
        published.show([list, list]);
        published
    }

    fn show(&self, lists: [&Directory; 2]) {
        *self.lists.borrow_mut() = lists.map(|list| Some(list.sign(&[&signer(3)])));
    }

    /// What comes by this path.
    fn get(&self, path: &str) -> Result<String, Error> {
        let at = PATHS.iter().position(|known| *known == path).unwrap();
        self.looks.set(self.looks.get() + 1);
        self.lists.borrow()[at]
            .clone()
            .ok_or_else(|| Error::new(ErrorCode::RelayUnavailable, "nobody there"))
    }
}

/// An engine that compares these lists; `gateway` has the keys of a seed.
fn engine_with(
    published: &Published,
    gateway: &Rc<Cell<u8>>,
    step_ms: f64,
) -> InProcess<impl Fn(&[u8]) -> Result<Wire, Error> + use<>, Always> {
    engine_for(published, gateway, step_ms, 0)
}

/// And takes keys that have been public for so long.
fn engine_for(
    published: &Published,
    gateway: &Rc<Cell<u8>>,
    step_ms: f64,
    least_age_s: u64,
) -> InProcess<impl Fn(&[u8]) -> Result<Wire, Error> + use<>, Always> {
    let (published, gateway) = (published.clone(), gateway.clone());
    let relay = InMemory::new(move |sealed: &[u8]| {
        let keys = GatewayKeys::from_seed(&[gateway.get(); 32]).unwrap();
        let Ok((_, mut sealer)) = keys.open(sealed) else {
            return Err(Error::new(ErrorCode::KeyMismatch, "unknown key"));
        };
        Ok(whole(vec![
            sealer.head(200, &[]).unwrap(),
            sealer.chunk(data("Hello").as_bytes()).unwrap(),
            sealer.chunk(END.as_bytes()).unwrap(),
            sealer.finish().unwrap(),
        ]))
    })
    .with(move |path| published.get(path));
    let signed_by = [signer(3).public().to_base64()];
    let lists =
        SignedLists::new(&signed_by, PATHS.map(str::to_owned).to_vec(), least_age_s).unwrap();
    let engine = engine_at(NoModel, relay, lists, step_ms, Always(true));
    engine.set_detector(Detector::default());
    engine
}

/// The receipt's key and what it says of another one, or how the question ended.
fn sent<F: Fn(&[u8]) -> Result<Wire, Error>>(
    engine: &InProcess<F, Always>,
) -> Result<(String, Option<String>), ErrorCode> {
    let mut events = Vec::new();
    block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |event| events.push(event)))
        .map_err(|error| error.code)?;
    let sent = read(events).1.unwrap().1.sent.unwrap();
    Ok((sent.key_id, sent.targeted))
}

fn fingerprint(key: &DirectoryKey) -> String {
    key.key_config().unwrap().fingerprint().to_owned()
}

#[test]
fn what_all_paths_show_is_sealed_to_and_not_fetched_for_each_question() {
    let published = Published::alike(&list(vec![key(1)]));
    let engine = engine_with(&published, &Rc::new(Cell::new(1)), 10.0);
    assert_eq!(block_on(engine.refresh_keys()), Ok(()));
    for _ in 0..2 {
        assert_eq!(sent(&engine), Ok((fingerprint(&key(1)), None)));
    }
    assert_eq!(published.looks.get(), 2);
}

#[test]
fn what_is_not_trusted_is_not_sealed_to() {
    let late = DirectoryKey {
        not_before: LATER,
        ..key(1)
    };
    let old = Directory {
        expires: 0,
        ..list(vec![key(1)])
    };
    let of_the_future = Directory {
        issued: LATER,
        ..list(vec![key(1)])
    };
    let good = list(vec![key(1)]);
    for (lists, code) in [
        ([&good, &list(vec![key(2)])], ErrorCode::KeyTargeted),
        ([&good, &list(vec![])], ErrorCode::KeyTargeted),
        ([&list(vec![]), &list(vec![])], ErrorCode::KeyListRefused),
        (
            [&list(vec![late.clone()]), &list(vec![late])],
            ErrorCode::ClockSkewed,
        ),
        ([&good, &old], ErrorCode::KeyListExpired),
        ([&good, &of_the_future], ErrorCode::ClockSkewed),
    ] {
        let published = Published::default();
        published.show(lists);
        // A gateway that has the key, so that nothing else can be what stops it.
        let engine = engine_with(&published, &Rc::new(Cell::new(1)), 1000.0);
        assert_eq!(sent(&engine), Err(code));
        assert_eq!(
            block_on(engine.refresh_keys()).map_err(|error| error.code),
            Err(code)
        );
    }
    let published = Published::default();
    *published.lists.borrow_mut() = [3, 4].map(|by| Some(good.sign(&[&signer(by)])));
    let engine = engine_with(&published, &Rc::new(Cell::new(1)), 10.0);
    assert_eq!(sent(&engine), Err(ErrorCode::KeyListRefused));

    let engine = engine_for(&Published::alike(&good), &Rc::new(Cell::new(1)), 10.0, 3600);
    assert_eq!(sent(&engine), Err(ErrorCode::KeyTooYoung));
}

/// Beside the one that everybody gets.
#[test]
fn a_key_that_one_path_alone_shows_is_told_of() {
    let published = Published::default();
    published.show([&list(vec![key(1)]), &list(vec![key(2), key(1)])]);
    let engine = engine_with(&published, &Rc::new(Cell::new(1)), 10.0);
    let (key_id, targeted) = sent(&engine).unwrap();
    assert_eq!(key_id, fingerprint(&key(1)));
    assert_eq!(
        targeted.unwrap(),
        format!(
            "the gateway's key {} came by {} and not by {}: it may have been made to recognize you; nothing was sealed to it",
            &fingerprint(&key(2))[..16],
            PATHS[1],
            PATHS[0]
        )
    );
}

#[test]
fn a_gateway_that_has_rotated_its_keys_gets_the_question_sealed_anew_once() {
    let published = Published::alike(&list(vec![key(1)]));
    let gateway = Rc::new(Cell::new(1));
    let engine = engine_with(&published, &gateway, 10.0);
    assert!(sent(&engine).is_ok());

    gateway.set(2);
    published.show([&list(vec![key(2)]), &list(vec![key(2)])]);
    assert_eq!(sent(&engine), Ok((fingerprint(&key(2)), None)));

    // One whose lists name no other key, or a key that it does not have either.
    gateway.set(3);
    assert_eq!(sent(&engine), Err(ErrorCode::KeyMismatch));
    published.show([&list(vec![key(4)]), &list(vec![key(4)])]);
    assert_eq!(sent(&engine), Err(ErrorCode::KeyMismatch));
}

/// Each look at the clock is an hour later.
#[test]
fn lists_are_fetched_again_after_hours_and_hold_no_longer_than_they_say() {
    const HOUR_MS: f64 = 3_600_000.0;
    let published = Published::alike(&Directory {
        expires: 100 * 3600,
        ..list(vec![key(1)])
    });
    let engine = engine_with(&published, &Rc::new(Cell::new(1)), HOUR_MS);
    assert!(sent(&engine).is_ok());
    let once = published.looks.get();
    assert!(sent(&engine).is_ok());
    assert!(published.looks.get() > once, "hours have passed");

    // Nobody is there to ask: what was compared goes on until it expires, and not beyond.
    *published.lists.borrow_mut() = [None, None];
    let mut questions = 0;
    let end = loop {
        match sent(&engine) {
            Ok(_) => questions += 1,
            Err(code) => break code,
        }
    };
    assert_eq!(end, ErrorCode::RelayUnavailable);
    assert!((1..100).contains(&questions), "{questions}");

    // Lists that say otherwise end it at once.
    let published = Published::alike(&list(vec![key(1)]));
    let engine = engine_with(&published, &Rc::new(Cell::new(1)), 4.0 * HOUR_MS);
    assert!(sent(&engine).is_ok());
    published.show([&list(vec![key(1)]), &list(vec![key(2)])]);
    assert_eq!(sent(&engine), Err(ErrorCode::KeyTargeted));
    *published.lists.borrow_mut() = [None, None];
    assert_eq!(
        sent(&engine),
        Err(ErrorCode::RelayUnavailable),
        "nothing is left"
    );
}

#[test]
fn one_path_compares_nothing_and_is_an_error_at_once() {
    let signed_by = [signer(3).public().to_base64()];
    for (signed_by, paths) in [
        (&signed_by[..], vec![]),
        (&signed_by[..], vec!["https://a.example"]),
        (
            &signed_by[..],
            vec!["https://a.example", "https://a.example"],
        ),
        (&[][..], PATHS.to_vec()),
        (&["short".to_owned()][..], PATHS.to_vec()),
    ] {
        let paths = paths.into_iter().map(str::to_owned).collect();
        let refused = SignedLists::new(signed_by, paths, 0).unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidRequest);
        assert!(refused.message.starts_with("options.cloud.keys."));
    }
}
