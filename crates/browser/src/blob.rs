//! A file that the person chose, read where it lies.

use js_sys::Uint8Array;
use local_model::{Source, SourceError};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;

use crate::{error::describe, release::release};

/// A file or blob of the page.
pub(crate) struct BlobSource(pub(crate) Blob);

impl Source for BlobSource {
    fn len(&self) -> u64 {
        self.0.size() as u64
    }

    async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), SourceError> {
        let read = async {
            let end = offset + buffer.len() as u64;
            // Offsets in files are far below 2^53.
            let slice = self.0.slice_with_f64_and_f64(offset as f64, end as f64)?;
            Ok::<_, JsValue>(Uint8Array::new(
                &JsFuture::from(slice.array_buffer()).await?.unchecked_into(),
            ))
        };
        let bytes = read.await.map_err(|error| {
            SourceError::new(format!(
                "{} bytes at {offset} of the chosen file: {}",
                buffer.len(),
                describe(&error)
            ))
        })?;
        if bytes.length() as usize != buffer.len() {
            return Err(SourceError::new(format!(
                "{} bytes at {offset} are beyond the end",
                buffer.len()
            )));
        }
        bytes.copy_to(buffer);
        release(bytes);
        Ok(())
    }
}
