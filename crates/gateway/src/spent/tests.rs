use std::{
    collections::HashSet,
    io::{Error, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{StorageBackend, backends::InMemoryBackend};

use super::*;

const KEY: [u8; 32] = [1; 32];

fn token(nonce: u32) -> Redeemed {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&nonce.to_be_bytes());
    Redeemed {
        key_id: KEY,
        nonce: bytes,
    }
}

/// A folder of the test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("spent-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self) -> Result<Spent, redb::Error> {
        Spent::open(&self.0, [KEY])
    }

    /// Waits until whoever had the files has closed them.
    async fn open_again(&self) -> Spent {
        loop {
            match self.open() {
                Ok(spent) => return spent,
                Err(redb::Error::DatabaseAlreadyOpen) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_token_is_spent_once_and_stays_spent_when_the_gateway_starts_again() {
    let folder = Folder::new("restart");
    let spent = folder.open().unwrap();
    assert_eq!(spent.spend(token(1)).await, Ok(()));
    assert_eq!(spent.spend(token(1)).await, Err(NotSpent::Before));
    assert!(folder.open().is_err(), "two gateways have the file");
    drop(spent);

    let spent = folder.open_again().await;
    assert_eq!(spent.spend(token(1)).await, Err(NotSpent::Before));
    assert_eq!(spent.spend(token(2)).await, Ok(()));
    // Of another key, it is another token.
    let of_another = Redeemed {
        key_id: [2; 32],
        ..token(1)
    };
    assert_eq!(spent.spend(of_another).await, Ok(()));
}

#[tokio::test]
async fn of_many_at_once_with_one_token_one_passes() {
    let folder = Folder::new("many");
    let spent = folder.open().unwrap();
    let attempts = (0..2000).map(|attempt| {
        let spent = spent.clone();
        let nonce = attempt % 100;
        tokio::spawn(async move { (nonce, spent.spend(token(nonce)).await) })
    });
    let mut passed = HashSet::new();
    let mut refused = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            (nonce, Ok(())) => assert!(passed.insert(nonce), "token {nonce} passed twice"),
            (_, Err(NotSpent::Before)) => refused += 1,
            (_, Err(NotSpent::Unwritten)) => panic!("not written"),
        }
    }
    assert_eq!((passed.len(), refused), (100, 1900));
}

#[tokio::test]
async fn an_expired_keys_file_is_deleted() {
    let folder = Folder::new("expired");
    let spent = folder.open().unwrap();
    spent.spend(token(1)).await.unwrap();
    let path = file(&folder.0, &KEY);
    assert!(path.exists());
    spent.forget(KEY);
    // Tasks are done in the order in which they come.
    let other = Redeemed {
        key_id: [2; 32],
        ..token(1)
    };
    spent.spend(other).await.unwrap();
    spent
        .spend(Redeemed {
            nonce: [9; 32],
            ..other
        })
        .await
        .unwrap();
    assert!(!path.exists());
}

/// A disk that is full for as long as it is said to be.
#[derive(Debug)]
struct Disk {
    memory: Arc<InMemoryBackend>,
    is_full: Arc<AtomicBool>,
}

impl Disk {
    fn room(&self) -> Result<(), Error> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, Error> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.room()?;
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.room()?;
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.room()?;
        self.memory.write(offset, data)
    }
}

#[tokio::test]
async fn a_full_disk_refuses_tokens_and_forgets_none() {
    let memory = Arc::new(InMemoryBackend::new());
    let is_full = Arc::new(AtomicBool::new(false));
    let disk = (memory, is_full.clone());
    let open: Open = Box::new(move |_| {
        let (memory, is_full) = disk.clone();
        Ok(Database::builder().create_with_backend(Disk { memory, is_full })?)
    });
    let spent = Spent::over(Books::new(open), |_| ()).unwrap();
    assert_eq!(spent.spend(token(1)).await, Ok(()));
    is_full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(spent.spend(token(2)).await, Err(NotSpent::Unwritten));
    }
    is_full.store(false, Ordering::SeqCst);
    assert_eq!(spent.spend(token(1)).await, Err(NotSpent::Before));
    assert_eq!(spent.spend(token(2)).await, Ok(()));
    assert_eq!(spent.spend(token(2)).await, Err(NotSpent::Before));
}
