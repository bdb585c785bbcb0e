#!/usr/bin/env python3
"""Applies campaigns of many app ids at 98 a second each with several workers on one PostgreSQL database, against the sandbox.

    benches/fleet_workers.py RUNNER SERVER APP_IDS [WORKERS [SECONDS]]

RUNNER is the program, as `cargo build --release` makes it. SERVER is the URL of a PostgreSQL server on this machine, whose user may
create databases. Each worker has a state directory of its own, like a machine. Prints the rate of the app ids and the CPU of each part.
"""

import collections
import glob
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

RUNNER, SERVER, APPS = sys.argv[1], sys.argv[2], int(sys.argv[3])
WORKERS = int(sys.argv[4]) if len(sys.argv) > 4 else 3
SECONDS = int(sys.argv[5]) if len(sys.argv) > 5 else 30
PACE = 98
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """The CPU seconds of a process so far. `None` if it has ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    except OSError:
        return None


def servers():
    """The processes of PostgreSQL."""
    for stat in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(stat) as file:
                if file.read().strip() == "postgres":
                    yield int(stat.split("/")[2])
        except OSError:
            pass


class Sampler(threading.Thread):
    """The CPU of all processes of PostgreSQL, each by its last sample."""

    def __init__(self):
        super().__init__(daemon=True)
        self.first, self.last, self.is_over = {}, {}, False

    def run(self):
        while not self.is_over:
            for pid in servers():
                used = cpu(pid)
                if used is not None:
                    self.first.setdefault(pid, used if not self.last else 0)
                    self.last[pid] = used
            time.sleep(0.3)

    def used(self):
        return sum(used - self.first[pid] for pid, used in self.last.items())


def psql(url, sql):
    subprocess.run(["psql", "--quiet", "--dbname", url, "--command", sql], check=True, stderr=subprocess.DEVNULL)


def main():
    root = tempfile.mkdtemp(prefix="fleet-workers-")
    database = f"runner_bench_{os.getpid()}"
    store = f"{SERVER.rsplit('/', 1)[0]}/{database}"
    psql(SERVER, f"create database {database}")
    environment = dict(os.environ, RUNNER_STORE=store, BENCH_TOKEN="a-token", NO_COLOR="1")
    subprocess.run([RUNNER, "store", "init", "--accept", "single_copy"], env=environment, check=True, capture_output=True)
    port = 18080
    log = f"{root}/sandbox.jsonl"
    rules = ["--refuse", "0%", "--latency", "40ms..100ms", "--access-token", "a-token"]
    sandbox = subprocess.Popen([RUNNER, "sandbox", "--port", str(port), "--log", log, *rules], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    campaigns = f"{root}/campaigns"
    os.mkdir(campaigns)
    for app in range(APPS):
        with open(f"{campaigns}/users-{app}.csv", "w") as file:
            file.write("open_id\n")
            file.writelines(f"0270da4d-0590-40bc-{app:04d}-{user:012d}\n" for user in range(PACE * SECONDS))
        with open(f"{campaigns}/c{app}.yaml", "w") as file:
            file.write(
                f"version: 1\ncampaign: c{app}\napp_id: ttbench{app:04d}\nactivity_id: \"72180712345656{app:05d}\"\n"
                "credentials: {access_token: {env: BENCH_TOKEN}}\n"
                f"audience: {{source: {{csv: {{path: users-{app}.csv, open_id: open_id}}}}}}\n"
                f"pace: {{per_second: {PACE}}}\nplatform: {{base_url: \"http://127.0.0.1:{port}\"}}\n"
            )
    sampler = Sampler()
    sampler.start()
    workers = []
    for worker in range(WORKERS):
        own = dict(environment, RUNNER_STATE_DIR=f"{root}/state-{worker}", XDG_STATE_HOME=f"{root}/home-{worker}")
        with open(f"{root}/worker-{worker}.log", "w") as said:
            arguments = [RUNNER, "apply", campaigns, "--yes"]
            workers.append(subprocess.Popen(arguments, env=own, stdout=said, stderr=said, stdin=subprocess.DEVNULL))
    usage = []
    for worker in workers:
        _, status, used = os.wait4(worker.pid, 0)
        usage.append((os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss // 1024))
    sampler.is_over = True
    sampler.join()
    of_sandbox = cpu(sandbox.pid)
    sandbox.terminate()
    sandbox.wait()
    arrivals = collections.defaultdict(list)
    outcomes = collections.Counter()
    with open(log) as file:
        for request in map(json.loads, file):
            arrivals[request["app_id"]].append(request["ms"] / 1e3)
            outcomes[f'{request["code"]} {request["effect"]}'] += 1
    rates = []
    for times in arrivals.values():
        first, last = min(times) + 3, max(times) - 1
        rates.append(sum(first <= at < last for at in times) / max(last - first, 1))
    rates.sort()
    deliveries = sum(len(times) for times in arrivals.values())
    every = [at for times in arrivals.values() for at in times]
    took = max(every) - min(every)
    assert len(rates) == APPS, "an app id was never sent for"
    print(f"{len(rates)} app ids, {WORKERS} workers: {deliveries} requests in {took:.1f} s; each app id "
          f"{rates[0]:.1f} to {rates[-1]:.1f}/s, median {rates[len(rates) // 2]:.1f}; outcomes {dict(outcomes)}")
    for number, (exit_code, used, memory) in enumerate(usage):
        print(f"  worker {number}: exit {exit_code}, {used:.1f} s of CPU, {memory} MiB")
    total = sum(used for _, used, _ in usage)
    print(f"  a delivery: {total / deliveries * 1e6:.0f} µs in workers, {sampler.used() / deliveries * 1e6:.0f} µs in the database, "
          f"{of_sandbox / deliveries * 1e6:.0f} µs in the sandbox")
    psql(SERVER, f"drop database {database} with (force)")


if __name__ == "__main__":
    main()
