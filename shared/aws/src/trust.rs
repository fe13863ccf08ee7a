//! Who must have signed a server's certificate for the functions to speak to it?
//!
//! AWS's endpoints chain to [five roots of Amazon's][repository]. The system's store holds about 140, and to read them all is two thirds of a
//! cold start's work. So the five are tried first. Where they do not do (a region of its own kind, a local endpoint, a proxy with an
//! authority of its own), the same request goes on with the five and the system's, and so does every later one: a store that is too small
//! costs one handshake, not an outage.
//!
//! Whoever names a store gets exactly that one: `AWS_CA_BUNDLE`, a file, as for the other SDKs; `SSL_CERT_FILE` or `SSL_CERT_DIR`, as for
//! everything that reads the system's store.
//!
//! [repository]: https://www.amazontrust.com/repository/

use std::{
    error::Error,
    fs, io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use rustls::{
    CertificateError, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tracing::{error, warn};

/// Amazon Root CA 1 to 4 and Starfield Services Root Certificate Authority G2, as PEM. They end in 2037 at the earliest.
pub const AMAZON_ROOTS: &str = include_str!("trust/amazon-roots.pem");

const BUNDLE: &str = "AWS_CA_BUNDLE";
const OF_THE_SYSTEM: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// An HTTP client with TLS by rustls and ring, which trusts what the variables say.
pub fn http_client(lookup: impl Fn(&str) -> Option<String>) -> SharedHttpClient {
    let named = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
    if let Some(path) = named(BUNDLE) {
        match bundle(&path) {
            Ok(roots) => return trusting(TrustStore::empty().with_pem_certificate(roots)),
            // The system's roots are what was trusted if the variable were not there.
            Err(why) => error!("`{BUNDLE}` is `{path}`, and the system's roots are trusted instead: {why}"),
        }
    } else if !OF_THE_SYSTEM.iter().any(|name| named(name).is_some()) {
        return SharedHttpClient::new(AmazonFirst::new(amazon(), everybody));
    }
    trusting(TrustStore::default())
}

fn amazon() -> SharedHttpClient {
    trusting(TrustStore::empty().with_pem_certificate(AMAZON_ROOTS))
}

/// The system's roots, and Amazon's where the system has none.
fn everybody() -> SharedHttpClient {
    trusting(TrustStore::default().with_pem_certificate(AMAZON_ROOTS))
}

fn trusting(store: TrustStore) -> SharedHttpClient {
    // Of all the errors that this could have, it has none.
    let context = TlsContext::builder().with_trust_store(store).build().unwrap_or_default();
    let client = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(context)
        .build_https();
    SharedHttpClient::new(Unchecked(client))
}

/// A client without its own check, which reads all roots and builds a connector, to throw both away: a third of a million instructions.
#[derive(Clone, Debug)]
struct Unchecked(SharedHttpClient);

impl HttpClient for Unchecked {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.0.http_connector(settings, components)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

/// The certificates of a file that can be trust anchors. The client below would not survive one that cannot.
fn bundle(path: &str) -> Result<Vec<u8>, String> {
    const END: &str = "-----END CERTIFICATE-----";
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut usable = String::with_capacity(text.len());
    let mut unusable = 0_usize;
    for block in text.split_inclusive(END).filter(|block| block.ends_with(END)) {
        let certificate = CertificateDer::from_pem_slice(block.as_bytes()).ok();
        if certificate.is_some_and(|certificate| RootCertStore::empty().add(certificate).is_ok()) {
            usable.push_str(block);
            usable.push('\n');
        } else {
            unusable += 1;
        }
    }
    if usable.is_empty() {
        return Err("it holds no certificate that can be trusted".to_owned());
    }
    if unusable > 0 {
        warn!("{unusable} certificates of `{path}` cannot be trusted, and are left out");
    }
    Ok(usable.into_bytes())
}

/// A client that trusts few, and one that trusts more and is made when it is needed.
#[derive(Clone, Debug)]
struct AmazonFirst {
    few: SharedHttpClient,
    more: fn() -> SharedHttpClient,
    made: Arc<OnceLock<SharedHttpClient>>,
    /// Whether few were too few.
    widened: Arc<AtomicBool>,
}

impl AmazonFirst {
    fn new(few: SharedHttpClient, more: fn() -> SharedHttpClient) -> Self {
        Self { few, more, made: Arc::default(), widened: Arc::default() }
    }

    fn more(&self) -> &SharedHttpClient {
        self.made.get_or_init(self.more)
    }
}

impl HttpClient for AmazonFirst {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        if self.widened.load(Relaxed) {
            return self.more().http_connector(settings, components);
        }
        SharedHttpConnector::new(Connector {
            few: self.few.http_connector(settings, components),
            client: self.clone(),
            settings: settings.clone(),
            components: components.clone(),
        })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.few.connector_metadata()
    }
}

/// A connector that tries once more where the certificate's issuer is not known.
#[derive(Debug)]
struct Connector {
    few: SharedHttpConnector,
    client: AmazonFirst,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // A body that streams cannot be sent twice; none of ours does.
        let Some(again) = request.try_clone() else { return self.few.call(request) };
        let attempt = self.few.call(request);
        let (client, settings, components) = (self.client.clone(), self.settings.clone(), self.components.clone());
        HttpConnectorFuture::new(async move {
            match attempt.await {
                // Nothing was sent: the handshake comes before the request.
                Err(refused) if knows_not_the_issuer(&refused) => {
                    warn!("Amazon's roots did not sign a server's certificate; the system's are trusted from now on");
                    client.widened.store(true, Relaxed);
                    client.more().http_connector(&settings, &components).call(again).await
                }
                result => result,
            }
        })
    }
}

fn knows_not_the_issuer(error: &ConnectorError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(why)) = error.downcast_ref() {
            return *why == CertificateError::UnknownIssuer;
        }
        // An I/O error tells of its payload's cause, and skips the payload.
        next = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|payload| payload as _),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests;
