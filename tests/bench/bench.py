#!/usr/bin/env python3
"""Prints berth's figures beside those of the peers installed on this machine, interleaved in one run.

usage: bench.py STAGED-TREE [start] [runtime] [memory]
"""
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import image as images  # noqa: E402  (the path is set above)
from docker import Docker  # noqa: E402
from endpoint import Endpoint  # noqa: E402
from host import Host, read, wait_for  # noqa: E402

STAMP = r"""
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  printf("%lld.%09ld\n", (long long)t.tv_sec, t.tv_nsec);
  fflush(stdout);
  if (argc > 1) pause();
  return 0;
}
"""


def stamp_layer(work):
    """An image layer with one static program that prints CLOCK_MONOTONIC and, with an argument, waits."""
    source, program = work / "stamp.c", work / "stamp"
    source.write_text(STAMP)
    subprocess.run(["clang-19", "-static", "-O2", "-o", str(program), str(source)], check=True)
    return images.layer({"stamp": (program.read_bytes(), 0o755), "etc/passwd": (b"root:x:0:0::/:/stamp\n", 0o644)}, (), ["etc"])


def line(name, values, unit="ms", scale=1000.0):
    middle = statistics.median(values) * scale
    print(f"  {name:<58} {middle:9.2f} {unit}   (min {min(values) * scale:.2f}, max {max(values) * scale:.2f}, n {len(values)})")
    return middle


class Bench:
    def __init__(self, stage):
        self.host = Host(stage, "berth-bench", ECS_LOGLEVEL="warn", ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION="1s",
                         ECS_IMAGE_PULL_BEHAVIOR="prefer-cached", ECS_CONTAINER_STOP_TIMEOUT="1s")
        self.endpoint = Endpoint()
        self.host.cluster_port = self.endpoint.port
        registry = self.host.start_registry()
        self.layer = stamp_layer(self.host.work)
        registry.push_image("stamp", "1", [self.layer], Entrypoint=["/stamp"])
        self.image = self.host.image("stamp:1")
        self.serial = 0
        self.docker = None

    def close(self):
        if self.docker:
            self.docker.close()
        self.host.close()
        self.endpoint.close()

    def start_agent(self):
        self.endpoint.ready.clear()
        self.host.start_agent()
        assert self.endpoint.ready.wait(30), self.host.log("agent")

    def start_docker(self):
        if self.docker is None:
            self.docker = Docker(self.host.work / "docker")
            self.docker.load_image("stamp:1", self.layer, ["/stamp"])
        return self.docker

    def payload(self, mode="bridge", arguments=()):
        self.serial += 1
        arn = f"arn:aws:ecs:us-west-2:111122223333:task/default/{self.serial:032x}"
        task = {"arn": arn, "family": "stamp", "version": "1", "desiredStatus": "RUNNING", "networkMode": mode,
                "containers": [{"name": "app", "image": self.image, "essential": True, "cpu": 10, "memory": 16,
                                "command": list(arguments), "dockerConfig": {"config": "{}", "hostConfig": "{}"}}]}
        message = {"messageId": f"m-{self.serial}", "clusterArn": "c", "containerInstanceArn": "i", "seqNum": self.serial,
                   "generatedAt": 0, "tasks": [task]}
        return arn, message

    def stop(self, arn):
        self.serial += 1
        self.endpoint.send("PayloadMessage", {"messageId": f"m-{self.serial}", "clusterArn": "c", "containerInstanceArn": "i",
                                              "seqNum": self.serial, "tasks": [{"arn": arn, "desiredStatus": "STOPPED", "containers": []}]})

    def berth_start(self, mode):
        """Seconds from payload sent to the program's first statement, and to the RUNNING report."""
        before = set((self.host.work / "data/containers").glob("*"))
        arn, message = self.payload(mode)
        sent = self.endpoint.send("PayloadMessage", message)
        running = self.endpoint.wait(lambda kind, body: kind == "SubmitTaskStateChange" and body["task"] == arn and body["status"] in ("RUNNING", "STOPPED"))
        spool = wait_for("the stamp", lambda: [read(p) for d in set((self.host.work / "data/containers").glob("*")) - before
                                               for p in (d / "log").glob("*.log") if " F " in read(p)])
        first = float(spool[0].split(" F ")[1].split()[0])
        wait_for("the container is gone", lambda: not list((self.host.work / "data/containers").glob("*")))
        return first - sent, running - sent

    def start(self):
        print("payload to first statement of the container's program, image present:")
        self.start_agent()
        docker = self.start_docker()
        figures = {name: [] for name in ("berth host", "berth bridge", "running", "docker host", "docker bridge")}
        for index in range(21):
            for mode in ("host", "bridge"):
                first, running = self.berth_start(mode)
                theirs = docker.run_to_first_statement("stamp:1", mode)
                if index == 0:
                    continue # the first of each pulls the image and makes the bridge
                figures[f"berth {mode}"].append(first)
                figures[f"docker {mode}"].append(theirs)
                if mode == "bridge":
                    figures["running"].append(running)
        host = line("berth, host network: payload sent -> first statement", figures["berth host"])
        bridge = line("berth, bridge: payload sent -> first statement", figures["berth bridge"])
        line("berth, bridge: payload sent -> RUNNING received", figures["running"])
        docker_host = line("dockerd API alone, host network: create -> first statement", figures["docker host"])
        docker_bridge = line("dockerd API alone, bridge: create -> first statement", figures["docker bridge"])
        print(f"  ratio docker / berth: host {docker_host / host:.1f}, bridge {docker_bridge / bridge:.1f}")
        self.host.stop("agent")

    def memory(self):
        print("resident memory (PSS, MiB) of all host-side processes, idle containers:")
        self.start_agent()
        docker = self.start_docker()
        arns, rows = [], []
        for count in (0, 1, 50):
            while len(arns) < count:
                arn, message = self.payload("bridge", ["wait"])
                self.endpoint.send("PayloadMessage", message)
                self.endpoint.wait(lambda kind, body, a=arn: kind == "SubmitTaskStateChange" and body["task"] == a and body["status"] == "RUNNING")
                docker.start_idle("stamp:1")
                arns.append(arn)
            rows.append((count, pss("berthd", self.host.stage), pss("berth-shim", self.host.stage), docker.memory()))
        for count, agent, shims, theirs in rows:
            each = f", {shims * 1024 / count:.0f} KiB each" if count else ""
            print(f"  {count:3} containers: berthd {agent:6.2f}, shims {shims:6.2f}{each}; dockerd + containerd + shims {theirs:7.2f}; ratio {theirs / (agent + shims):.1f}")
        for arn in arns:
            self.stop(arn)
        wait_for("the containers are gone", lambda: not list((self.host.work / "data/containers").glob("*")), 120)
        self.host.stop("agent")

    def runtime(self):
        script = HERE / "runtime_run.py"
        subprocess.run([sys.executable, str(script), str(self.host.stage / "usr/bin/berth-runtime")], check=True)


def pss(program, stage):
    total = 0
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "exe").startswith(str(stage)) and program in os.readlink(entry / "exe"):
                total += next(int(l.split()[1]) for l in read(entry / "smaps_rollup").splitlines() if l.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return total / 1024


def main():
    bench = Bench(sys.argv[1])
    try:
        for name in sys.argv[2:] or ["runtime", "start", "memory"]:
            getattr(bench, name)()
    finally:
        bench.close()


main()
