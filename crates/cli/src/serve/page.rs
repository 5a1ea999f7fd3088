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

#[cfg(test)]
mod tests {
    use tower::ServiceExt;

    use super::*;

    /// A site in a folder of its own.
    fn site(name: &str) -> Router {
        let folder =
            std::env::temp_dir().join(format!("tidegate-page-{}-{name}", std::process::id()));
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        for (file, content) in [
            ("index.html", "<!doctype html>"),
            ("assets/app-1a2b.js", "1"),
            ("assets/engine-1a2b.wasm", "2"),
            ("manifest.webmanifest", "{}"),
            ("model.gguf", "GGUF0123456789"),
        ] {
            std::fs::write(folder.join(file), content).unwrap();
        }
        let file = ModelFile {
            name: "model".to_owned(),
            path: folder.join("model.gguf"),
            bytes: 14,
            sha256: "ab".repeat(32),
            license: "Apache-2.0",
            context_length: 8192,
        };
        let relay = "http://127.0.0.1:8081/".to_owned();
        app(Site {
            www: folder,
            relay,
            keys: vec![1, 2, 3],
            cloud_model: Some("large".to_owned()),
            file,
        })
        .unwrap()
    }

    async fn fetch(
        site: Router,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().uri(path);
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        let response = site
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (
            parts.status,
            parts.headers,
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn every_answer_carries_the_policy_and_the_right_type() {
        for (path, status, content_type, cache) in [
            ("/", 200, "text/html", "no-cache"),
            (
                "/assets/app-1a2b.js",
                200,
                "text/javascript",
                "public, max-age=31536000, immutable",
            ),
            (
                "/assets/engine-1a2b.wasm",
                200,
                "application/wasm",
                "public, max-age=31536000, immutable",
            ),
            (
                "/manifest.webmanifest",
                200,
                "application/manifest+json",
                "no-cache",
            ),
            ("/tidegate.json", 200, "application/json", "no-cache"),
            ("/assets/gone.js", 404, "", "no-cache"),
        ] {
            let (got, headers, _) = fetch(site("policy"), path, &[]).await;
            assert_eq!(got, status, "{path}");
            let given = headers
                .get("content-type")
                .map_or("", |value| value.to_str().unwrap());
            assert_eq!(given.split(';').next(), Some(content_type), "{path}");
            assert_eq!(headers["cache-control"], cache, "{path}");
            assert_eq!(
                headers["cross-origin-embedder-policy"], "require-corp",
                "{path}"
            );
            assert_eq!(
                headers["content-security-policy"],
                "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' \
                 http://127.0.0.1:8081; worker-src 'self'; style-src 'self'; img-src 'self' data:; object-src \
                 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn the_configuration_pins_relay_and_keys() {
        let (_, _, body) = fetch(site("configuration"), "/tidegate.json", &[]).await;
        assert_eq!(
            serde_json::from_str::<Value>(&body).unwrap(),
            json!({
                "model": "/models/model.json",
                "cloud": { "relays": ["http://127.0.0.1:8081/"], "keys": "AQID", "model": "large" },
            })
        );
    }

    /// A download goes on where it broke off, but only with the same file.
    #[tokio::test]
    async fn ranges_of_the_model() {
        let this = format!("\"{}\"", "ab".repeat(32));
        for (headers, status, body) in [
            (vec![], 200, "GGUF0123456789"),
            (vec![("range", "bytes=4-")], 206, "0123456789"),
            (
                vec![("range", "bytes=4-"), ("if-range", this.as_str())],
                206,
                "0123456789",
            ),
            (
                vec![("range", "bytes=4-"), ("if-range", "\"another\"")],
                200,
                "GGUF0123456789",
            ),
            (vec![("range", "bytes=14-")], 416, ""),
            (vec![("if-none-match", this.as_str())], 304, ""),
        ] {
            let (got, answered, content) =
                fetch(site("ranges"), "/models/model.gguf", &headers).await;
            assert_eq!(
                (got.as_u16(), content.as_str()),
                (status, body),
                "{headers:?}"
            );
            assert_eq!(answered["etag"], this, "{headers:?}");
        }
    }
}
