use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use privacy_pass::{BATCH_REQUEST_TYPE, Batch, Directory, IssuerKey, TokenRequest};
use tower::ServiceExt;

use super::*;

/// Noon of a day.
const NOON: u64 = 20_000 * 86_400 + 43_200;

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOON)
}

fn issuer(key: &IssuerKey, daily_tokens: u32) -> Router {
    let always = Lifetime {
        not_before: 0,
        not_after: NOON,
    };
    let apps = AppsFile {
        apps: vec![App::new("an app", "its key", daily_tokens)],
    };
    app(KeyRing::new(vec![(key.clone(), always)]), apps.into(), noon)
}

fn batch(key: &IssuerKey, tokens: usize) -> Vec<u8> {
    let request = TokenRequest {
        truncated_key_id: key.public().truncated_id(),
        blinded: [7; 256],
    };
    Batch(vec![request; tokens]).bytes()
}

fn post(bearer: &str, content_type: &str, body: Vec<u8>) -> Request<Body> {
    let request = Request::post("/token-request");
    let request = request.header("authorization", bearer);
    let request = request.header("content-type", content_type);
    request.body(Body::from(body)).unwrap()
}

/// Status, the field `retry-after`, content.
async fn ask(issuer: &Router, request: Request<Body>) -> (StatusCode, Option<String>, Vec<u8>) {
    let response = issuer.clone().oneshot(request).await.unwrap();
    let retry = response.headers().get("retry-after");
    let retry = retry.map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, retry, body.to_vec())
}

#[tokio::test]
async fn a_batch_is_signed_for_an_app_until_its_day_is_spent() {
    let key = IssuerKey::generate().unwrap();
    let issuer = issuer(&key, 5);
    let of = |tokens| post("Bearer its key", BATCH_REQUEST_TYPE, batch(&key, tokens));
    let (status, _, signed) = ask(&issuer, of(3)).await;
    assert_eq!(status, StatusCode::OK);
    let expected = Batch::parse(&batch(&key, 3), 3).unwrap().sign([&key]);
    assert_eq!(signed, expected.unwrap());
    // Three more are too many, and cost nothing.
    let (status, retry, _) = ask(&issuer, of(3)).await;
    assert_eq!(
        (status, retry.as_deref()),
        (StatusCode::TOO_MANY_REQUESTS, Some("43200"))
    );
    assert_eq!(ask(&issuer, of(2)).await.0, StatusCode::OK);
    assert_eq!(ask(&issuer, of(1)).await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn whatever_is_no_batch_of_an_app_is_refused_and_costs_nothing() {
    let key = IssuerKey::generate().unwrap();
    let issuer = issuer(&key, 1);
    let good = batch(&key, 1);
    let mut other_key = good.clone();
    other_key[4] ^= 1;
    for (bearer, content_type, body, expected) in [
        ("Bearer another key", BATCH_REQUEST_TYPE, &good, 401),
        ("its key", BATCH_REQUEST_TYPE, &good, 401),
        ("Bearer its key", "application/octet-stream", &good, 415),
        ("Bearer its key", BATCH_REQUEST_TYPE, &vec![0], 422),
        ("Bearer its key", BATCH_REQUEST_TYPE, &other_key, 422),
        ("Bearer its key", BATCH_REQUEST_TYPE, &batch(&key, 65), 413),
    ] {
        let (status, ..) = ask(&issuer, post(bearer, content_type, body.clone())).await;
        assert_eq!(status.as_u16(), expected, "{bearer} {content_type}");
    }
    let whole = post("Bearer its key", BATCH_REQUEST_TYPE, good);
    assert_eq!(ask(&issuer, whole).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_directory_has_keys_that_sign_first_and_those_that_expired_last() {
    let keys: Vec<IssuerKey> = (0..2).map(|_| IssuerKey::generate().unwrap()).collect();
    let life = |not_before, not_after| Lifetime {
        not_before,
        not_after,
    };
    let ring = KeyRing::new(vec![
        (keys[0].clone(), life(0, NOON - 1)),
        (keys[1].clone(), life(NOON + 1, NOON + 9)),
        (keys[0].clone(), life(5, NOON)),
        (keys[1].clone(), life(6, NOON)),
    ]);
    let issuer = app(ring, Apps::default(), noon);
    let request = Request::get("/.well-known/private-token-issuer-directory");
    let (status, _, json) = ask(&issuer, request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    let directory: Directory = serde_json::from_slice(&json).unwrap();
    let listed = directory.token_keys.iter();
    let times: Vec<_> = listed.map(|key| (key.not_before, key.not_after)).collect();
    let expected = [(6, NOON), (5, NOON), (NOON + 1, NOON + 9), (0, NOON - 1)];
    assert_eq!(times, expected);
}
