//! Signing in: as a user of the server, of a namespace, of a database; with TLS; and what is refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::{CLERK, PATIENT, Server};
use crate::disk::writer::{content, send};
use crate::program::process::{Program, run_to_end};

async fn said(folder: &Path, url: &str, arguments: &[&str]) -> String {
    let mut all = vec!["serve", "--address", "127.0.0.1:0", "--storage", url];
    all.extend(arguments);
    all.extend(["--set", "storage.connect_timeout_ms=20000"]);
    let refused = run_to_end(folder, &all).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    String::from_utf8(refused.stderr).unwrap().lines().last().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a SurrealDB server: make test-remote"]
async fn an_editor_of_the_one_database_is_enough_also_after_the_server_was_restarted() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let url = server.url();
    let mut arguments = vec!["--storage", &url];
    arguments.extend(CLERK);
    arguments.extend(PATIENT);
    let program = Program::start(folder.path(), &arguments).await;
    assert_eq!(send(&program, 1, &content(1, 0)).await, Ok(1));
    server.kill();
    server.restart().await;
    let began = std::time::Instant::now();
    while send(&program, 2, &content(2, 0)).await.is_err() {
        assert!(began.elapsed().as_secs() < 60, "it signs in again");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    program.terminate();
    assert_eq!(program.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a SurrealDB server: make test-remote"]
async fn a_user_of_the_namespace_may_make_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let url = server.url();
    let user = ["storage.auth_level=namespace", "storage.username=head", "storage.password=secret"];
    let mut arguments = vec!["--storage", &url, "--set", "storage.database=another"];
    arguments.extend(user.iter().flat_map(|setting| ["--set", setting]));
    arguments.extend(PATIENT);
    let program = Program::start(folder.path(), &arguments).await;
    assert_eq!(send(&program, 1, &content(1, 0)).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a SurrealDB server: make test-remote"]
async fn a_wrong_password_a_guest_and_a_stranger_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await;
    let user = |name: &str, password: &str| {
        let settings = ["storage.auth_level=database".to_owned(), format!("storage.username={name}")];
        settings.into_iter().chain([format!("storage.password={password}")]).collect::<Vec<_>>()
    };
    for (name, password) in [("clerk", "wrong"), ("nobody", "secret"), ("guest", "secret")] {
        let settings = user(name, password);
        let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
        let line = said(folder.path(), &server.url(), &arguments).await;
        println!("{name}: {line}");
        assert!(line.contains("cannot") && !line.contains(password), "{name}: {line}");
    }
    let line = said(folder.path(), &server.url(), &[]).await;
    assert!(line.contains("cannot"), "{line}");
}

/// A certificate authority and a certificate of it for this machine: (authority, certificate, key).
fn certificates(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca \
                  -addext basicConstraints=critical,CA:TRUE 2>&1 && \
                  openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost 2>&1 && \
                  printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\\nbasicConstraints=CA:FALSE\\n' > names && \
                  openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                  -extfile names -out certificate.pem 2>&1";
    let made = Command::new("sh").args(["-c", script]).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
    (folder.join("ca.pem"), folder.join("certificate.pem"), folder.join("key.pem"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a SurrealDB server: make test-remote"]
async fn an_encrypted_connection_believes_the_authority_that_is_named_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, certificate, key) = certificates(folder.path());
    let data = format!("rocksdb://{}", folder.path().join("surreal").display());
    let server = Server::start_on(data, Some((certificate, key.clone()))).await;
    let url = server.url();
    let user = ["--set", "storage.username=root", "--set", "storage.password=root"];
    let line = said(folder.path(), &url, &user).await;
    assert!(line.contains("cannot reach") && line.to_lowercase().contains("certificate"), "{line}");
    for (file, why) in [(key.as_path(), "no certificate"), (Path::new("/nowhere"), "storage.ca_file")] {
        let file = format!("storage.ca_file={}", file.display());
        let line = said(folder.path(), &url, &["--set", &file]).await;
        assert!(line.contains("storage.ca_file") && line.contains(why), "{line}");
    }
    let file = format!("storage.ca_file={}", authority.display());
    let mut arguments = vec!["--storage", &url, "--set", &file];
    arguments.extend(user);
    arguments.extend(PATIENT);
    let program = Program::start(folder.path(), &arguments).await;
    assert!(program.ready_line.contains("wss://"), "{}", program.ready_line);
    assert_eq!(send(&program, 1, &content(1, 0)).await, Ok(1));
}
