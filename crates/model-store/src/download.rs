//! A download that can stop anywhere and go on from there.

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::{Chunks, Error, ModelFile, Sha256, Storage};

/// What is read and hashed at a time when an earlier visit's bytes are hashed again.
const PIECE: usize = 1 << 20;

/// The four bytes that a GGUF file begins with.
const MAGIC: &[u8] = b"GGUF";

/// The file that should come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is: absolute.
    pub url: String,
    /// Its length, if a manifest tells.
    pub bytes: Option<u64>,
    /// Its hash, if a manifest tells. Without one any whole file is taken.
    pub sha256: Option<Sha256>,
    /// Hashes of its parts, if a manifest tells. Without them damage is found only at the end.
    pub chunks: Option<Chunks>,
}

impl Wanted {
    /// A file of a manifest; `url` is the manifest's, made absolute.
    pub fn of(file: &ModelFile, url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            bytes: Some(file.bytes),
            sha256: Some(file.sha256),
            chunks: file.chunks.clone(),
        }
    }

    /// A file of which only the address is known; `url` is absolute.
    pub fn unknown(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            bytes: None,
            sha256: None,
            chunks: None,
        }
    }
}

/// The head of the server's reply, as far as it matters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    /// HTTP status.
    pub status: u16,
    /// `Content-Range`.
    pub content_range: Option<&'a str>,
    /// `Content-Length`; leave it out when there is a `Content-Encoding`, since then it counts something else.
    pub content_length: Option<u64>,
    /// `ETag`.
    pub etag: Option<&'a str>,
    /// The request asked for the bytes before this one only: then the body's length tells nothing of the file's.
    pub until: Option<u64>,
}

/// What to do after the head of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read the body.
    Body,
    /// Drop the reply and ask again; the offset has changed.
    AskAgain,
}

/// What is known of the stored bytes; the text beside them. The npm package reads `bytes` and `verified` too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    url: String,
    bytes: Option<u64>,
    etag: Option<String>,
    verified: bool,
}

/// The part of the file that is being hashed, if the parts' hashes are known.
#[derive(Clone, Debug, Default)]
struct Chunk {
    start: u64,
    hasher: sha2::Sha256,
    /// The whole file's hasher as it was at `start`.
    before: sha2::Sha256,
}

/// One model file on its way into a storage.
///
/// Dropping it at any point is fine: what was pushed is stored, and the next `open` goes on from there.
#[derive(Debug)]
pub struct Download<S> {
    storage: S,
    wanted: Wanted,
    state: State,
    stored: u64,
    hashed: u64,
    hasher: sha2::Sha256,
    chunk: Chunk,
    /// The body that is being read has ended.
    ended: bool,
}

impl<S: Storage> Download<S> {
    /// Looks at what is stored.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn open(storage: S, wanted: Wanted) -> Result<Self, Error> {
        // A text that cannot be read is none: then the bytes are hashed again.
        let state: State = serde_json::from_slice(&storage.state()?).unwrap_or_default();
        let stored = storage.len()?;
        let mut download = Self {
            storage,
            wanted,
            state,
            stored,
            hashed: 0,
            hasher: sha2::Sha256::new(),
            chunk: Chunk::default(),
            ended: false,
        };
        let other_file =
            download.wanted.sha256.is_none() && download.state.url != download.wanted.url;
        let too_long = download.total().is_some_and(|total| stored > total);
        if stored > 0 && (other_file || too_long) {
            download.start_again()?;
        }
        Ok(download)
    }

    /// Whether the file is whole, and its hash was found right, now or on an earlier visit.
    pub fn is_verified(&self) -> bool {
        self.state.verified && Some(self.stored) == self.total() && self.stored > 0
    }

    /// Bytes that are stored.
    pub fn stored(&self) -> u64 {
        self.stored
    }

    /// Bytes that are hashed; those of earlier visits have to be hashed again.
    pub fn hashed(&self) -> u64 {
        self.hashed
    }

    /// Length of the whole file, once the manifest or the server has told.
    pub fn total(&self) -> Option<u64> {
        self.wanted.bytes.or(self.state.bytes)
    }

    /// Hashes a piece of what an earlier visit stored; false when nothing is left.
    ///
    /// # Errors
    /// [`Error::WrongChunk`]; then the file ends before that part. Or when the storage fails.
    pub fn rehash(&mut self) -> Result<bool, Error> {
        let missing = self.stored - self.hashed;
        if missing == 0 {
            return Ok(false);
        }
        let mut piece =
            vec![0; usize::try_from(missing).map_or(PIECE, |missing| missing.min(PIECE))];
        self.storage.read_at(self.hashed, &mut piece)?;
        self.absorb(&piece)?;
        Ok(true)
    }

    /// From which byte on to ask the server, or `None` when all bytes are there.
    pub fn missing_from(&self) -> Option<u64> {
        let whole = match self.total() {
            Some(total) => self.stored == total,
            None => self.ended,
        };
        (!whole).then_some(self.stored)
    }

    /// The server's answer to a request for the bytes from [`Self::next`] on.
    ///
    /// A server that knows no ranges answers 200 with the whole file: then the stored part is dropped. A file
    /// that has changed since is started again.
    ///
    /// # Errors
    /// [`Error::Http`], [`Error::WrongRange`], [`Error::WrongSize`], or when the storage fails.
    pub fn response(&mut self, head: &Head<'_>) -> Result<Next, Error> {
        self.ended = false;
        let total = match head.status {
            200 => {
                if self.stored > 0 {
                    self.start_again()?;
                }
                head.content_length
            }
            206 => {
                let (start, total) = parse_content_range(head.content_range);
                if start.is_some_and(|start| start != self.stored) {
                    return Err(Error::WrongRange {
                        url: self.wanted.url.clone(),
                        asked: self.stored,
                        got: start.unwrap_or_default(),
                    });
                }
                if self.stored > 0 && self.has_changed(head.etag, total) {
                    self.start_again()?;
                    return Ok(Next::AskAgain);
                }
                total.or_else(|| match head.until {
                    None => Some(head.content_length? + self.stored),
                    Some(_) => None,
                })
            }
            // Range Not Satisfiable: what is stored is longer than what the server has.
            416 if self.stored > 0 => {
                self.start_again()?;
                return Ok(Next::AskAgain);
            }
            status => {
                return Err(Error::Http {
                    url: self.wanted.url.clone(),
                    status,
                });
            }
        };
        if let (Some(got), Some(wanted)) = (total, self.wanted.bytes)
            && got != wanted
        {
            return Err(Error::WrongSize {
                url: self.wanted.url.clone(),
                got,
                wanted,
            });
        }
        self.state = State {
            url: self.wanted.url.clone(),
            bytes: self.wanted.bytes.or(total),
            etag: head.etag.map(str::to_owned),
            verified: false,
        };
        self.write_state()?;
        if let Some(total) = self.total() {
            self.storage.reserve(total.saturating_sub(self.stored))?;
        }
        Ok(Next::Body)
    }

    /// The next bytes of the body: stores and hashes them. Call [`Self::rehash`] until it is done before.
    ///
    /// # Errors
    /// [`Error::NotGguf`], [`Error::WrongSize`] when more come than there should be, [`Error::WrongChunk`] when a
    /// part came damaged: then the file ends before it, and [`Self::missing_from`] tells where to go on. Or when
    /// the storage fails.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let after = self.stored + bytes.len() as u64;
        if let Some(wanted) = self.total()
            && after > wanted
        {
            return Err(Error::WrongSize {
                url: self.wanted.url.clone(),
                got: after,
                wanted,
            });
        }
        if self.stored == 0 && !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) {
            let found = bytes[..bytes.len().min(MAGIC.len())].to_vec();
            return Err(Error::NotGguf {
                url: self.wanted.url.clone(),
                found,
            });
        }
        debug_assert_eq!(self.hashed, self.stored, "rehash first");
        if let Err(error) = self.storage.append(bytes) {
            // A part may have been written; hash only what is certain to be there, on the next visit.
            self.stored = self.storage.len()?;
            return Err(match error {
                crate::StorageError::Full { available, .. } => {
                    let needed = self
                        .total()
                        .map_or(bytes.len() as u64, |total| total - self.stored);
                    crate::StorageError::Full { needed, available }.into()
                }
                other => other.into(),
            });
        }
        self.stored = after;
        self.absorb(bytes)
    }

    /// The body has ended.
    ///
    /// # Errors
    /// [`Error::CutOff`] when bytes are missing; what came is kept.
    pub fn end(&mut self) -> Result<(), Error> {
        self.ended = true;
        self.storage.flush()?;
        match self.total() {
            Some(wanted) if self.stored < wanted => Err(Error::CutOff {
                url: self.wanted.url.clone(),
                stored: self.stored,
                wanted,
            }),
            _ => Ok(()),
        }
    }

    /// Compares the hash, and keeps that it was right, so that the next visit need not look again.
    ///
    /// # Errors
    /// [`Error::WrongHash`]; then the file is discarded. Or when the storage fails.
    pub fn verify(&mut self) -> Result<(), Error> {
        if self.is_verified() {
            return Ok(());
        }
        while self.rehash()? {}
        let got = Sha256(self.hasher.clone().finalize().into());
        if let Some(wanted) = self.wanted.sha256
            && got != wanted
        {
            self.start_again()?;
            return Err(Error::WrongHash {
                url: self.wanted.url.clone(),
                got,
                wanted,
            });
        }
        self.state.url.clone_from(&self.wanted.url);
        self.state.bytes = Some(self.stored);
        self.state.verified = true;
        self.storage.flush()?;
        self.write_state()
    }

    /// Throws away what is stored.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn discard(&mut self) -> Result<(), Error> {
        self.start_again()
    }

    /// The storage.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// Gives the storage back.
    pub fn into_storage(self) -> S {
        self.storage
    }

    fn has_changed(&self, etag: Option<&str>, total: Option<u64>) -> bool {
        let differ = |before: bool, now: bool, same: bool| before && now && !same;
        differ(
            self.state.etag.is_some(),
            etag.is_some(),
            self.state.etag.as_deref() == etag,
        ) || differ(
            self.state.bytes.is_some(),
            total.is_some(),
            self.state.bytes == total,
        )
    }

    fn start_again(&mut self) -> Result<(), Error> {
        self.state = State::default();
        self.write_state()?;
        self.storage.truncate(0)?;
        self.stored = 0;
        self.hashed = 0;
        self.hasher = sha2::Sha256::new();
        self.chunk = Chunk::default();
        self.ended = false;
        Ok(())
    }

    /// Hashes stored bytes that follow those that are hashed. A part whose hash is wrong is forgotten, with all
    /// that is after it.
    fn absorb(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        let Some(chunks) = &self.wanted.chunks else {
            self.hasher.update(bytes);
            self.hashed += bytes.len() as u64;
            return Ok(());
        };
        while !bytes.is_empty() {
            let end = self
                .chunk
                .start
                .saturating_add(chunks.bytes)
                .min(self.wanted.bytes.unwrap_or(u64::MAX));
            let room = usize::try_from(end - self.hashed).unwrap_or(usize::MAX);
            let (piece, rest) = bytes.split_at(bytes.len().min(room));
            bytes = rest;
            self.hasher.update(piece);
            self.chunk.hasher.update(piece);
            self.hashed += piece.len() as u64;
            if self.hashed < end {
                continue;
            }
            let start = self.chunk.start;
            let before = std::mem::replace(
                &mut self.chunk,
                Chunk {
                    start: end,
                    hasher: sha2::Sha256::new(),
                    before: self.hasher.clone(),
                },
            );
            let got = Sha256(before.hasher.finalize().into());
            let index = usize::try_from(start / chunks.bytes).unwrap_or(usize::MAX);
            if chunks.sha256.get(index) != Some(&got) {
                let url = self.wanted.url.clone();
                self.storage.truncate(start)?;
                (self.stored, self.hashed) = (start, start);
                self.hasher = before.before.clone();
                self.chunk = Chunk {
                    start,
                    hasher: sha2::Sha256::new(),
                    before: before.before,
                };
                return Err(Error::WrongChunk { url, start, end });
            }
        }
        Ok(())
    }

    fn write_state(&mut self) -> Result<(), Error> {
        // Serializing plain fields into a vector has nothing that can fail; an empty text only costs a hash.
        let text = serde_json::to_vec(&self.state).unwrap_or_default();
        Ok(self.storage.set_state(&text)?)
    }
}

/// Start and total of `bytes 5-9/10` (RFC 9110 §14.4).
fn parse_content_range(header: Option<&str>) -> (Option<u64>, Option<u64>) {
    let parse = || {
        let (range, total) = header?.trim().strip_prefix("bytes ")?.split_once('/')?;
        Some((
            range.split_once('-')?.0.trim().parse().ok(),
            total.trim().parse().ok(),
        ))
    };
    parse().unwrap_or((None, None))
}
