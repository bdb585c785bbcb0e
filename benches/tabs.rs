//! A run of the service at the pace, while nobody looks and while 200 tabs watch it live: the share of the pace that is attained, the
//! harshest second, and the processor time of the service. The service is a process of its own; the platform is the sandbox.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its result")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runner::fake_platform::{self, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const PER_SECOND: usize = 98;
const USERS: usize = PER_SECOND * 25;
const TABS: [usize; 2] = [0, 200];
/// The wait after taking the app id's lock and the slow start are over by then.
const STEADY_AFTER: u64 = 2_000;
/// The pages that tabs watch, each in two languages.
const TOPICS: [&str; 4] = ["inbox", "campaigns", "apps", "campaign:tea.yaml"];

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        println!("tabs   attained of {PER_SECOND}/s   harshest second   at arrival   CPU of the service   received");
        for tabs in TABS {
            measure(tabs).await?;
        }
        Ok(())
    })
}

async fn measure(tabs: usize) -> Result<()> {
    let fake_platform = fake_platform::start(Settings::default()).await?;
    let temp = tempfile::tempdir()?;
    let mut service = Service::start(temp.path(), fake_platform.base_url()).await?;
    let plan = service
        .wait_for("/campaigns/tea.yaml/plan", "name=\"fingerprint\"")
        .await?;
    let fingerprint = plan
        .split_once("name=\"fingerprint\" value=\"")
        .and_then(|(_, after)| after.split('"').next())
        .ok_or("the plan has no fingerprint")?;
    let received = Arc::new(AtomicU64::new(0));
    let mut watching = JoinSet::new();
    for tab in 0..tabs {
        let received = Arc::clone(&received);
        watching.spawn(watch(service.request(tab), service.host.clone(), received));
    }
    let cpu = service.cpu()?;
    service.approve(fingerprint).await?;
    let mut harshest = 0.0_f64;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        harshest = harshest.max(service.most().await?);
        if service.get("/campaigns/tea.yaml").await?.contains("\">complete</span>") {
            break;
        }
    }
    let cpu = service.cpu()? - cpu;
    let log = reqwest::get(format!("{}/log.jsonl", fake_platform.base_url())).await?;
    let share = attained(&log.text().await?)?;
    watching.abort_all();
    service.end()?;
    let totals = fake_platform.stop().await;
    println!(
        "{tabs:>4}   {:>15.2} %   {harshest:>15.0}   {:>10}   {cpu:>16.1} s   {:>4} MiB",
        share * 100.0,
        totals.harshest_second,
        received.load(Ordering::Relaxed) >> 20,
    );
    Ok(())
}

/// The share of the pace in steady state, by the arrivals at the platform.
fn attained(log: &str) -> Result<f64> {
    let mut at: Vec<u64> = Vec::new();
    for line in log.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        at.extend(record["ms"].as_u64());
    }
    at.sort_unstable();
    let first = *at.first().ok_or("nothing was sent")?;
    at.retain(|at| *at >= first + STEADY_AFTER);
    let (Some(begin), Some(end)) = (at.first(), at.last()) else {
        return Err("nothing was sent in steady state".into());
    };
    Ok((at.len() - 1) as f64 / ((end - begin) as f64 / 1e3) / PER_SECOND as f64)
}

/// Reads a live part until it is aborted.
async fn watch(request: String, host: String, received: Arc<AtomicU64>) -> Result<()> {
    let mut stream = TcpStream::connect(host).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let bytes = stream.read(&mut buffer).await?;
        if bytes == 0 {
            return Ok(());
        }
        received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A service with one campaign. Dropping it kills it.
struct Service {
    process: Child,
    host: String,
    cookie: String,
    client: reqwest::Client,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Service {
    async fn start(directory: &Path, platform: &str) -> Result<Self> {
        let campaigns = directory.join("campaigns");
        fs::create_dir(&campaigns)?;
        let users: Vec<_> = (0..USERS)
            .map(|user| format!("ba253642-0590-40bc-{user:08}\n"))
            .collect();
        let users = users.concat();
        fs::write(campaigns.join("tea.csv"), format!("open_id\n{users}"))?;
        let file = format!(
            "version: 1\ncampaign: tea\napp_id: ttbench\nactivity_id: \"71\"\n\
             audience: {{source: {{csv: {{path: tea.csv, open_id: open_id}}}}}}\n\
             platform: {{base_url: \"{platform}\"}}\npace: {{per_second: {PER_SECOND}}}\n\
             credentials: {{client_key: {{env: BENCH_KEY}}, client_secret: {{env: BENCH_SECRET}}}}\n"
        );
        fs::write(campaigns.join("tea.yaml"), file)?;
        let mut process = Command::new(env!("CARGO_BIN_EXE_runner"))
            .args(["serve", "campaigns", "--listen", "127.0.0.1:0", "--output", "json"])
            .current_dir(directory)
            .env("XDG_STATE_HOME", directory.join("state"))
            .env("BENCH_KEY", "some-key-of-the-bench")
            .env("BENCH_SECRET", "some-secret-of-the-bench")
            .env_remove("RUNNER_STORE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let serving = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"serving\"")));
        let serving: serde_json::Value = serde_json::from_str(&serving.ok_or("the service did not begin")??)?;
        let url = serving["url"].as_str().ok_or("no address")?;
        let link = serving["link"].as_str().ok_or("no link")?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let opened = client.get(link).send().await?;
        let cookie = opened.headers().get("set-cookie").ok_or("no session")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        Ok(Self {
            process,
            host: url.trim_start_matches("http://").to_owned(),
            cookie,
            client,
        })
    }

    async fn get(&self, path: &str) -> Result<String> {
        let request = self.client.get(format!("http://{}{path}", self.host));
        let request = request.header("cookie", &self.cookie).header("accept-language", "en");
        Ok(request.send().await?.text().await?)
    }

    async fn wait_for(&self, path: &str, text: &str) -> Result<String> {
        for _ in 0..300 {
            let page = self.get(path).await?;
            if page.contains(text) {
                return Ok(page);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("{path} never has {text}").into())
    }

    async fn approve(&self, fingerprint: &str) -> Result<()> {
        let url = format!("http://{}/campaigns/tea.yaml/approve", self.host);
        let form = format!("fingerprint={fingerprint}");
        let request = self.client.post(url).header("cookie", &self.cookie).body(form);
        let answer = request.header("sec-fetch-site", "same-origin").send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    /// The most starts in any one second so far, by the clock of the service. 0 before and after a run.
    async fn most(&self) -> Result<f64> {
        let metrics = self.get("/metrics").await?;
        let line = metrics
            .lines()
            .find(|line| line.contains("pace_starts_per_second{") && line.contains("\"most\""));
        let value = line.and_then(|line| line.rsplit(' ').next());
        Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0.0))
    }

    /// The request of a tab for its live part.
    fn request(&self, tab: usize) -> String {
        let topic = TOPICS[tab % TOPICS.len()].replace(':', "%3A");
        let language = if (tab / TOPICS.len()).is_multiple_of(2) {
            "en"
        } else {
            "zh"
        };
        format!(
            "GET /live?on={topic} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\naccept-language: {language}\r\n\r\n",
            self.host, self.cookie
        )
    }

    /// The processor time so far, in seconds: fields 14 and 15 of its statistics, in hundredths.
    fn cpu(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let (_, after) = stat.rsplit_once(')').ok_or("no statistics")?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok());
        Ok(ticks(11)
            .zip(ticks(12))
            .map_or(0.0, |(user, system)| (user + system) as f64 / 100.0))
    }

    fn end(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}
