//! Which tokens are spent: on disk, so that a gateway that starts again knows them too.
//!
//! One file for each key of the issuer's, since a token is worth nothing once its key has expired: then its file is
//! deleted. A thread of its own writes. It takes all tokens that wait into one transaction, so that one wait for the
//! disk serves all of them; none is accepted before it is on the disk, and none that could not be written.

use std::{
    collections::HashMap,
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
};

use privacy_pass::Redeemed;
use redb::{Database, TableDefinition};
use tokio::sync::{mpsc, oneshot};

/// Nonces of spent tokens.
const SPENT: TableDefinition<&[u8; 32], ()> = TableDefinition::new("spent");
/// Most memory for pages of one file, in bytes.
const CACHE: usize = 16 << 20;
/// Most tokens in one transaction, and in the queue before it.
const MOST: usize = 1024;

/// Tells the thread.
#[derive(Clone, Debug)]
pub(crate) struct Spent {
    queue: mpsc::Sender<Task>,
}

#[derive(Debug)]
enum Task {
    Spend {
        token: Redeemed,
        done: oneshot::Sender<Result<(), NotSpent>>,
    },
    Forget {
        key_id: [u8; 32],
    },
}

/// Why a token does not pay for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSpent {
    /// It did before.
    Before,
    /// It could not be written down.
    Unwritten,
}

/// Opens a file of spent tokens, or makes it. Another process may not have it open.
type Open = Box<dyn Fn(&[u8; 32]) -> Result<Database, redb::Error> + Send>;

impl Spent {
    /// The files are in this folder, which is made if it is not there; those of these keys are opened.
    ///
    /// # Errors
    /// If one cannot be opened: another process has it, or the disk refuses.
    pub(crate) fn open(
        folder: &Path,
        keys: impl IntoIterator<Item = [u8; 32]>,
    ) -> Result<Self, redb::Error> {
        fs::create_dir_all(folder)?;
        let place = folder.to_owned();
        let open = Box::new(move |key_id: &[u8; 32]| open(&place, key_id));
        let mut books = Books::new(open);
        for key_id in keys {
            books.of(&key_id)?;
        }
        let folder = folder.to_owned();
        Self::over(books, move |key_id| {
            let _ = fs::remove_file(file(&folder, key_id)); // mostly it was never there
        })
    }

    fn over(
        books: Books,
        delete: impl Fn(&[u8; 32]) + Send + 'static,
    ) -> Result<Self, redb::Error> {
        let (queue, tasks) = mpsc::channel(MOST);
        let writer = thread::Builder::new().name("spent tokens".to_owned());
        writer.spawn(move || write(books, tasks, &delete))?;
        Ok(Self { queue })
    }

    /// Returns once it is on the disk that this token is spent.
    ///
    /// # Errors
    /// [`NotSpent`]: it pays for nothing.
    pub(crate) async fn spend(&self, token: Redeemed) -> Result<(), NotSpent> {
        let (done, answer) = oneshot::channel();
        let sent = self.queue.send(Task::Spend { token, done }).await;
        sent.map_err(|_| NotSpent::Unwritten)?;
        answer.await.unwrap_or(Err(NotSpent::Unwritten))
    }

    /// Deletes what is known of an expired key's tokens. They have to be refused from now on.
    pub(crate) fn forget(&self, key_id: [u8; 32]) {
        // If the queue is full, when the gateway starts again.
        let _ = self.queue.try_send(Task::Forget { key_id });
    }
}

/// The open files.
struct Books {
    open: Open,
    books: HashMap<[u8; 32], Database>,
}

impl Books {
    fn new(open: Open) -> Self {
        Self {
            open,
            books: HashMap::new(),
        }
    }

    fn of(&mut self, key_id: &[u8; 32]) -> Result<&Database, redb::Error> {
        let book = match self.books.remove(key_id) {
            Some(book) => book,
            None => (self.open)(key_id)?,
        };
        Ok(self.books.entry(*key_id).or_insert(book))
    }

    /// Writes down which of these are spent now, all or none; whether each was not before.
    fn spend(&mut self, key_id: &[u8; 32], nonces: &[[u8; 32]]) -> Result<Vec<bool>, redb::Error> {
        let transaction = self.of(key_id)?.begin_write()?;
        let mut fresh = Vec::with_capacity(nonces.len());
        {
            let mut table = transaction.open_table(SPENT)?;
            for nonce in nonces {
                fresh.push(table.insert(nonce, ())?.is_none());
            }
        }
        transaction.commit()?;
        Ok(fresh)
    }
}

/// Works until nobody is left who could ask.
fn write(mut books: Books, mut tasks: mpsc::Receiver<Task>, delete: &dyn Fn(&[u8; 32])) {
    let mut batch = Vec::new();
    while let Some(task) = tasks.blocking_recv() {
        batch.push(task);
        while batch.len() < MOST
            && let Ok(task) = tasks.try_recv()
        {
            batch.push(task);
        }
        let mut waiting: HashMap<[u8; 32], Vec<_>> = HashMap::new();
        let mut expired = Vec::new();
        for task in batch.drain(..) {
            match task {
                Task::Spend { token, done } => {
                    let of_key = waiting.entry(token.key_id).or_default();
                    of_key.push((token.nonce, done));
                }
                Task::Forget { key_id } => expired.push(key_id),
            }
        }
        for (key_id, spending) in waiting {
            let (nonces, done): (Vec<_>, Vec<_>) = spending.into_iter().unzip();
            let results: Vec<_> = match books.spend(&key_id, &nonces) {
                Ok(fresh) => {
                    let result = |fresh| if fresh { Ok(()) } else { Err(NotSpent::Before) };
                    fresh.into_iter().map(result).collect()
                }
                Err(error) => {
                    // Whatever broke, the file is opened anew, and read as it is on the disk.
                    books.books.remove(&key_id);
                    tracing::error!(%error, "spent tokens cannot be written; requests with tokens are refused");
                    vec![Err(NotSpent::Unwritten); nonces.len()]
                }
            };
            for (done, result) in done.into_iter().zip(results) {
                let _ = done.send(result); // the page may have gone
            }
        }
        for key_id in expired {
            books.books.remove(&key_id);
            delete(&key_id);
        }
    }
}

fn open(folder: &Path, key_id: &[u8; 32]) -> Result<Database, redb::Error> {
    let path = file(folder, key_id);
    let book = Database::builder().set_cache_size(CACHE).create(path)?;
    // A new file's name has to outlive a power cut as well.
    File::open(folder)?.sync_all()?;
    Ok(book)
}

/// Named after the key.
fn file(folder: &Path, key_id: &[u8; 32]) -> PathBuf {
    let mut name: String = key_id.iter().map(|byte| format!("{byte:02x}")).collect();
    name.push_str(".redb");
    folder.join(name)
}

#[cfg(test)]
mod tests;
