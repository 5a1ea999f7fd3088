//! Connections: taken, bounded in number and time, and brought to an end.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::sleep,
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How many are served at once; those above wait.
    pub connections: usize,
    /// A request's head must have come within this time, and the next one after the last.
    pub head: Duration,
    /// Whoever does not read for so long is gone.
    pub write: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 8_192,
            head: Duration::from_secs(20),
            write: Duration::from_secs(30),
        }
    }
}

/// How often the other end of HTTP/2 is asked whether it is there, and how long it may think about it.
const PING: Duration = Duration::from_secs(20);
/// After an error of the system's (too many open files, mostly) it is asked again, not at once.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves `app` within these bounds. When `down` turns true, connections end with the answers that are on their way, new
/// ones are served one request each, so that it can be refused, and all is over when the last of the old ones is.
pub(super) async fn serve(
    listener: TcpListener,
    app: Router,
    bounds: Bounds,
    mut down: watch::Receiver<bool>,
) {
    let server = Server {
        app,
        places: Arc::new(Semaphore::new(bounds.connections)),
        bounds,
    };
    let old = GracefulShutdown::new();
    {
        // The sender lives as long as the process.
        let mut down = pin!(down.wait_for(|&down| down));
        loop {
            tokio::select! {
                biased;
                _ = &mut down => break,
                accepted = server.accept(&listener) => {
                    let (stream, address, place) = accepted;
                    tokio::spawn(server.connection(stream, address, place, Some(old.watcher())));
                }
            }
        }
    }
    let mut ended = pin!(old.shutdown());
    loop {
        tokio::select! {
            biased;
            () = &mut ended => return,
            accepted = server.accept(&listener) => {
                let (stream, address, place) = accepted;
                tokio::spawn(server.connection(stream, address, place, None));
            }
        }
    }
}

struct Server {
    app: Router,
    places: Arc<Semaphore>,
    bounds: Bounds,
}

impl Server {
    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let Ok(place) = self.places.clone().acquire_owned().await else {
            // The semaphore is never closed.
            return pending().await;
        };
        loop {
            match listener.accept().await {
                Ok((stream, address)) => return (stream, address, place),
                Err(error) if is_the_connections(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// One connection to its end. Without a watcher, the server is draining, and one request is answered.
    fn connection(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        place: OwnedSemaphorePermit,
        watcher: Option<Watcher>,
    ) -> impl Future<Output = ()> + use<> {
        let (app, bounds) = (self.app.clone(), self.bounds);
        async move {
            let _place = place;
            // Without it a chunk may wait 40 ms for an acknowledgement.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::warn!(%error, "TCP_NODELAY");
            }
            let mut stream = TimeoutStream::new(stream);
            stream.set_write_timeout(Some(bounds.write));

            let heard = AtomicBool::new(false);
            let service = service_fn(|request: Request<Incoming>| {
                heard.store(true, Ordering::Relaxed);
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(ConnectInfo(address));
                app.clone().oneshot(request)
            });
            let mut http = auto::Builder::new(TokioExecutor::new());
            http.http1()
                .timer(TokioTimer::new())
                .header_read_timeout(bounds.head)
                .keep_alive(watcher.is_some());
            http.http2()
                .timer(TokioTimer::new())
                .keep_alive_interval(PING)
                .keep_alive_timeout(PING);
            let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), service);
            let served = async {
                match watcher {
                    Some(watcher) => watcher.watch(connection).await,
                    None => connection.await,
                }
            };
            tokio::select! {
                // How it ended is known where the answers are written down.
                _ = served => {}
                () = unheard(&heard, bounds.head) => {}
            }
        }
    }
}

/// Ends if there was no request within this time. The library's own limit begins when it knows which HTTP it is.
async fn unheard(heard: &AtomicBool, within: Duration) {
    sleep(within).await;
    if heard.load(Ordering::Relaxed) {
        pending().await
    }
}

/// Whether the connection failed, and not the accepting of connections.
fn is_the_connections(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(
        error.kind(),
        E::ConnectionRefused | E::ConnectionAborted | E::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::{
        body::Bytes,
        routing::{get, post},
    };
    use futures::stream;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::{mpsc, oneshot},
    };

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const BOUNDS: Bounds = Bounds {
        connections: 2,
        head: SHORT,
        write: SHORT,
    };

    /// Where it listens, and what turns it down.
    async fn serving(app: Router, bounds: Bounds) -> (SocketAddr, watch::Sender<bool>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (turn_down, down) = watch::channel(false);
        tokio::spawn(serve(listener, app, bounds, down));
        (address, turn_down)
    }

    /// What comes for these bytes until the server closes the connection.
    async fn answer(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        // HTTP/2 is no text.
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn who_sends_no_request_is_let_go() {
        let app = Router::new().route("/", get(|| async { "here" }));
        let (address, _down) = serving(app, BOUNDS).await;
        // Nothing; what may become HTTP/1 or 2; half a head; HTTP/2 without a request.
        for beginning in [
            "",
            "P",
            "GET / HTTP/1.1\r\nhost:",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let answer = answer(address, beginning).await;
            assert!(!answer.contains("here"), "{beginning:?}");
        }
        // One request, and then nothing more.
        let answer = answer(address, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        assert!(answer.ends_with("here"), "{answer}");
    }

    #[tokio::test]
    async fn who_does_not_read_is_let_go() {
        let (gone, dropped) = oneshot::channel::<Infallible>();
        let gone = Arc::new(std::sync::Mutex::new(Some(gone)));
        let app = Router::new().route(
            "/",
            get(move || async move {
                let gone = gone.lock().unwrap().take();
                let endless = stream::unfold(gone, |gone| async {
                    let piece = Ok::<_, Infallible>(Bytes::from_static(&[0; 1 << 16]));
                    Some((piece, gone))
                });
                Body::from_stream(endless)
            }),
        );
        let (address, _down) = serving(app, BOUNDS).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(request).await.unwrap();
        assert!(dropped.await.is_err(), "the answer was given up");
    }

    #[tokio::test]
    async fn so_many_connections_are_served_and_the_next_one_waits() {
        let (arrived, mut arrivals) = mpsc::unbounded_channel();
        let app = Router::new().route(
            "/",
            post(|| async move {
                let (go, gone) = oneshot::channel::<()>();
                arrived.send(go).unwrap();
                gone.await.unwrap();
            }),
        );
        let (address, _down) = serving(app, BOUNDS).await;
        let request = "POST / HTTP/1.0\r\n\r\n";
        let all = [(); 3].map(|()| tokio::spawn(answer(address, request)));
        let first = arrivals.recv().await.unwrap();
        let second = arrivals.recv().await.unwrap();
        assert!(arrivals.try_recv().is_err());
        first.send(()).unwrap();
        let third = arrivals.recv().await.unwrap();
        second.send(()).unwrap();
        third.send(()).unwrap();
        for answer in all {
            assert!(answer.await.unwrap().starts_with("HTTP/1.0 200 OK"));
        }
    }
}
