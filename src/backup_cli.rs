//! `messagecenter backup FILE` and `messagecenter restore FILE`.
//!
//! A backup is written beside its name and takes it once it is whole and on disk, readable by its owner only. An
//! embedded store is open in one process: while the service runs, [`crate::control`] lets that process write it.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use messagecenter_actors::backup::{self, BackupError, Contents};
use messagecenter_actors::domain::ids::Millis;
use messagecenter_actors::ports::Store;

/// Bytes written at once.
const BUFFER: usize = 1 << 20;

/// Copies `store` into a new file.
///
/// # Errors
/// The file exists or cannot be written; the store cannot be read. No file of that name is there then.
pub async fn write_file(store: &dyn Store, made_at: Millis, path: &Path) -> Result<Contents, BackupError> {
    if path.symlink_metadata().is_ok() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, format!("{} exists", path.display())).into());
    }
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let (file, partial) = Partial::beside(path)?;
    let output = BufWriter::with_capacity(BUFFER, file);
    let (contents, output) = backup::make(store, made_at, output).await?;
    let file = output.into_inner().map_err(|error| named(error.into_error()))?;
    let to = path.to_owned();
    let kept = tokio::task::spawn_blocking(move || {
        file.sync_all()?;
        partial.name(&to)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    });
    kept.await.map_err(io::Error::other)?.map_err(named)?;
    Ok(contents)
}

/// The name that a backup has until it is whole; gone when dropped, however the writing ends.
struct Partial(PathBuf);

impl Partial {
    /// A new file, readable by its owner only. Whose it was is not asked: one that is there is left alone.
    fn beside(path: &Path) -> io::Result<(File, Self)> {
        let mut name = path.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", partial.display()));
        Ok((file.map_err(named)?, Self(partial)))
    }
}

impl Partial {
    /// Gives it its name, and replaces nothing: a link says that there is something, a renaming would not. Where the
    /// filesystem has no links, looking comes first.
    fn name(self, to: &Path) -> io::Result<()> {
        match std::fs::hard_link(&self.0, to) {
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
                if to.symlink_metadata().is_ok() {
                    return Err(ErrorKind::AlreadyExists.into());
                }
                std::fs::rename(&self.0, to)
            }
            named => named,
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // what matters was told before
    }
}

/// Fills the empty `store` from a file.
///
/// # Errors
/// The file cannot be read, is no whole backup, or the store is not empty: nothing was written then. The store
/// cannot be written: it cannot be used then.
pub async fn read_file(store: &dyn Store, path: &Path) -> Result<Contents, BackupError> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let input = BufReader::with_capacity(BUFFER, File::open(path).map_err(named)?);
    backup::restore(store, input).await
}

/// What a person is told of a backup.
pub fn summary(contents: &Contents) -> String {
    let Contents { position, snapshots, pages, rows, batches } = contents;
    format!(
        "as of event {position}: {snapshots} actors, {pages} pages, {rows} rows, {batches} journal \
         records"
    )
}
