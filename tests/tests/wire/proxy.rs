//! A network that can be told to fail: TCP between the client and the backend, slow, mute, deaf, cut or refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fine,
    /// Every chunk arrives later.
    Slow(Duration),
    /// Nothing arrives on either side, and nobody is told.
    Blackhole,
    /// What the client says arrives; what the server says does not.
    HalfOpen,
    /// New connections end at once.
    Refusing,
}

pub struct Proxy {
    pub address: SocketAddr,
    weather: watch::Sender<Weather>,
    cuts: watch::Sender<u64>,
    /// Bytes that the server may still say before its connections are cut; `u64::MAX` for no limit.
    allowance: Arc<AtomicU64>,
}

impl Proxy {
    pub async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, watching) = watch::channel(Weather::Fine);
        let (cuts, cutting) = watch::channel(0);
        let allowance = Arc::new(AtomicU64::new(u64::MAX));
        let allowed = Arc::clone(&allowance);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *watching.borrow() == Weather::Refusing {
                    continue;
                }
                let Ok(upstream) = TcpStream::connect(server).await else {
                    continue;
                };
                tokio::spawn(carry(
                    client,
                    upstream,
                    watching.clone(),
                    cutting.clone(),
                    Arc::clone(&allowed),
                ));
            }
        });
        Self {
            address,
            weather,
            cuts,
            allowance,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Ends every connection without a word.
    pub fn cut(&self) {
        self.allowance.store(u64::MAX, Ordering::Relaxed);
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts every connection after so many more bytes of the server: in the middle of a frame.
    pub fn truncate_after(&self, bytes: u64) {
        self.allowance.store(bytes, Ordering::Relaxed);
    }
}

async fn carry(
    client: TcpStream,
    server: TcpStream,
    weather: watch::Receiver<Weather>,
    mut cuts: watch::Receiver<u64>,
    allowance: Arc<AtomicU64>,
) {
    cuts.mark_unchanged();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let unlimited = Arc::new(AtomicU64::new(u64::MAX));
    let up = pump(
        from_client,
        to_server,
        weather.clone(),
        Weather::Fine,
        unlimited,
    );
    let down = pump(
        from_server,
        to_client,
        weather,
        Weather::HalfOpen,
        allowance,
    );
    tokio::select! {
        () = up => {}
        () = down => {}
        _ = cuts.changed() => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    weather: watch::Receiver<Weather>,
    mute_in: Weather,
    allowance: Arc<AtomicU64>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        let now = *weather.borrow();
        match now {
            Weather::Slow(delay) => tokio::time::sleep(delay).await,
            Weather::Blackhole => continue,
            Weather::HalfOpen if mute_in == Weather::HalfOpen => continue,
            Weather::Fine | Weather::HalfOpen | Weather::Refusing => {}
        }
        let left = allowance.load(Ordering::Relaxed);
        let allowed = usize::try_from(left).unwrap_or(usize::MAX).min(count);
        if to.write_all(&buffer[..allowed]).await.is_err() {
            return;
        }
        if left != u64::MAX {
            allowance.store(left - allowed as u64, Ordering::Relaxed);
            if allowed < count {
                allowance.store(u64::MAX, Ordering::Relaxed);
                return;
            }
        }
    }
}
