//! PgBouncer, as packaged: a small imitation of what it refuses, and the real one where it is installed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use runner::audience::Source;
use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::servers::{close, postgres, run_postgres, unique};
use super::{Url, all, told};

/// Reads the first message of a connection, without its kind.
async fn first_message(stream: &mut TcpStream) -> Vec<u8> {
    let length = stream.read_u32().await.unwrap();
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await.unwrap();
    body
}

async fn refuse(stream: &mut TcpStream, code: &str, message: &str) {
    let said = format!("SFATAL\0C{code}\0M{message}\0\0");
    stream.write_u8(b'E').await.unwrap();
    stream.write_u32(u32::try_from(said.len() + 4).unwrap()).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    // Closing before the client has read this would reset the connection.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// Serves one connection like PgBouncer: refuses the parameters that it refuses without `ignore_startup_parameters`, and
/// otherwise every query as in statement pooling.
async fn imitation() -> u16 {
    const KNOWN: [&str; 9] = [
        "user",
        "database",
        "client_encoding",
        "DateStyle",
        "TimeZone",
        "datestyle",
        "timezone",
        "standard_conforming_strings",
        "application_name",
    ];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut startup = first_message(&mut stream).await;
        if startup == [4, 210, 22, 47] {
            stream.write_all(b"N").await.unwrap();
            startup = first_message(&mut stream).await;
        }
        let text = String::from_utf8(startup.split_off(4)).unwrap();
        let names = text.split('\0').step_by(2).filter(|name| !name.is_empty());
        for name in names {
            if !KNOWN.contains(&name) {
                let message = format!("unsupported startup parameter: {name}");
                return refuse(&mut stream, "08P01", &message).await;
            }
        }
        stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await.unwrap();
        let _query = stream.read_u8().await;
        let message = "transaction blocks not allowed in statement pooling mode";
        refuse(&mut stream, "08P01", message).await;
    });
    port
}

#[tokio::test]
async fn a_pooler_that_refuses_what_it_does_not_know() {
    let mut said = String::new();
    for query in ["", "?options=-csearch_path%3Dx"] {
        let port = imitation().await;
        let url = Url::new(&format!("postgres://reader@127.0.0.1:{port}/members{query}"));
        let error = all(&Source::Postgres(url.ask("select 'u' as open_id"))).await;
        said += &told(&error.unwrap_err());
    }
    insta::assert_snapshot!(said);
}

/// A PgBouncer of our own before the server of the tests, ended on drop.
pub(crate) struct Pooler {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([Path::new("/usr/sbin").into()]);
    folders
        .map(|folder| folder.join("pgbouncer"))
        .find(|file| file.is_file())
}

/// Starts PgBouncer with its packaged settings, this pool mode and this number of connections. `None` where it is not installed.
pub(crate) async fn pooler(server: &str, mode: &str, connections: u32) -> Option<Pooler> {
    let Some(program) = program() else {
        assert!(
            std::env::var_os("RUNNER_TEST_DATABASES").is_none_or(|said| said != "required"),
            "pgbouncer is not installed, and RUNNER_TEST_DATABASES=required"
        );
        return None;
    };
    let server = url::Url::parse(server).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let password = server.password().map(|text| format!(" password={text}"));
    let settings = format!(
        "[databases]\n* = host={} port={} dbname={} user={}{}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
         pool_mode = {mode}\ndefault_pool_size = {connections}\n",
        server.host_str().unwrap(),
        server.port().unwrap_or(5432),
        server.path().trim_start_matches('/'),
        server.username(),
        password.unwrap_or_default(),
    );
    let file = folder.path().join("pgbouncer.ini");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new(program);
    if rustix::process::geteuid().is_root() {
        // It refuses to run as root.
        command.args(["-u", "nobody"]);
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
    }
    let child = command.arg("-q").arg(&file).stderr(Stdio::null()).spawn().unwrap();
    let mut pooler = Pooler {
        child,
        port,
        _folder: folder,
    };
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(pooler.child.try_wait().unwrap().is_none(), "pgbouncer has ended");
        tokio::task::yield_now().await;
    }
    Some(pooler)
}

/// Another program's statement has the name that the library takes first, on the only connection to the server.
#[tokio::test]
async fn a_pooler_gives_its_connection_to_many() {
    let Some((url, server)) = postgres().await else { return };
    for mode in ["session", "transaction"] {
        let Some(pooler) = pooler(&url, mode, 1).await else {
            return;
        };
        let through = format!("postgres://any@127.0.0.1:{}/any", pooler.port);
        let name = unique("taken");
        let options: PgConnectOptions = through.parse().unwrap();
        let mut other = options.extra_float_digits(None).connect().await.unwrap();
        if mode == "transaction" {
            run_postgres(
                &mut other,
                &format!("prepare sqlx_s_1 as select 1; prepare sqlx_s_2 as select 2; prepare {name} as select 3"),
            )
            .await;
        } else {
            // Its connection would be its own for as long as it is open.
            other.close().await.unwrap();
            other = url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
        }
        let asked = Url::new(&through);
        for sql in [
            "select n as open_id from generate_series(1, 1000) as n",
            "select 'u' as open_id where false",
        ] {
            let rows = all(&Source::Postgres(asked.ask(sql))).await;
            let rows = rows.map_err(|error| told(&error)).unwrap().0.len();
            assert_eq!(rows, if sql.contains("false") { 0 } else { 1000 }, "{mode}");
        }
        // The next user of the connection may write, in its own time zone and without our time limit.
        let options: PgConnectOptions = through.parse().unwrap();
        let mut next = options.extra_float_digits(None).connect().await.unwrap();
        let settings = "select current_setting('default_transaction_read_only') || ' ' || \
                        current_setting('statement_timeout') || ' ' || current_setting('client_connection_check_interval') \
                        || ' ' || (select count(*) from pg_prepared_statements where statement like '%generate_series%')";
        let row = sqlx::raw_sql(settings).fetch_one(&mut next).await.unwrap();
        let kept: &str = sqlx::Row::try_get_raw(&row, 0)
            .map(|value| value.as_str().unwrap())
            .unwrap();
        assert_eq!(kept, "off 0 0 0", "{mode}");
        close(other).await;
        close(next).await;
    }
    close(server).await;
}

#[tokio::test]
async fn statement_pooling_is_refused_with_a_remedy() {
    let Some((url, server)) = postgres().await else { return };
    let Some(pooler) = pooler(&url, "statement", 1).await else {
        return;
    };
    let asked = Url::new(&format!("postgres://any@127.0.0.1:{}/any", pooler.port));
    let error = all(&Source::Postgres(asked.ask("select 'u' as open_id"))).await;
    let told = told(&error.unwrap_err());
    assert!(told.contains("pool_mode"), "{told}");
    close(server).await;
}
