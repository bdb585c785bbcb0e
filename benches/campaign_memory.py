#!/usr/bin/env python3
"""Measures the memory that each further campaign of one process takes while all of them send, ledgers on disk.

    benches/campaign_memory.py RUNNER [APP_IDS...]

RUNNER is the program. Applies campaigns of 1, and of each of APP_IDS app ids (101 and 401 without any), against the sandbox in another
process, and reads the resident memory once every app id has sent.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

RUNNER = sys.argv[1]
SIZES = [1] + ([int(size) for size in sys.argv[2:]] or [101, 401])
PORT = 18081
USERS = 200


def resident(pid):
    """The resident memory of a process in KiB."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def senders(log):
    """How many app ids have sent twice."""
    seen = {}
    with open(log) as file:
        for line in file:
            try:
                app = json.loads(line)["app_id"]
            except ValueError:
                continue
            seen[app] = seen.get(app, 0) + 1
    return sum(count > 1 for count in seen.values())


def measure(apps):
    root = tempfile.mkdtemp(prefix="campaign-memory-")
    environment = dict(os.environ, BENCH_TOKEN="a-token", NO_COLOR="1", XDG_STATE_HOME=f"{root}/home")
    log = f"{root}/sandbox.jsonl"
    rules = ["--refuse", "0%", "--access-token", "a-token"]
    command = [RUNNER, "sandbox", "--port", str(PORT), "--log", log, *rules]
    sandbox = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    campaigns = f"{root}/campaigns"
    os.mkdir(campaigns)
    for app in range(apps):
        with open(f"{campaigns}/users-{app}.csv", "w") as file:
            file.write("open_id\n")
            file.writelines(f"0270da4d-0590-40bc-{app:04d}-{user:012d}\n" for user in range(USERS))
        with open(f"{campaigns}/c{app}.yaml", "w") as file:
            file.write(
                f"version: 1\ncampaign: c{app}\napp_id: ttbench{app:04d}\nactivity_id: \"72180712345656{app:05d}\"\n"
                "credentials: {access_token: {env: BENCH_TOKEN}}\n"
                f"audience: {{source: {{csv: {{path: users-{app}.csv, open_id: open_id}}}}}}\n"
                f"pace: {{per_second: 0.5}}\nplatform: {{base_url: \"http://127.0.0.1:{PORT}\"}}\n"
            )
    while not os.path.exists(log):
        time.sleep(0.1)
    said = open(f"{root}/said", "w")
    arguments = [RUNNER, "apply", campaigns if apps > 1 else f"{campaigns}/c0.yaml", "--yes"]
    apply = subprocess.Popen(arguments, env=environment, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
    while senders(log) < apps:
        assert apply.poll() is None, open(f"{root}/said").read()
        time.sleep(1)
    kib = resident(apply.pid)
    apply.terminate()
    apply.wait()
    sandbox.terminate()
    sandbox.wait()
    shutil.rmtree(root)
    return kib


def main():
    first = None
    for apps in SIZES:
        kib = measure(apps)
        if first is None:
            first = (apps, kib)
            print(f"{apps} app id: {kib / 1024:.1f} MiB resident", flush=True)
        else:
            each = (kib - first[1]) / (apps - first[0])
            print(f"{apps} app ids: {kib / 1024:.1f} MiB resident, {each:.0f} KiB each beside {first[0]}", flush=True)


if __name__ == "__main__":
    main()
