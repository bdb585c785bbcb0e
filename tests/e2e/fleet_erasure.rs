//! Erasures of open_ids in the database of a fleet.

use std::fs;
use std::path::PathBuf;

use crate::fleet::{Machine, TestDatabase, end, everybody_has_one, until};
use crate::scene::{FakePlatform, Scene};

const USERS: usize = 40;
/// A part of each open_id. It is other text than the log packs, so that its bytes can be found.
const WORD: &str = "茶友·";

fn scene(platform: &FakePlatform) -> Scene {
    let scene = Scene::new(&platform.url, USERS);
    let rows: Vec<_> = (0..USERS).map(|user| format!("{WORD}{user}\n")).collect();
    fs::write(
        scene.file().with_file_name("audience.csv"),
        format!("open_id\n{}", rows.concat()),
    )
    .unwrap();
    scene
}

/// The size of the hidden ledgers.
const HIDDEN_BYTES: &str = "
    select coalesce(sum(octet_length(body)), 0)::int8 from runner_log where ledger in (
      select id from runner_ledger where position(' ' in campaign) > 0)";

/// How many statements of the server sleep.
const SLEEPS: &str =
    "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";

/// The statement that makes the server sleep before it takes a batch of a hidden ledger after this number.
fn sleep_after(batches: i64) -> String {
    format!(
        "create or replace function sleeps() returns trigger language plpgsql as $$ begin
           if new.seq > {batches} and exists (
             select from runner_ledger where id = new.ledger and position(' ' in campaign) > 0)
           then perform pg_sleep(600); end if;
           return new;
         end $$;
         create trigger sleeps before insert on runner_log for each row execute function sleeps()"
    )
}

/// How many batches the ledger of the campaign has, and how many its hidden copies have.
fn batches(database: &TestDatabase) -> [i64; 2] {
    [
        "select count(*) from runner_log l join runner_ledger r on r.id = l.ledger where r.campaign = 'summer'",
        "select count(*) from runner_log l join runner_ledger r on r.id = l.ledger where r.campaign like 'summer (%'",
    ]
    .map(|sql| database.count(sql))
}

#[test]
fn nothing_in_the_database_names_a_user_after_an_erasure() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = scene(&platform);
    let (one, desk) = (Machine::new(&database), Machine::new(&database));
    one.run("apply", &scene, &["--at-most", "20"]).ends(3);
    // The ledger that was moved away stays in the database, hidden.
    one.run("store copy", &scene, &["--to", "files"]).ends(0);
    one.run("store copy", &scene, &["--to", "database"]).ends(0);
    let early = one.run("erase", &scene, &["--yes"]).ends(3);
    assert!(early.out.contains("not complete"), "{}", early.out);
    one.run("apply", &scene, &[]).ends(0);
    desk.run("trace", &scene, &[&format!("{WORD}7")]).ends(0);
    desk.run(
        "resolve",
        &scene,
        &["--user", &format!("{WORD}7"), "--as", "refused", "--yes"],
    );
    assert!(database.has_text(WORD));

    let due = desk.run("erase", &scene, &["--dry-run"]).ends(0);
    assert!(
        due.out.contains("the open_ids of 40 users can be erased"),
        "{}",
        due.out
    );
    assert!(database.has_text(WORD));
    let erased = desk.run("erase", &scene, &["--yes", "--by", "Wang Fang"]).ends(0);
    assert!(
        erased.out.contains("the open_ids of 40 users are erased"),
        "{}",
        erased.out
    );
    assert!(!database.has_text(WORD));
    // What this machine kept of the ledger when it moved is its own: another one cannot remove it.
    assert!(!one.files_with(WORD).is_empty());
    one.run("erase", &scene, &["--yes"]).ends(0);
    assert_eq!(one.files_with(WORD), Vec::<PathBuf>::new());

    everybody_has_one(&one, &scene, &platform, USERS);
    let history = one.run("history", &scene, &[]).ends(0);
    assert!(
        history.out.contains("erased the open_ids of 40 users"),
        "{}",
        history.out
    );
    assert!(history.out.contains("Wang Fang"), "{}", history.out);
    let traced = desk.run("trace", &scene, &[&format!("{WORD}7")]).ends(0);
    assert!(traced.out.contains("issued"), "{}", traced.out);
    let again = desk.run("erase", &scene, &["--yes"]).ends(0);
    assert!(again.out.contains("erased before"), "{}", again.out);
    for verb in ["plan", "apply"] {
        let refused = one.run(verb, &scene, &[]).ends(4);
        assert!(refused.err.contains("E0355"), "{verb}: {}", refused.err);
    }
    assert_eq!(platform.log().len(), USERS);
}

/// The erasure is killed before the first hidden batch is whole, after some of them, and after the new log has taken the place of the
/// old one. The ledger is the old one or the new one, and the next try erases the rest.
#[test]
fn an_erasure_in_the_database_that_is_killed_is_ended_by_the_next_one() {
    let Some(database) = TestDatabase::create() else { return };
    let platform = FakePlatform::start(&["--refuse", "0%"]);
    let scene = scene(&platform);
    let machine = Machine::new(&database);
    machine.run("apply", &scene, &[]).ends(0);
    let [whole, _] = batches(&database);
    for hidden in [0, 1, whole / 2, whole] {
        database.execute_here(&sleep_after(hidden));
        let mut erasing = machine.command("erase", &scene, &["--yes"]).spawn().unwrap();
        until("the hidden batches", || database.count(SLEEPS) > 0);
        erasing.kill().unwrap();
        erasing.wait().unwrap();
        // What a killed process has asked for goes on in the server.
        database.terminate();
        database.execute_here("drop trigger sleeps on runner_log");
        assert_eq!(batches(&database)[0], whole);
        everybody_has_one(&machine, &scene, &platform, USERS);
    }
    let held = database.hold("lock table runner_command in share mode");
    let mut erasing = machine.command("erase", &scene, &["--yes"]).spawn().unwrap();
    until("the new log", || batches(&database)[0] == whole + 1);
    erasing.kill().unwrap();
    erasing.wait().unwrap();
    database.terminate();
    drop(held);
    assert!(database.count(HIDDEN_BYTES) > 0);
    everybody_has_one(&machine, &scene, &platform, USERS);
    let erasing = machine.command("erase", &scene, &["--yes"]).spawn().unwrap();
    let erased = end(erasing).ends(0);
    assert!(erased.out.contains("erased before"), "{}", erased.out);
    assert_eq!(database.count(HIDDEN_BYTES), 0);
    assert!(!database.has_text(WORD));
    everybody_has_one(&machine, &scene, &platform, USERS);
}
