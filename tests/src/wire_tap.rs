//! A listener on the wire between browsers and the backend: every byte passes unchanged; sockets are counted, and one word that
//! the server says over them. It can cut the sockets, as a proxy does that knows none, and leave everything else alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const SOCKET: &[u8] = b"GET /realtime/v1/websocket";

#[derive(Default)]
struct Counts {
    open: AtomicUsize,
    ever: AtomicUsize,
    words: AtomicUsize,
}

/// A tap; it ends when this value goes.
pub struct WireTap {
    counts: Arc<Counts>,
    sockets_pass: watch::Sender<bool>,
    port: u16,
    listening: JoinHandle<()>,
}

impl Drop for WireTap {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl WireTap {
    /// Taps the way to this port, on a port of its own, and listens for a word.
    pub async fn before(backend: u16, word: &'static str) -> Result<WireTap> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        let (sockets_pass, passing) = watch::channel(true);
        let listening = tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                // A connection that breaks is the browser's business, and the backend's.
                let counts = Arc::clone(&shared);
                tokio::spawn(pass(
                    browser,
                    backend,
                    word.as_bytes(),
                    counts,
                    passing.clone(),
                ));
            }
        });
        Ok(WireTap {
            counts,
            sockets_pass,
            port,
            listening,
        })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends every socket, and lets no other through.
    pub fn cuts_sockets(&self) {
        self.sockets_pass.send_replace(false);
    }

    /// Lets sockets through again.
    pub fn mends_sockets(&self) {
        self.sockets_pass.send_replace(true);
    }

    /// Sockets that are open now.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// Sockets that were ever opened.
    pub fn ever(&self) -> usize {
        self.counts.ever.load(Ordering::SeqCst)
    }

    /// How often the server has said the word, over all sockets.
    pub fn words(&self) -> usize {
        self.counts.words.load(Ordering::SeqCst)
    }
}

async fn pass(
    mut browser: TcpStream,
    port: u16,
    word: &[u8],
    counts: Arc<Counts>,
    sockets_pass: watch::Receiver<bool>,
) -> Result<()> {
    let mut backend = TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut from_browser, mut to_browser) = browser.split();
    let (mut from_backend, mut to_backend) = backend.split();
    let is_socket = AtomicUsize::new(0);
    let up = async {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let read = from_browser.read(&mut bytes).await?;
            if read == 0 {
                break;
            }
            // A connection becomes a socket with a request of its own.
            if bytes[..read].starts_with(SOCKET) && is_socket.load(Ordering::SeqCst) == 0 {
                anyhow::ensure!(*sockets_pass.borrow(), "no socket passes");
                is_socket.store(1, Ordering::SeqCst);
                counts.open.fetch_add(1, Ordering::SeqCst);
                counts.ever.fetch_add(1, Ordering::SeqCst);
            }
            to_backend.write_all(&bytes[..read]).await?;
        }
        anyhow::Ok(())
    };
    let down = async {
        let (mut bytes, mut tail) = (vec![0; 64 * 1024], Vec::new());
        loop {
            let read = from_backend.read(&mut bytes).await?;
            if read == 0 {
                break;
            }
            if is_socket.load(Ordering::SeqCst) == 1 {
                // The word may lie across two reads.
                tail.extend_from_slice(&bytes[..read]);
                let found = tail.windows(word.len()).filter(|bytes| *bytes == word);
                counts.words.fetch_add(found.count(), Ordering::SeqCst);
                let kept = tail.len().saturating_sub(word.len() - 1);
                tail.drain(..kept);
            }
            to_browser.write_all(&bytes[..read]).await?;
        }
        anyhow::Ok(())
    };
    // A connection that is no socket lives through the cut.
    let cut = async {
        let mut passing = sockets_pass.clone();
        loop {
            passing.wait_for(|pass| !pass).await?;
            if is_socket.load(Ordering::SeqCst) == 1 {
                return anyhow::Ok(());
            }
            passing.wait_for(|pass| *pass).await?;
        }
    };
    // Whichever side ends ends the connection.
    tokio::select! { _ = up => {}, _ = down => {}, _ = cut => {} }
    if is_socket.load(Ordering::SeqCst) == 1 {
        counts.open.fetch_sub(1, Ordering::SeqCst);
    }
    Ok(())
}
