//! Encryption on the way to a SurrealDB server (`wss://`).

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use surrealdb::opt::Config;

use crate::{EngineSettings, OpenFailure};

/// The client's configuration: which authorities are believed.
pub(super) fn config(settings: &EngineSettings) -> Result<Config, OpenFailure> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    // Two of them are compiled in, and the client does not choose by itself.
    let _ = provider.clone().install_default(); // refused when it was chosen before
    let Some(file) = &settings.ca_file else { return Ok(Config::new()) };
    let refused = |cause: String| OpenFailure::Authority { file: file.clone(), cause };
    let tls = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .with_root_certificates(authorities(file).map_err(refused)?)
        .with_no_client_auth();
    Ok(Config::new().rustls(tls))
}

fn authorities(file: &Path) -> Result<RootCertStore, String> {
    let mut authorities = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())? {
        let certificate = certificate.map_err(|error| error.to_string())?;
        authorities.add(certificate).map_err(|error| error.to_string())?;
    }
    if authorities.is_empty() {
        return Err("it holds no certificate".to_owned());
    }
    Ok(authorities)
}
