//! The running service's door for this machine: a Unix socket in the directory of an embedded store.
//!
//! One line comes (`backup PATH`), one line goes (`done …` or `failed …`). Only who may write the store's files may
//! connect: the socket belongs to the service's user and has mode 0600. The file that a backup becomes belongs to
//! that user as well.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use messagecenter_actors::backup::{BackupError, Contents};
use messagecenter_actors::world::World;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use crate::backup_cli::{summary, write_file};

/// The socket's name in the store's directory.
const NAME: &str = "CONTROL";

/// The longest line: a path of the longest kind, and the word before it.
const LONGEST: u64 = 8_192;

/// How long a caller has for its line.
const PATIENCE: Duration = Duration::from_secs(10);

/// Copies the running service's store into a new file, as of one position; the journal is not trimmed meanwhile.
///
/// # Errors
/// See [`write_file`].
pub async fn backup(world: &World, path: &Path) -> Result<Contents, BackupError> {
    let hold = world.journal.hold().await;
    let written = write_file(&*world.store, world.clock.now(), path).await;
    drop(hold);
    match &written {
        Ok(contents) => tracing::info!(position = contents.position, "backup written"),
        Err(error) => tracing::warn!(%error, "no backup"),
    }
    written
}

/// An open door.
pub struct Control {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Control {
    /// Opens the door in `directory`, whose store this process holds: what lies there under its name is of an
    /// earlier process.
    ///
    /// # Errors
    /// The operating system's; a path of more than a hundred bytes is too long for a socket.
    pub fn open(directory: &Path, world: Arc<World>) -> io::Result<Self> {
        let path = directory.join(NAME);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { path, task: tokio::spawn(serve(listener, world)) })
    }

    /// Closes it; a backup under way ends without a file.
    pub fn close(self) {
        self.task.abort();
        let _ = std::fs::remove_file(&self.path); // the next start removes what is left
    }
}

/// One caller at a time: two backups at once would only slow each other down.
async fn serve(listener: UnixListener, world: Arc<World>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = answer(stream, &world).await {
                    tracing::warn!(%error, "a caller of the control socket went away");
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket does not accept");
                tokio::time::sleep(PATIENCE).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, world: &World) -> io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut line = String::new();
    let mut input = BufReader::new(input.take(LONGEST));
    tokio::time::timeout(PATIENCE, input.read_line(&mut line)).await??;
    let said = match line.trim_end_matches('\n').split_once(' ') {
        Some(("backup", path)) if Path::new(path).is_absolute() => {
            match backup(world, Path::new(path)).await {
                Ok(contents) => format!("done {}\n", summary(&contents)),
                Err(error) => format!("failed {error}\n"),
            }
        }
        _ => "failed expected: backup PATH, with an absolute path\n".to_owned(),
    };
    output.write_all(said.as_bytes()).await
}

/// Asks the service that holds the store in `directory` for a backup. `None`: no service answers there.
///
/// # Errors
/// The connection broke; `InvalidInput` for a path that is no line of text.
pub async fn ask(directory: &Path, path: &Path) -> io::Result<Option<Result<String, String>>> {
    let mut stream = match UnixStream::connect(directory.join(NAME)).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let path = std::path::absolute(path)?;
    let text = path.to_str().filter(|text| !text.contains('\n'));
    let Some(text) = text else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is no line of text"));
    };
    stream.write_all(format!("backup {text}\n").as_bytes()).await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    match said.trim_end().split_once(' ') {
        Some(("done", what)) => Ok(Some(Ok(what.to_owned()))),
        Some(("failed", why)) => Ok(Some(Err(why.to_owned()))),
        _ => {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the service ended before the backup was whole"))
        }
    }
}
