//! A throw-away PostgreSQL for this test binary: its own folder and port, gone when the tests are.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use nurtured::store::DatabaseUrl;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::skipped::skipped;

/// Set to 1 to skip what needs PostgreSQL, where it is not installed.
pub const WITHOUT: &str = "NURTURED_TEST_WITHOUT_POSTGRES";

/// Says that a test did not run on PostgreSQL.
pub fn skip() {
    skipped(&format!("everything on PostgreSQL: {WITHOUT} is set"));
}

static SERVER: LazyLock<Option<Server>> = LazyLock::new(|| {
    if std::env::var(WITHOUT).is_ok_and(|value| value == "1") {
        return None;
    }
    let bin = binaries().unwrap_or_else(|| {
        panic!(
            "PostgreSQL is not installed (no initdb on PATH or in /usr/lib/postgresql/*/bin). \
             Install it, or set {WITHOUT}=1 to skip the tests on it"
        )
    });
    Some(Server::start(&bin))
});

struct Server {
    port: u16,
    /// Closed by the end of this process, however it ends: that is what the watchdog waits for.
    _leash: ChildStdin,
}

/// A fresh database on it; `None` where PostgreSQL is left out on purpose.
pub async fn fresh_database() -> Option<DatabaseUrl> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let server = SERVER.as_ref()?;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server.url("postgres"))
        .await
        .expect("the throw-away PostgreSQL answers");
    connection
        .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .await
        .expect("a fresh database");
    connection.close().await.expect("a clean goodbye");
    Some(DatabaseUrl::parse(&server.url(&name), Path::new(".")).expect("our own URL"))
}

/// Gives a test's database back, so that the disk holds but a few at a time.
pub async fn drop_database(url: &DatabaseUrl) {
    let Some(server) = SERVER.as_ref() else { return };
    let text = url.to_string();
    let Some((_, name)) = text.rsplit_once('/') else { return };
    let Ok(mut connection) = PgConnection::connect(&server.url("postgres")).await else { return };
    let _ = connection
        .execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
        .await;
}

/// The URL as text, for a program that is started.
#[allow(dead_code)] // not every test starts one
pub fn url_text(url: &DatabaseUrl) -> String {
    url.to_string().replacen("postgres://", "postgres://nurtured@", 1)
}

impl Server {
    fn start(bin: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("nurtured-postgres-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let user = other_user_if_root(&folder);
        let data = folder.join("data");
        let made = command(user.as_deref(), &bin.join("initdb"))
            .args([
                "--auth=trust",
                "--username=nurtured",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg("--pgdata")
            .arg(&data)
            .current_dir(&folder)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        // Somebody else may take the free port before the server does.
        let (port, server) = (0..5)
            .find_map(|_| {
                let port = free_port();
                Some((port, serve(user.as_deref(), bin, &folder, &data, port)?))
            })
            .expect("the throw-away PostgreSQL starts");
        Self { port, _leash: watchdog(&server, &folder) }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://nurtured@127.0.0.1:{}/{database}", self.port)
    }
}

/// Runs a server in the foreground until it says that it is ready.
fn serve(user: Option<&str>, bin: &Path, folder: &Path, data: &Path, port: u16) -> Option<Child> {
    let mut server = command(user, &bin.join("postgres"))
        .arg("-D")
        .arg(data)
        .args(["-h", "127.0.0.1", "-k", "", "-p", &port.to_string()])
        .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"])
        .args(["-c", "max_connections=200", "-c", "deadlock_timeout=200ms"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A ^C at the terminal is for the tests; the watchdog stops the server after them.
        .process_group(0)
        .spawn()
        .expect("postgres runs");
    let log = BufReader::new(server.stderr.take().expect("its log"));
    let (ready, started) = mpsc::channel();
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            if line.contains("ready to accept connections") {
                let _ = ready.send(());
            }
        }
    });
    // An error: it gave up and closed its log.
    if started.recv_timeout(Duration::from_mins(1)).is_ok() {
        return Some(server);
    }
    let _ = server.kill();
    let _ = server.wait();
    None
}

#[allow(clippy::zombie_processes)] // it outlives us: that is its purpose
/// Waits for the end of this process, stops the server by its pid and removes its folder.
fn watchdog(server: &Child, folder: &Path) -> ChildStdin {
    let mut watchdog = Command::new("sh")
        .arg("-c")
        .arg("cat >/dev/null; kill -QUIT \"$1\"; n=0; while kill -0 \"$1\" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done; rm -rf \"$2\"")
        .arg("watchdog")
        .arg(server.id().to_string())
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a watchdog");
    watchdog.stdin.take().expect("its leash")
}

fn binaries() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut packaged: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    packaged.sort();
    packaged
        .into_iter()
        .rev()
        .chain(on_path)
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

/// PostgreSQL refuses to run as root: then somebody else runs it, and gets the folder.
fn other_user_if_root(folder: &Path) -> Option<String> {
    if number_of("id", &["-u"])? != 0 {
        return None;
    }
    for user in ["postgres", "nobody"] {
        if let (Some(uid), Some(gid)) =
            (number_of("id", &["-u", user]), number_of("id", &["-g", user]))
        {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid)).expect("the folder's owner");
            return Some(format!("{uid}:{gid}"));
        }
    }
    panic!(
        "running as root, and there is neither a user `postgres` nor `nobody` to run PostgreSQL"
    );
}

fn number_of(program: &str, arguments: &[&str]) -> Option<u32> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn command(user: Option<&str>, program: &Path) -> Command {
    let Some((uid, gid)) = user.and_then(|user| user.split_once(':')) else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={uid}"))
        .arg(format!("--regid={gid}"))
        .args(["--clear-groups", "--"])
        .arg(program);
    command
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port on loopback")
        .port()
}
