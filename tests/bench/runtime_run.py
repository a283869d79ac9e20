#!/usr/bin/env python3
# `run` of /bin/true with Docker's settings: berth-runtime beside crun and runc, interleaved; medians and ratios.
"""usage: runtime_run.py BERTH_RUNTIME [ROUNDS]   (as root; needs busybox-static, and the peers to compare with)"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


def make_bundle(runtime, directory):
    rootfs = os.path.join(directory, "rootfs")
    for name in ("bin", "proc", "dev", "sys"):
        os.makedirs(os.path.join(rootfs, name))
    shutil.copy("/bin/busybox", os.path.join(rootfs, "bin", "true"))
    subprocess.run([runtime, "spec", "--bundle", directory], check=True)
    path = os.path.join(directory, "config.json")
    with open(path) as file:
        config = json.load(file)
    config["process"].update(terminal=False, args=["/bin/true"])
    config["linux"]["resources"].update(memory={"limit": 64 << 20}, cpu={"shares": 512}, pids={"limit": 100})
    with open(path, "w") as file:
        json.dump(config, file)


def measure(command):
    begin = time.perf_counter()
    # posix_spawn of the program itself: no shell in the figure.
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    if status != 0:
        sys.exit(f"{command[0]}: wait status {status}")
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    berth = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    if os.environ.get("RUNTIME_RUN_INNER") != "1":
        # Everybody is measured in the same place: a mount namespace where crun finds a layout it accepts.
        script = (
            "set -e; mount --make-rprivate /; "
            "if [ -d /sys/fs/cgroup/unified ] && [ -d /sys/fs/cgroup/memory ]; then umount /sys/fs/cgroup/unified; fi; "
            'exec "$@"'
        )
        os.environ["RUNTIME_RUN_INNER"] = "1"
        os.execvp("unshare", ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, *sys.argv])
    runtimes = {"berth": [berth]}
    runtimes.update({name: [name] for name in ("crun", "runc") if shutil.which(name)})
    with tempfile.TemporaryDirectory(prefix="runtime-run-") as directory:
        bundle = os.path.join(directory, "bundle")
        os.makedirs(bundle)
        make_bundle(berth, bundle)
        walls = {name: [] for name in runtimes}
        cpus = {name: [] for name in runtimes}
        for i in range(rounds + 2):
            for name, program in runtimes.items():
                root = os.path.join(directory, name)
                command = [*program, "--root", root, "run", "--bundle", bundle, f"bench-{name}-{i}"]
                wall, cpu = measure(command)
                if i >= 2:  # the first two warm caches
                    walls[name].append(wall)
                    cpus[name].append(cpu)
    base = statistics.median(walls["berth"])
    print(f"run /bin/true, {rounds} rounds, interleaved: median ms (best), mean CPU ms, ratio to berth")
    for name in runtimes:
        wall = statistics.median(walls[name])
        print(f"  {name:6} {wall:7.2f} ({min(walls[name]):.2f})  cpu {statistics.mean(cpus[name]):6.2f}  x{wall / base:.2f}")


main()
