//! The page's own origin: the built page, its configuration and the model file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, ensure};
use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tower_http::services::{ServeDir, ServeFile};

use super::model::ModelFile;

/// What the page's origin offers.
pub(super) struct Site {
    pub www: PathBuf,
    /// The relay that the page shall use.
    pub relay: String,
    /// `application/ohttp-keys`, pinned by this origin.
    pub keys: Vec<u8>,
    pub cloud_model: Option<String>,
    pub file: ModelFile,
}

/// The headers of every answer, but for the policy.
const HEADERS: &[(&str, &str)] = &[
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// Vite puts files here whose names hold their hash.
const HASHED: &str = "/assets/";

/// Refuses a folder without a page.
pub(super) fn check_www(www: &Path) -> anyhow::Result<()> {
    ensure!(
        www.join("index.html").is_file(),
        "--www {}: no index.html there; build the page first (`cargo xtask demo` does)",
        www.display()
    );
    Ok(())
}

/// The page's server.
pub(super) fn app(site: Site) -> anyhow::Result<Router> {
    let name = &site.file.name;
    let configuration = configuration(&site);
    let manifest = json!({
        "name": name,
        "url": format!("{name}.gguf"),
        "bytes": site.file.bytes,
        "sha256": site.file.sha256,
        "license": site.file.license,
        "contextLength": site.file.context_length,
    });
    let model = Arc::new(ModelAnswer {
        file: ServeFile::new(&site.file.path),
        etag: HeaderValue::from_str(&format!("\"{}\"", site.file.sha256))
            .context("the model's ETag")?,
    });
    let headers = Arc::new(security_headers(&site.relay)?);
    Ok(Router::new()
        .route("/tidegate.json", get(move || async { Json(configuration) }))
        .route(
            &format!("/models/{name}.json"),
            get(move || async { Json(manifest) }),
        )
        .route(
            &format!("/models/{name}.gguf"),
            get(model_file).with_state(model),
        )
        .fallback_service(ServeDir::new(site.www))
        .layer(middleware::from_fn_with_state(headers, finish)))
}

/// `/tidegate.json`
fn configuration(site: &Site) -> Value {
    let mut cloud = json!({ "relays": [site.relay], "keys": STANDARD.encode(&site.keys) });
    if let Some(model) = &site.cloud_model {
        cloud["model"] = model.as_str().into();
    }
    json!({ "model": format!("/models/{}.json", site.file.name), "cloud": cloud })
}

struct ModelAnswer {
    file: ServeFile,
    etag: HeaderValue,
}

/// The model file, whole or in part. The ETag is its hash, so that a download that broke off goes on only with
/// the same file (RFC 9110 §13.1.5).
async fn model_file(State(model): State<Arc<ModelAnswer>>, mut request: Request) -> Response {
    let this = Some(&model.etag);
    if request.headers().get(header::IF_NONE_MATCH) == this {
        return (
            StatusCode::NOT_MODIFIED,
            [(header::ETAG, model.etag.clone())],
        )
            .into_response();
    }
    if request
        .headers()
        .get(header::IF_RANGE)
        .is_some_and(|given| Some(given) != this)
    {
        request.headers_mut().remove(header::RANGE);
    }
    let answer = model.file.clone().try_call(request).await;
    let mut response = match answer {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(%error, "reading the model file");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    response
        .headers_mut()
        .insert(header::ETAG, model.etag.clone());
    response
}

/// Nothing from elsewhere, nothing inline; the relay is the one other origin, and wasm may compile.
fn security_headers(relay: &str) -> anyhow::Result<HeaderMap> {
    let relay: axum::http::Uri = relay.parse().with_context(|| {
        format!("--relay-url {relay}: expected a URL such as http://127.0.0.1:8081/")
    })?;
    let (Some(scheme), Some(authority)) = (relay.scheme_str(), relay.authority()) else {
        anyhow::bail!("--relay-url {relay}: expected a URL such as http://127.0.0.1:8081/");
    };
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' {scheme}://{authority}; \
         worker-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'none'"
    );
    let mut headers = HeaderMap::new();
    for &(name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_str(&policy).context("--relay-url")?,
    );
    Ok(headers)
}

/// Adds the headers to every answer.
async fn finish(State(headers): State<Arc<HeaderMap>>, request: Request, next: Next) -> Response {
    let hashed = request.uri().path().starts_with(HASHED);
    let mut response = next.run(request).await;
    let cache = if hashed && response.status().is_success() {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response.headers_mut().extend((*headers).clone());
    response
}
