//! `fetch` with Rust's rule for cancelling: what is dropped is aborted.

use js_sys::{Array, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, ReadableStreamDefaultReader, ReferrerPolicy, Request,
    RequestCache, RequestCredentials, RequestInit, Response,
};

use crate::{device::scope, error::describe, release::release};

/// A request.
pub(crate) struct Fetch<'a> {
    pub method: &'a str,
    pub url: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: Option<&'a [u8]>,
    /// Whether cookies go along, to the page's own origin.
    pub credentials: bool,
    pub cache: RequestCache,
}

/// Aborts its request when dropped.
struct Abort(AbortController);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A reply whose body has still to be read.
pub(crate) struct Reply {
    response: Response,
    reader: Option<ReadableStreamDefaultReader>,
    _abort: Abort,
}

impl Fetch<'_> {
    /// Sends, and waits for the head of the reply.
    ///
    /// # Errors
    /// What the browser says: no network, no DNS, CORS or CSP.
    pub(crate) async fn send(self) -> Result<Reply, String> {
        self.start(None).await.map_err(|error| describe(&error))
    }

    /// The same, and after `limit_ms` head and body are given up.
    pub(crate) async fn send_within(self, limit_ms: u32) -> Result<Reply, String> {
        let limit = AbortSignal::timeout_with_u32(limit_ms);
        let reply = self.start(Some(&limit)).await;
        reply.map_err(|error| describe(&error))
    }

    async fn start(self, limit: Option<&AbortSignal>) -> Result<Reply, JsValue> {
        let abort = Abort(AbortController::new()?);
        let signal = match limit {
            None => abort.0.signal(),
            Some(limit) => AbortSignal::any(&Array::of2(&abort.0.signal(), limit)),
        };
        let init = RequestInit::new();
        init.set_method(self.method);
        init.set_signal(Some(&signal));
        init.set_cache(self.cache);
        init.set_referrer_policy(ReferrerPolicy::NoReferrer);
        let credentials = if self.credentials {
            RequestCredentials::SameOrigin
        } else {
            RequestCredentials::Omit
        };
        init.set_credentials(credentials);
        if let Some(body) = self.body {
            init.set_body_opt_u8_array(Some(&Uint8Array::from(body)));
        }
        let request = Request::new_with_str_and_init(self.url, &init)?;
        for (name, value) in self.headers {
            request.headers().set(name, value)?;
        }
        let response = JsFuture::from(scope().fetch_with_request(&request)).await?;
        Ok(Reply {
            response: response.unchecked_into(),
            reader: None,
            _abort: abort,
        })
    }
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.response.status()
    }

    /// A header, if it is there and the server's CORS headers let the page see it.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name).ok().flatten()
    }

    /// The next bytes of the body; `None` at its end.
    ///
    /// # Errors
    /// When the connection broke.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Uint8Array>, String> {
        self.read().await.map_err(|error| describe(&error))
    }

    /// The whole body, up to `limit` bytes.
    ///
    /// # Errors
    /// When the connection broke, or the body is longer.
    pub(crate) async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if bytes.len() + chunk.length() as usize > limit {
                return Err(format!("the body is longer than {limit} bytes"));
            }
            bytes.extend(chunk.to_vec());
            release(chunk);
        }
        Ok(bytes)
    }

    async fn read(&mut self) -> Result<Option<Uint8Array>, JsValue> {
        let reader = match &self.reader {
            Some(reader) => reader,
            None => match self.response.body() {
                Some(body) => self.reader.insert(ReadableStreamDefaultReader::new(&body)?),
                None => return Ok(None),
            },
        };
        let read = JsFuture::from(reader.read()).await?;
        if Reflect::get(&read, &"done".into())?.is_truthy() {
            return Ok(None);
        }
        Ok(Some(Reflect::get(&read, &"value".into())?.unchecked_into()))
    }
}
