//! Downloads that are cut off, changed, wrong or too big.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic, and so may what it calls"
)]

use model_store::{
    Chunks, Download, Error, Head, MemoryStorage, Next, Sha256, Storage, StorageError, Wanted,
};

const URL: &str = "https://page.test/m.gguf";

/// A file of `length` bytes that begins as a GGUF file does.
fn file(length: usize) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend((0..length - 4).map(|i| (i * 31 % 251) as u8));
    bytes
}

fn wanted(file: &[u8]) -> Wanted {
    Wanted {
        url: URL.into(),
        bytes: Some(file.len() as u64),
        sha256: Some(Sha256::of(file)),
        chunks: None,
    }
}

/// What is behind the URL, and how its server behaves.
struct Server<'a> {
    file: &'a [u8],
    ranges: bool,
    etag: Option<&'a str>,
}

impl<'a> Server<'a> {
    /// One that knows ranges and no tags.
    fn of(file: &'a [u8]) -> Self {
        Self {
            file,
            ranges: true,
            etag: None,
        }
    }
}

/// Drives a download to its end, or until `cut` bytes of a body have come.
fn fetch(
    storage: MemoryStorage,
    wanted: Wanted,
    server: &Server<'_>,
    cut: usize,
) -> (MemoryStorage, Result<(), Error>) {
    let mut download = Download::open(storage, wanted).unwrap();
    let result = drive(&mut download, server, cut);
    (download.into_storage(), result)
}

fn drive(
    download: &mut Download<MemoryStorage>,
    server: &Server<'_>,
    cut: usize,
) -> Result<(), Error> {
    if download.is_verified() {
        return Ok(());
    }
    while download.rehash()? {}
    while let Some(from) = download.missing_from() {
        let from = from as usize;
        let length = server.file.len();
        let range = format!("bytes {from}-{}/{length}", length - 1);
        let (status, start) = match (server.ranges, from) {
            (true, from) if from >= length && from > 0 => (416, length),
            (true, from) if from > 0 => (206, from),
            _ => (200, 0),
        };
        let head = Head {
            status,
            content_range: (status == 206).then_some(range.as_str()),
            content_length: Some((length - start) as u64),
            etag: server.etag,
            until: None,
        };
        if download.response(&head)? == Next::AskAgain {
            continue;
        }
        let body = &server.file[start..];
        for piece in body[..body.len().min(cut)].chunks(7) {
            download.push(piece)?;
        }
        download.end()?;
    }
    download.verify()
}

const ALL: usize = usize::MAX;

#[test]
fn cut_at_every_byte_and_resumed() {
    let file = file(100);
    let server = Server {
        file: &file,
        ranges: true,
        etag: Some("\"1\""),
    };
    for cut in 1..100 {
        let (storage, result) = fetch(MemoryStorage::default(), wanted(&file), &server, cut);
        assert_eq!(
            result,
            Err(Error::CutOff {
                url: URL.into(),
                stored: cut as u64,
                wanted: 100
            })
        );
        assert_eq!(storage.bytes(), &file[..cut], "what came is kept");
        let (storage, result) = fetch(storage, wanted(&file), &server, ALL);
        assert_eq!(
            (storage.bytes(), result),
            (&file[..], Ok(())),
            "cut at {cut}"
        );
    }
}

#[test]
fn cut_again_and_again() {
    let file = file(100);
    let server = Server::of(&file);
    let mut storage = MemoryStorage::default();
    let mut visits = 0;
    loop {
        visits += 1;
        let result;
        (storage, result) = fetch(storage, wanted(&file), &server, 9);
        if result.is_ok() {
            break;
        }
    }
    assert_eq!((visits, storage.bytes()), (12, &file[..]));
}

#[test]
fn server_without_ranges_starts_again() {
    let file = file(100);
    let server = Server {
        file: &file,
        ranges: false,
        etag: None,
    };
    let (storage, _) = fetch(MemoryStorage::default(), wanted(&file), &server, 40);
    let (storage, result) = fetch(storage, wanted(&file), &server, ALL);
    assert_eq!((storage.bytes(), result), (&file[..], Ok(())));
}

#[test]
fn file_that_changed_in_between_starts_again() {
    let (old, new) = (file(100), [&file(50)[..], &[9; 50]].concat());
    let bare = Wanted::unknown(URL);
    let before = Server {
        file: &old,
        ranges: true,
        etag: Some("\"1\""),
    };
    let now = Server {
        file: &new,
        ranges: true,
        etag: Some("\"2\""),
    };
    let (storage, _) = fetch(MemoryStorage::default(), bare.clone(), &before, 60);
    let (storage, result) = fetch(storage, bare, &now, ALL);
    assert_eq!((storage.bytes(), result), (&new[..], Ok(())));
}

#[test]
fn file_that_shrank_starts_again() {
    let (old, new) = (file(100), file(30));
    let bare = Wanted::unknown(URL);
    let (storage, _) = fetch(
        MemoryStorage::default(),
        bare.clone(),
        &Server::of(&old),
        60,
    );
    let (storage, result) = fetch(storage, bare, &Server::of(&new), ALL);
    assert_eq!((storage.bytes(), result), (&new[..], Ok(())));
}

#[test]
fn a_verified_file_is_neither_fetched_nor_hashed_again() {
    let file = file(100);
    let server = Server::of(&file);
    let (storage, _) = fetch(MemoryStorage::default(), wanted(&file), &server, ALL);
    let download = Download::open(storage, wanted(&file)).unwrap();
    assert_eq!(
        (
            download.is_verified(),
            download.missing_from(),
            download.hashed()
        ),
        (true, None, 0)
    );
}

#[test]
fn whole_but_never_verified_is_hashed_and_not_fetched() {
    let file = file(100);
    let mut storage = MemoryStorage::default();
    storage.append(&file).unwrap();
    let mut download = Download::open(storage, wanted(&file)).unwrap();
    assert_eq!(
        (download.is_verified(), download.missing_from()),
        (false, None)
    );
    download.verify().unwrap();
    assert!(download.is_verified());
}

#[test]
fn wrong_hash_is_discarded() {
    let right = file(100);
    let mut flipped = right.clone();
    flipped[50] ^= 1;
    let server = Server::of(&flipped);
    let (storage, result) = fetch(MemoryStorage::default(), wanted(&right), &server, ALL);
    assert_eq!(
        result,
        Err(Error::WrongHash {
            url: URL.into(),
            got: Sha256::of(&flipped),
            wanted: Sha256::of(&right)
        })
    );
    assert_eq!(storage.bytes(), b"");
    let (storage, result) = fetch(storage, wanted(&right), &Server::of(&right), ALL);
    assert_eq!((storage.bytes(), result), (&right[..], Ok(())));
}

#[test]
fn wrong_size_is_seen_before_anything_is_stored() {
    let (right, other) = (file(100), file(90));
    let (storage, result) = fetch(
        MemoryStorage::default(),
        wanted(&right),
        &Server::of(&other),
        ALL,
    );
    assert_eq!(
        result,
        Err(Error::WrongSize {
            url: URL.into(),
            got: 90,
            wanted: 100
        })
    );
    assert_eq!(storage.bytes(), b"");
}

#[test]
fn more_bytes_than_announced() {
    let file = file(100);
    let mut download = Download::open(MemoryStorage::default(), wanted(&file)).unwrap();
    download
        .response(&Head {
            status: 200,
            ..Head::default()
        })
        .unwrap();
    download.push(&file).unwrap();
    assert_eq!(
        download.push(&[0]),
        Err(Error::WrongSize {
            url: URL.into(),
            got: 101,
            wanted: 100
        })
    );
}

#[test]
fn web_page_instead_of_a_model() {
    let mut download = Download::open(MemoryStorage::default(), Wanted::unknown(URL)).unwrap();
    download
        .response(&Head {
            status: 200,
            ..Head::default()
        })
        .unwrap();
    assert_eq!(
        download.push(b"<!doctype html>"),
        Err(Error::NotGguf {
            url: URL.into(),
            found: b"<!do".to_vec()
        })
    );
}

#[test]
fn http_errors() {
    for status in [301, 403, 404, 416, 500] {
        let mut download = Download::open(MemoryStorage::default(), wanted(&file(9))).unwrap();
        assert_eq!(
            download.response(&Head {
                status,
                ..Head::default()
            }),
            Err(Error::Http {
                url: URL.into(),
                status
            })
        );
    }
}

#[test]
fn range_that_was_not_asked_for() {
    let file = file(100);
    let server = Server::of(&file);
    let (storage, _) = fetch(MemoryStorage::default(), wanted(&file), &server, 40);
    let mut download = Download::open(storage, wanted(&file)).unwrap();
    let head = Head {
        status: 206,
        content_range: Some("bytes 0-99/100"),
        ..Head::default()
    };
    assert_eq!(
        download.response(&head),
        Err(Error::WrongRange {
            url: URL.into(),
            asked: 40,
            got: 0
        })
    );
}

#[test]
fn full_storage_is_said_before_anything_is_stored() {
    let file = file(100);
    let server = Server::of(&file);
    let (storage, result) = fetch(
        MemoryStorage::with_capacity(60),
        wanted(&file),
        &server,
        ALL,
    );
    assert_eq!(
        result,
        Err(Error::Storage(StorageError::Full {
            needed: 100,
            available: Some(60)
        }))
    );
    assert_eq!(storage.bytes(), b"");
}

#[test]
fn storage_that_fills_up_keeps_what_came() {
    let file = file(100);
    let bare = Wanted::unknown(URL);
    let mut download = Download::open(MemoryStorage::with_capacity(60), bare).unwrap();
    download
        .response(&Head {
            status: 200,
            ..Head::default()
        })
        .unwrap();
    download.push(&file[..50]).unwrap();
    let full = StorageError::Full {
        needed: 50,
        available: Some(10),
    };
    assert_eq!(download.push(&file[50..]), Err(Error::Storage(full)));
    assert_eq!(download.storage().bytes(), &file[..50]);
}

#[test]
fn bare_url_without_a_length_ends_when_the_body_ends() {
    let file = file(100);
    let mut download = Download::open(MemoryStorage::default(), Wanted::unknown(URL)).unwrap();
    assert_eq!(download.missing_from(), Some(0));
    download
        .response(&Head {
            status: 200,
            ..Head::default()
        })
        .unwrap();
    download.push(&file).unwrap();
    download.end().unwrap();
    download.verify().unwrap();
    assert_eq!(
        (download.missing_from(), download.is_verified()),
        (None, true)
    );
}

/// `file` with hashes of parts of `length` bytes.
fn in_chunks(file: &[u8], length: usize) -> Wanted {
    Wanted {
        chunks: Some(Chunks {
            bytes: length as u64,
            sha256: file.chunks(length).map(Sha256::of).collect(),
        }),
        ..wanted(file)
    }
}

#[test]
fn damage_is_found_in_its_chunk_and_only_that_is_fetched_again() {
    let file = file(100);
    let good = Server::of(&file);
    for at in 4..100 {
        let mut damaged = file.clone();
        damaged[at] ^= 1;
        let server = Server {
            file: &damaged,
            ..good
        };
        let (storage, result) = fetch(MemoryStorage::default(), in_chunks(&file, 16), &server, ALL);
        let start = at / 16 * 16;
        let (url, end) = (URL.into(), (start + 16).min(100) as u64);
        let start = start as u64;
        assert_eq!(result, Err(Error::WrongChunk { url, start, end }));
        assert_eq!(storage.bytes(), &file[..start as usize]);

        let (storage, result) = fetch(storage, in_chunks(&file, 16), &good, ALL);
        assert_eq!((storage.bytes(), result), (&file[..], Ok(())));
    }
}

#[test]
fn a_download_goes_on_after_a_damaged_chunk() {
    let file = file(100);
    let mut download = Download::open(MemoryStorage::default(), in_chunks(&file, 16)).unwrap();
    let head = Head {
        status: 200,
        ..Head::default()
    };
    download.response(&head).unwrap();
    let mut damaged = file.clone();
    damaged[50] ^= 1;
    assert!(matches!(
        download.push(&damaged),
        Err(Error::WrongChunk {
            start: 48,
            end: 64,
            ..
        })
    ));
    assert_eq!(download.missing_from(), Some(48));
    let head = Head {
        status: 206,
        content_range: Some("bytes 48-99/100"),
        ..Head::default()
    };
    download.response(&head).unwrap();
    download.push(&file[48..]).unwrap();
    download.end().unwrap();
    download.verify().unwrap();
    assert_eq!(download.storage().bytes(), &file[..]);
}

#[test]
fn what_rotted_in_the_storage_is_found_in_its_chunk() {
    let file = file(100);
    let mut storage = MemoryStorage::default();
    let mut rotten = file[..90].to_vec();
    rotten[20] ^= 1;
    storage.append(&rotten).unwrap();
    let mut download = Download::open(storage, in_chunks(&file, 16)).unwrap();
    assert!(matches!(
        download.rehash(),
        Err(Error::WrongChunk {
            start: 16,
            end: 32,
            ..
        })
    ));
    assert_eq!(download.missing_from(), Some(16));
}

#[test]
fn a_part_that_was_asked_for_tells_nothing_of_the_whole() {
    let file = file(100);
    let mut download = Download::open(MemoryStorage::default(), wanted(&file)).unwrap();
    // Another origin's Content-Range is hidden from the page.
    let head = Head {
        status: 206,
        content_length: Some(10),
        until: Some(10),
        ..Head::default()
    };
    assert_eq!(download.response(&head), Ok(Next::Body));
    download.push(&file[..10]).unwrap();
    assert_eq!(download.missing_from(), Some(10));
}
