//! Whom a native socket believes to be the server: the system's certificates, and those that the application brings. Nothing
//! here can switch the checking off.

use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

/// What is trusted besides the system's certificates, and what that came to, read once.
#[derive(Default)]
pub(crate) struct Trust {
    own: Vec<CertificateDer<'static>>,
    config: OnceLock<Option<Arc<ClientConfig>>>,
}

impl Trust {
    pub fn add(&mut self, der: Vec<u8>) {
        self.own.push(der.into());
    }

    /// Reads the system's certificates the first time, which takes a moment. Nothing when the platform has no safe protocol.
    pub fn config(&self) -> Option<Arc<ClientConfig>> {
        self.config.get_or_init(|| self.read()).clone()
    }

    fn read(&self) -> Option<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        // Systems hold certificates that nobody can read; without any at all, handshakes fail and say so.
        let system = rustls_native_certs::load_native_certs().certs;
        roots.add_parsable_certificates(system.into_iter().chain(self.own.iter().cloned()));
        // Named here, since a process without a chosen provider would panic.
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().ok()?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Some(Arc::new(config))
    }
}
