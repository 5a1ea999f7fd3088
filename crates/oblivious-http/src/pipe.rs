//! Drives the streams of `ohttp` without I/O: bytes are put in at one end and polled out at the other.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures::io::{AsyncRead, AsyncWrite};

use crate::Error;

/// An unbounded pipe. Reading an empty one is pending until it is closed, then the end.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    bytes: VecDeque<u8>,
    closed: bool,
}

impl Pipe {
    /// Nobody panics while holding the lock, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts bytes in.
    #[cfg(feature = "client")]
    pub(crate) fn put(&self, bytes: &[u8]) {
        self.lock().bytes.extend(bytes);
    }

    /// No more bytes will come.
    #[cfg(feature = "client")]
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Takes all bytes out.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().bytes).into()
    }

    /// Bytes not yet read.
    #[cfg(feature = "client")]
    pub(crate) fn len(&self) -> usize {
        self.lock().bytes.len()
    }
}

impl AsyncRead for Pipe {
    // No waker is kept: whoever puts bytes in polls again.
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        if inner.bytes.is_empty() && !inner.closed {
            return Poll::Pending;
        }
        Poll::Ready(inner.bytes.read(buffer))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.lock().bytes.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Writes into a stream that is never pending, because a [`Pipe`] is at its end.
pub(crate) fn write_all(
    mut stream: Pin<&mut (impl AsyncWrite + ?Sized)>,
    mut bytes: &[u8],
) -> Result<(), Error> {
    let mut context = Context::from_waker(Waker::noop());
    while !bytes.is_empty() {
        match stream.as_mut().poll_write(&mut context, bytes) {
            Poll::Ready(Ok(n)) if n > 0 => bytes = &bytes[n..],
            Poll::Ready(Err(error)) => return Err(error.into()),
            Poll::Ready(Ok(_)) | Poll::Pending => {
                return Err(Error::Library("a write made no progress".to_owned()));
            }
        }
    }
    Ok(())
}

/// Writes the final chunk.
pub(crate) fn close(stream: Pin<&mut (impl AsyncWrite + ?Sized)>) -> Result<(), Error> {
    let mut context = Context::from_waker(Waker::noop());
    match stream.poll_close(&mut context) {
        Poll::Ready(result) => Ok(result?),
        Poll::Pending => Err(Error::Library("closing made no progress".to_owned())),
    }
}
