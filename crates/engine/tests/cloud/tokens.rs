//! Tokens: one for each question, inside of the seal.

use std::{cell::Cell, collections::VecDeque};

use engine::Tokens;
use futures::future::LocalBoxFuture;

use super::{repeated::NOW, *};

/// A wallet with so many tokens.
#[derive(Clone, Default)]
struct Wallet(Rc<RefCell<VecDeque<String>>>);

impl Wallet {
    fn with(tokens: &[&str]) -> Self {
        let tokens = tokens.iter().map(|&token| token.to_owned());
        Self(Rc::new(RefCell::new(tokens.collect())))
    }
}

impl Tokens for Wallet {
    fn take(&self) -> LocalBoxFuture<'_, Result<Option<String>, Error>> {
        let token = self.0.borrow_mut().pop_front();
        let token = token.ok_or_else(|| Error::new(ErrorCode::TokenUnavailable, "none is left"));
        Box::pin(async { token.map(Some) })
    }
}

type Seen = Rc<RefCell<Vec<Option<String>>>>;

/// A gateway that notes the tokens, and refuses dates but this one; with none, it takes any.
fn noting(sealed: &[u8], seen: &Seen, accepted: Option<u64>) -> Vec<Vec<u8>> {
    let (request, _) = GatewayKeys::from_seed(&SEED).unwrap().open(sealed).unwrap();
    let token = request.header("authorization").map(str::to_owned);
    seen.borrow_mut().push(token);
    let accepted = accepted.or(request.date_s()).unwrap();
    repeated::picky(sealed, &repeated::Attempts::default(), accepted)
}

fn token(name: &str) -> Option<String> {
    Some(format!("PrivateToken token=\"{name}\""))
}

#[test]
fn each_question_takes_a_token_and_without_one_nothing_leaves() {
    let seen = Seen::default();
    let wallet = Wallet::with(&["one", "two"]);
    let engine = engine(|sealed: &[u8]| Ok(whole(noting(sealed, &seen, None)))).with_tokens(wallet);
    for _ in 0..2 {
        block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |_| ())).unwrap();
    }
    let error = block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |_| ())).unwrap_err();
    assert_eq!(error.code, ErrorCode::TokenUnavailable);
    assert_eq!(*seen.borrow(), [token("one"), token("two")]);
}

#[test]
fn a_corrected_clock_takes_no_second_token() {
    let seen = Seen::default();
    let wallet = Wallet::with(&["one", "two"]);
    let left = wallet.clone();
    let engine =
        engine(|sealed: &[u8]| Ok(whole(noting(sealed, &seen, Some(NOW))))).with_tokens(wallet);
    block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |_| ())).unwrap();
    assert_eq!(*seen.borrow(), [token("one"), token("one")]);
    assert_eq!(*left.0.borrow(), ["two"]);
}

#[test]
fn an_app_without_tokens_sends_none() {
    let seen = Seen::default();
    let relay = |sealed: &[u8]| Ok(whole(noting(sealed, &seen, None)));
    assert_eq!(answer(relay, ask("Hi")).0, Ok(()));
    assert_eq!(*seen.borrow(), [None]);
}

#[test]
fn what_was_declined_takes_no_token() {
    let wallet = Wallet::with(&["one"]);
    let left = wallet.clone();
    let engine = engine_asking(|_: &[u8]| panic!("something left"), Always(false));
    engine.set_detector(Detector::default());
    let engine = engine.with_tokens(wallet);
    let error = block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |_| ())).unwrap_err();
    assert_eq!(error.code, ErrorCode::ConsentDeclined);
    assert_eq!(*left.0.borrow(), ["one"]);
}

#[test]
fn what_a_gateway_says_of_a_token_has_its_code_and_a_way_out() {
    for (code, way_out) in [
        ("token-required", "options.cloud.tokens"),
        ("token-refused", "issuer, origin and keys"),
        ("token-spent", "ask again"),
    ] {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
        let seen = Rc::default();
        let relay = |sealed: &[u8]| {
            Ok(whole(gateway(
                401,
                std::slice::from_ref(&body),
                &seen,
                sealed,
            )))
        };
        let error = answer(relay, ask("Hi")).0.unwrap_err();
        assert_eq!(serde_json::to_value(error.code).unwrap(), code);
        assert!(error.message.contains(way_out), "{error}");
    }
}

#[test]
fn a_question_that_was_not_received_keeps_its_token_and_the_next_one_takes_another() {
    let seen = Seen::default();
    let calls = Cell::new(0);
    let wallet = Wallet::with(&["one", "two", "three"]);
    let engine = engine(|sealed: &[u8]| {
        calls.set(calls.get() + 1);
        let wire = noting(sealed, &seen, None);
        match calls.get() {
            1 | 2 => Err(Error::new(ErrorCode::RelayUnavailable, "not there yet")),
            _ => Ok(whole(wire)),
        }
    });
    let engine = engine.with_tokens(wallet);
    for _ in 0..2 {
        block_on(engine.answer(ask("Hi"), &CLOUD_ONLY, &mut |_| ())).unwrap();
    }
    let expected = ["one", "one", "one", "two"].map(token);
    assert_eq!(*seen.borrow(), expected);
}
