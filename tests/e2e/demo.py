#!/usr/bin/env python3
"""The demonstration: one host joins a cluster endpoint and runs real tasks, driven by the stock aws client.

usage: demo.py STAGED-TREE        DEMO_IMAGE=name uses another image than the one made here
"""
import json
import os
import pathlib
import sys

from host import Host, read, wait_for

STEP = 0


def say(text):
    global STEP
    STEP += 1
    print(f"{STEP:2}. {text}", flush=True)


def show(text):
    for line in str(text).rstrip().splitlines():
        print(f"      {line}", flush=True)


def kernel_limits(host, arn, runtime_id):
    """The limits of one container as the kernel has them."""
    found = {}
    for group in host.cgroups():
        if group.name != runtime_id:
            continue
        for name in ("memory.limit_in_bytes", "memory.max", "cpu.shares", "cpu.weight"):
            if (group / name).exists():
                found[name] = read(group / name).strip()
    return found


def main():
    with Host(sys.argv[1], "berth-demo", ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION="1s") as host:
        registry = host.start_registry()
        image = os.environ.get("DEMO_IMAGE")
        if not image:
            registry.push_busybox()
            image = host.image("busybox:1")
        say(f"registry: Debian's docker-registry serves {image}")
        host.start_cluster()
        host.ecs("create-cluster", "--cluster-name", "default")
        say(f"berth-cluster: a cluster endpoint on 127.0.0.1:{host.cluster_port}, driven by the stock aws client")
        host.start_agent()
        instance = host.wait_connected()[0]
        resources = {r["name"]: r.get("integerValue") for r in instance["registeredResources"]}
        say(f"berthd: registered as {instance['containerInstanceArn'].split('/')[-1]} with CPU {resources['CPU']} and {resources['MEMORY']} MiB")

        logs = {"logDriver": "awslogs", "options": {"awslogs-group": "/demo", "awslogs-region": "us-west-2",
                                                    "awslogs-stream-prefix": "demo", "awslogs-create-group": "true"}}
        host.register("demo", [
            {"name": "app", "image": image, "essential": True, "cpu": 256, "memory": 64, "logConfiguration": logs,
             "dependsOn": [{"containerName": "prepare", "condition": "SUCCESS"}], "portMappings": [{"containerPort": 8080}],
             "command": ["sh", "-c", "echo app started as $(id -u) on $(hostname); trap 'echo told to stop; exit 0' TERM; while :; do sleep 1 & wait $!; done"]},
            {"name": "prepare", "image": image, "essential": False, "cpu": 128, "memory": 32, "logConfiguration": logs,
             "command": ["sh", "-c", "echo prepared; exit 0"]}])
        say("task definition demo:1 registered: prepare, then app (dependsOn SUCCESS), limits, awslogs")
        arn = host.run_task("demo")
        task = host.wait_status(arn, "RUNNING")
        app = next(c for c in task["containers"] if c["name"] == "app")
        binding = app["networkBindings"][0]
        say(f"task {arn.split('/')[-1]} is RUNNING; container port 8080 is host port {binding['hostPort']}")
        streams = {c: f"demo/{c}/{arn.split('/')[-1]}" for c in ("prepare", "app")}

        def logged():
            text = host.aws("logs", "tail", "/demo", "--since", "1h", text=True, check=False).stdout
            return text if "prepared" in text and "app started" in text else None
        say("its log lines, as `aws logs tail` prints them:")
        show(wait_for("the log lines have arrived", logged))
        say("the agent's own view, /v1/tasks:")
        ours = [t for t in host.introspect("/v1/tasks")["Tasks"] if t["Arn"] == arn][0]
        show(json.dumps({k: ours[k] for k in ("Arn", "KnownStatus", "Family", "Version")}))
        limits = kernel_limits(host, arn, app["runtimeId"])
        say(f"the limits of app in the kernel: {', '.join(f'{k} = {v}' for k, v in sorted(limits.items()))}")

        host.register("greedy", [{"name": "greedy", "image": image, "essential": True, "memory": 16, "cpu": 64,
                                  "command": ["sh", "-c", "x=a; while :; do x=$x$x; done"]}])
        greedy = host.run_task("greedy")
        stopped = host.wait_status(greedy, "STOPPED")
        container = stopped["containers"][0]
        say(f"a task that exceeds its 16 MiB: exit code {container.get('exitCode')}, reason \"{container.get('reason')}\"")
        assert container.get("exitCode") == 137 and "OutOfMemoryError" in container.get("reason", ""), container

        host.ecs("stop-task", "--task", arn, "--reason", "the demonstration is over")
        stopped = host.wait_status(arn, "STOPPED")
        say(f"stop-task: {stopped['stoppedReason']}; exit codes "
            + ", ".join(f"{c['name']} {c.get('exitCode')}" for c in stopped["containers"]))
        wait_for("the tasks are cleaned up", lambda: not host.introspect("/v1/tasks")["Tasks"])
        left = wait_for("nothing is left", lambda: None if host.leftovers() else "nothing")
        code = host.stop("agent")
        assert code == 0, f"berthd ended with {code}"
        say(f"berthd stopped; left of the tasks: {left} (cgroups, mounts, links, processes, directories)")
        assert streams and pathlib.Path(host.stage).exists()
    print("the demonstration is complete")
    return 0


try:
    sys.exit(main())
except KeyboardInterrupt:
    print("\ninterrupted; everything that was started has been ended")
    sys.exit(130)
