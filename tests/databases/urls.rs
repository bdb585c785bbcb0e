//! URLs of servers: addresses, parameters, and mistakes that are named without showing the URL.

use runner::audience::{AudienceError, Source};
use tokio::net::{TcpListener, TcpStream};

use super::servers::{mysql, postgres};
use super::{Url, all, lines, told};

/// Forwards connections from a new port of `[::1]` to `port` of 127.0.0.1. `None` on a machine without IPv6.
async fn forward_from_ipv6(port: u16) -> Option<u16> {
    let listener = TcpListener::bind("[::1]:0").await.ok()?;
    let from = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    Some(from)
}

/// The same server at the forwarding port, with the host written in these ways.
async fn at_ipv6(url: &str, hosts: &[&str]) -> Vec<String> {
    let url = url::Url::parse(url).unwrap();
    let port = url.port_or_known_default().unwrap_or(5432);
    let Some(port) = forward_from_ipv6(port).await else {
        return Vec::new();
    };
    let user = url.as_str().split('@').next().unwrap().to_owned();
    let path = url.path();
    hosts
        .iter()
        .map(|host| {
            // TLS has no names with zones.
            let plain = match (host.contains('%'), url.scheme()) {
                (false, _) => "",
                (true, "mysql") => "?ssl-mode=disabled",
                (true, _) => "?sslmode=disable",
            };
            format!("{user}@{host}:{port}{path}{plain}")
        })
        .collect()
}

#[tokio::test]
async fn an_ipv6_address_is_written_in_brackets() {
    let select = "select 'u1' as open_id";
    if let Some((url, _)) = postgres().await {
        for url in at_ipv6(&url, &["[::1]", "[0:0::1]", "[::1%251]", "[::1%1]"]).await {
            let rows = all(&Source::Postgres(Url::new(&url).ask(select))).await;
            assert_eq!(rows.map_err(|error| told(&error)).unwrap().0.len(), 1, "{url}");
        }
    }
    if let Some((url, _)) = mysql().await {
        for url in at_ipv6(&url, &["[::1]", "[::1%251]"]).await {
            let rows = all(&Source::Mysql(Url::new(&url).ask(select))).await;
            assert_eq!(rows.map_err(|error| told(&error)).unwrap().0.len(), 1, "{url}");
        }
    }
}

async fn error_of(url: &str) -> String {
    let asked = Url::new(url);
    let source = if url.starts_with("mysql") {
        Source::Mysql(asked.ask("select 'u' as open_id"))
    } else {
        Source::Postgres(asked.ask("select 'u' as open_id"))
    };
    let error = all(&source).await.expect_err(url);
    assert!(matches!(error, AudienceError::Url { .. }), "{url}: {}", told(&error));
    assert!(error.is_input());
    for part in ["canary", "31415"] {
        assert!(!told(&error).contains(part), "{}", told(&error));
        assert!(!format!("{error:?}").contains(part), "{error:?}");
    }
    told(&error).replace(&asked.path.display().to_string(), "URL")
}

#[tokio::test]
async fn a_password_that_is_not_percent_encoded_is_named() {
    let mut said = String::new();
    for password in [
        "ca@nary/31#415%",
        "canary/31415",
        "canary?31415",
        "canary#31415",
        "canary%31415%",
        "canary%zz",
        "31415/canary",
        "31415?canary",
        "31415?sslmode=canary",
    ] {
        for url in [
            format!("postgres://reader:{password}@127.0.0.1/test"),
            format!("mysql://me@canary:{password}@127.0.0.1/test?ssl-mode=required"),
        ] {
            said += &error_of(&url).await;
        }
    }
    said += &error_of("postgres://reader:31415@127.0.0.1/test#canary").await;
    insta::assert_snapshot!(said);
}

/// An `@` is common in user names, and the last one before the host ends the password.
#[tokio::test]
async fn an_at_sign_that_is_clear_is_accepted() {
    for url in [
        "postgres://me@host:ca@nary@127.0.0.1:1/test",
        "postgres://me%40host:c%2Fanary@127.0.0.1:1/test",
        "postgres://127.0.0.1:1/test?user=me@host&password=c@anary",
    ] {
        let error = all(&Source::Postgres(Url::new(url).ask("select 'u' as open_id")))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("connect"), "{url}: {}", told(&error));
        assert!(told(&error).contains("refused"), "{url}: {}", told(&error));
    }
}

#[tokio::test]
async fn a_parameter_that_is_not_supported_is_named() {
    let mut said = String::new();
    for query in [
        "pgbouncer=true",
        "schema=public&connection_limit=5",
        "sslmod=require",
        "gssencmode=require",
        "service=members&sslcrl=x",
        "sslmode=canary",
        "port=canary",
        "hostaddr=canary",
        "connect_timeout=canary",
        "target_session_attrs=canary",
        "channel_binding=canary",
        "password=31415&canary=1",
        "canary-31415",
        "sslrootcert=/no/such/file.pem",
    ] {
        said += &format!("# {query}\n");
        said += &error_of(&format!("postgres://reader@127.0.0.1:1/test?{query}")).await;
    }
    said += &error_of("postgres://one:5432,two:5432/test").await;
    for query in ["useSSL=true", "ssl-mode=canary", "ssl-ca=/no/such/file.pem"] {
        said += &format!("# {query}\n");
        said += &error_of(&format!("mysql://reader@127.0.0.1:1/test?{query}")).await;
    }
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn parameters_of_libpq_work() {
    let Some((url, _)) = postgres().await else { return };
    for query in [
        "channel_binding=prefer",
        "channel_binding=disable",
        "connect_timeout=5",
        "connect_timeout=0",
        "target_session_attrs=any",
        "target_session_attrs=primary",
        "target_session_attrs=read-write",
        "target_session_attrs=prefer-standby",
        "gssencmode=disable",
        "gssencmode=prefer&krbsrvname=postgres",
        "keepalives=1&keepalives_idle=30&tcp_user_timeout=1000",
        "client_encoding=UTF8&fallback_application_name=x&sslcompression=0",
    ] {
        let url = Url::new(&format!("{url}?{query}"));
        let rows = all(&Source::Postgres(url.ask("select 'u1' as open_id"))).await;
        assert_eq!(rows.map_err(|error| told(&error)).unwrap().0.len(), 1, "{query}");
    }
    let asked = Url::new(&format!("{url}?options=-csearch_path%3Dx&application_name=members"));
    let settings = "select current_setting('search_path') as open_id \
                    union all select current_setting('application_name')";
    let (rows, _) = all(&Source::Postgres(asked.ask(settings))).await.unwrap();
    let mut said = lines(rows);
    for role in ["standby", "read-only"] {
        let asked = Url::new(&format!("{url}?target_session_attrs={role}"));
        let error = all(&Source::Postgres(asked.ask("select 'u1' as open_id"))).await;
        said += &told(&error.unwrap_err());
    }
    insta::assert_snapshot!(said);
}

/// This program has no channel binding, so a certificate that verifies takes its place, and nothing weaker.
#[tokio::test]
async fn channel_binding_needs_a_certificate_that_verifies() {
    let Some((url, mut server)) = postgres().await else {
        return;
    };
    let on: String = sqlx::query_scalar("show ssl").fetch_one(&mut server).await.unwrap();
    if on != "on" {
        return;
    }
    let asked = Url::new(&format!("{url}?sslmode=require&channel_binding=require"));
    let error = all(&Source::Postgres(asked.ask("select 'u1' as open_id"))).await;
    insta::assert_snapshot!(told(&error.unwrap_err()));
}
