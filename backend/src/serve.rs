//! Connections: taken, counted by client, given to the router, ended when a client does not get on with its request.
//!
//! `axum::serve` waits for ever for the headers of a request, and takes any number of connections of one client.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::options::Limits;

/// After an error that is the system's and not a client's, such as too many open files.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves until told to stop, then lets requests in progress end. Dropped, it cuts what is left.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.headers);
    let clients = Arc::new(Clients::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let (stream, client) = tokio::select! {
            accepted = accept(&listener) => accepted,
            Some(_) = connections.join_next() => continue,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        let Some(place) = clients.enter(client) else {
            tracing::warn!("a client has too many connections open: a further one was closed");
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut stopped = stopped.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            // What goes wrong with a connection is its client's doing, and may quote what the client sent.
            let ended = tokio::select! {
                _ = connection.as_mut() => true,
                _ = stopped.wait_for(|stop| *stop) => false,
            };
            if !ended {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
            drop(place);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address.ip()),
            Err(error) if is_of_a_client(error.kind()) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_a_client(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}

/// How many connections each address has open.
struct Clients {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A client's connection; counted until it is dropped.
struct Place {
    clients: Arc<Clients>,
    client: IpAddr,
}

impl Clients {
    fn new(most: usize) -> Self {
        Self {
            most,
            open: Mutex::default(),
        }
    }

    fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place {
            clients: Arc::clone(self),
            client,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self
            .clients
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}
