//! TLS for the simulated AWS: a certificate made on the spot, and a listener that shakes hands.
//!
//! The chain is as long as AWS's: a root that only signs, an authority, and the server's own. Its keys are RSA in the
//! bench, as AWS's are: they are cheaper to verify than others. Ring makes no such keys, so Python does.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use axum::serve::Listener;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{
    CipherSuite, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It cannot be made.
    #[error("cannot make a certificate")]
    Made(#[from] rcgen::Error),
    /// It cannot be served.
    #[error("cannot serve a certificate")]
    Served(#[from] rustls::Error),
}

/// What a server on loopback proves itself by, and what its callers must trust.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The root, as PEM.
    pub root: String,
    server: Arc<ServerConfig>,
}

impl Identity {
    /// Makes one for `127.0.0.1` and `localhost`, with keys that are quickly made.
    ///
    /// # Errors
    /// When the machine has no randomness to make keys of.
    pub fn make() -> Result<Self, CertificateError> {
        Self::of([KeyPair::generate()?, KeyPair::generate()?, KeyPair::generate()?])
    }

    /// The same with RSA keys, as AWS's endpoints and their authorities have: root, authority and server, as PEM.
    ///
    /// # Errors
    /// When these are no such keys.
    pub fn rsa(keys: [&str; 3]) -> Result<Self, CertificateError> {
        let [root, middle, leaf] = keys.map(|key| KeyPair::from_pkcs8_pem_and_sign_algo(key, &rcgen::PKCS_RSA_SHA256));
        Self::of([root?, middle?, leaf?])
    }

    fn of([root_key, middle_key, key]: [KeyPair; 3]) -> Result<Self, CertificateError> {
        let root_params = authority("The bench's root");
        let root = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root_params, root_key);

        let middle_params = authority("The bench's authority");
        let middle = middle_params.signed_by(&middle_key, &root_issuer)?;
        let middle_issuer = Issuer::new(middle_params, middle_key);

        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        params.distinguished_name = named("The bench's AWS");
        let leaf = params.signed_by(&key, &middle_issuer)?;

        let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone(), middle.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut provider = ring::default_provider();
        // AWS's servers prefer the shorter key, whatever the client says.
        provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
        let mut server = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        server.ignore_client_order = true;
        Ok(Self { root: root.pem(), server: Arc::new(server) })
    }

    /// A listener on a free loopback port that shakes hands before it gives a connection.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn listen(&self) -> io::Result<TlsListener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::clone(&self.server));
        let (shaken, ready) = mpsc::unbounded_channel();
        let attempts: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&attempts);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            loop {
                // Out of descriptors, or a caller that went away: the next one may have more luck.
                let Ok((stream, from)) = listener.accept().await else { continue };
                counted.fetch_add(1, Relaxed);
                let (acceptor, shaken) = (acceptor.clone(), shaken.clone());
                // On a task of its own, so that one who dawdles keeps nobody waiting.
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = shaken.send((stream, from));
                    }
                });
            }
        });
        Ok(TlsListener { address, attempts, ready, _accepting: accepting })
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params
}

/// Connections whose handshake is done.
#[derive(Debug)]
pub struct TlsListener {
    /// Where it listens.
    pub address: SocketAddr,
    /// How often somebody wanted a handshake.
    pub attempts: Arc<AtomicUsize>,
    ready: mpsc::UnboundedReceiver<(TlsStream<TcpStream>, SocketAddr)>,
    _accepting: JoinSet<()>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task ends only with this value.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
