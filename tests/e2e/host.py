"""One machine as a whole: a real registry, berth-cluster and berthd, in a directory of their own.

Everything started here is ended by close(), also what an earlier run that was killed left behind.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from image import Registry

REGION = "us-west-2"
# Debian's package is version 2; a version 1 may come first in PATH, and it has no `logs tail`.
AWS = "/usr/bin/aws" if os.path.exists("/usr/bin/aws") else "aws"
ACCESS_KEY, SECRET_KEY = "AKIDBERTHTEST", "secret-of-the-test/key+1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds=30):
    """Returns condition()'s first true value, or fails naming what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def read(path):
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def cgroup_roots():
    for line in read("/proc/self/mountinfo").splitlines():
        fields, kind = line.split(" - ")
        if kind.split()[0] in ("cgroup", "cgroup2"):
            yield fields.split()[4]


class Host:
    def __init__(self, stage, name="berth-e2e", **agent_env):
        self.stage, self.name = pathlib.Path(stage).resolve(), name
        self.work = pathlib.Path("/var/tmp") / name
        self.bridge = "b" + "".join(c for c in name if c.isalnum())[-9:] + "0"
        self.agent_env = agent_env
        self.processes = {}
        self.clean()
        (self.work / "logs").mkdir(parents=True)
        self.cluster_port, self.registry_port, self.agent_port = free_port(), free_port(), free_port()

    # ---- processes ------------------------------------------------------------------------------------
    def start(self, name, command, env=None):
        with open(self.work / "logs" / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env,
                                       start_new_session=True)
        self.processes[name] = process
        with open(self.work / "pids", "a") as pids:
            pids.write(f"{process.pid} {command[0]}\n")
        return process

    def stop(self, name, number=signal.SIGTERM, seconds=20):
        process = self.processes.pop(name, None)
        if process is None:
            return None
        process.send_signal(number)
        return process.wait(seconds)

    def log(self, name):
        return read(self.work / "logs" / f"{name}.log")

    def alive(self, name):
        process = self.processes[name]
        if process.poll() is not None:
            raise AssertionError(f"{name} ended with {process.returncode}:\n{self.log(name)[-3000:]}")
        return True

    # ---- the registry ---------------------------------------------------------------------------------
    def start_registry(self, extra=""):
        root = self.work / "registry"
        root.mkdir(exist_ok=True)
        config = self.work / "registry.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n"
                          f"http: {{addr: '127.0.0.1:{self.registry_port}'}}\n{extra}")
        self.start("registry", ["docker-registry", "serve", str(config)])
        registry = Registry(f"http://127.0.0.1:{self.registry_port}")

        def ready():
            self.alive("registry")
            try:
                return registry.request("GET", "/v2/").status == 200
            except urllib.error.HTTPError as answer:
                return answer.code == 401
            except OSError:
                return False
        wait_for("the registry answers", ready)
        return registry

    def image(self, name):
        return f"127.0.0.1:{self.registry_port}/{name}"

    # ---- the cluster endpoint ------------------------------------------------------------------------
    def start_cluster(self):
        command = [str(self.stage / "usr/bin/berth-cluster"), "--listen", f"127.0.0.1:{self.cluster_port}", "--region", REGION,
                   "--state", str(self.work / "cluster.db")]
        env = dict(os.environ, AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY)
        self.start("cluster", command, env)
        wait_for("berth-cluster answers", lambda: self.alive("cluster") and self.answers(self.cluster_port))

    @staticmethod
    def answers(port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def aws(self, *arguments, check=True, text=False, secret=SECRET_KEY):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.work), "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_PAGER": "",
               "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
        done = subprocess.run([AWS, "--endpoint-url", f"http://127.0.0.1:{self.cluster_port}", "--output",
                               "text" if text else "json", *arguments], env=env, capture_output=True, text=True, timeout=180)
        if check and done.returncode != 0:
            raise AssertionError(f"aws {' '.join(arguments)}: {done.stderr.strip()}")
        if not check:
            return done
        return done.stdout if text else (json.loads(done.stdout) if done.stdout.strip() else None)

    def ecs(self, *arguments, **options):
        return self.aws("ecs", *arguments, **options)

    # ---- the agent ----------------------------------------------------------------------------------
    def start_agent(self, wait=True, **extra):
        env = {"PATH": os.environ["PATH"], "ECS_BACKEND_HOST": f"http://127.0.0.1:{self.cluster_port}", "ECS_CLUSTER": "default",
               "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
               "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.cluster_port}", "AWS_EC2_METADATA_DISABLED": "true",
               "ECS_DATADIR": str(self.work / "data"), "BERTH_RUN_DIR": str(self.work / "run"),
               "BERTH_INTROSPECTION_PORT": str(self.agent_port), "BERTH_CGROUP_PARENT": self.name, "BERTH_BRIDGE_NAME": self.bridge,
               "BERTH_BRIDGE_SUBNET": "172.31.212.0/24", "ECS_LOGLEVEL": "debug"}
        env.update(self.agent_env)
        env.update({key: value for key, value in extra.items() if value is not None})
        self.start("agent", [str(self.stage / "usr/bin/berthd"), "--config", os.devnull], env)
        if wait:
            wait_for("the agent answers on its introspection port", lambda: self.alive("agent") and self.answers(self.agent_port))

    def introspect(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.agent_port}{path}", timeout=10) as answer:
            return json.load(answer)

    def instances(self):
        arns = self.ecs("list-container-instances")["containerInstanceArns"]
        return self.ecs("describe-container-instances", "--container-instances", *arns)["containerInstances"] if arns else []

    def wait_connected(self):
        return wait_for("the instance is registered and its agent connected",
                        lambda: [i for i in self.instances() if i["status"] == "ACTIVE" and i["agentConnected"]])

    # ---- tasks ------------------------------------------------------------------------------------
    def register(self, family, containers, **fields):
        definition = dict({"family": family, "networkMode": "bridge", "requiresCompatibilities": ["EC2"],
                           "containerDefinitions": containers}, **fields)
        path = self.work / f"{family}.json"
        path.write_text(json.dumps(definition))
        return self.ecs("register-task-definition", "--cli-input-json", f"file://{path}")["taskDefinition"]

    def run_task(self, family, *extra):
        answer = self.ecs("run-task", "--task-definition", family, *extra)
        if answer["failures"]:
            raise AssertionError(f"run-task {family}: {answer['failures']}")
        return answer["tasks"][0]["taskArn"]

    def task(self, arn):
        return self.ecs("describe-tasks", "--tasks", arn)["tasks"][0]

    def wait_status(self, arn, status, seconds=60):
        def reached():
            task = self.task(arn)
            if task["lastStatus"] == "STOPPED" and status != "STOPPED":
                raise AssertionError(f"the task stopped: {json.dumps(task, indent=1)}")
            return task if task["lastStatus"] == status else None
        return wait_for(f"{arn} is {status}", reached, seconds)

    # ---- what is there ------------------------------------------------------------------------------
    def cgroups(self):
        return [path for root in cgroup_roots() for path in (pathlib.Path(root) / self.name).glob("*/*") if path.is_dir()]

    def leftovers(self):
        """Cgroups, mounts, links, shims and container directories of this host that exist right now."""
        found = {"cgroup": [str(p) for p in self.cgroups()],
                 "mount": [l for l in read("/proc/self/mountinfo").splitlines() if str(self.work) in l],
                 "link": [l.name for l in pathlib.Path("/sys/class/net").iterdir()
                          if (l / "master").is_symlink() and os.readlink(l / "master").endswith("/" + self.bridge)],
                 "process": [], "directory": [str(p) for p in (self.work / "data/containers").glob("*")]}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and str(self.work / "data") in read(entry / "cmdline"):
                found["process"].append(f"{entry.name} {read(entry / 'cmdline')[:200]!r}")
            elif entry.name.isdigit() and f"/{self.name}/" in read(entry / "cgroup"):
                found["process"].append(f"{entry.name} in cgroup")
        return {kind: things for kind, things in found.items() if things}

    def clean(self):
        """Ends and removes everything that belongs to this name, whoever started it."""
        for line in read(self.work / "pids").splitlines():
            pid, program = line.split(" ", 1)
            if program.split("/")[-1] in read(f"/proc/{pid}/cmdline"):
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        groups = [pathlib.Path(root) / self.name for root in cgroup_roots()]

        def members():
            pids = set()
            for group in groups:
                for procs in [group / "cgroup.procs", *group.rglob("cgroup.procs")]:
                    pids.update(read(procs).split())
            for pid in pids:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not pids
        wait_for("processes of an earlier run have ended", members)
        # A shim that outlived its container writes its record and ends.
        wait_for("shims of an earlier run have ended", lambda: not [
            e for e in pathlib.Path("/proc").iterdir()
            if e.name.isdigit() and "berth-shim" in read(e / "comm") and str(self.work) in read(e / "cmdline")])
        for group in groups:
            for path, _, _ in os.walk(group, topdown=False):
                os.rmdir(path)
        if pathlib.Path(f"/sys/class/net/{self.bridge}").exists():
            subprocess.run(["ip", "link", "delete", self.bridge], check=True)
        subprocess.run(["nft", "delete", "table", "ip", self.bridge], capture_output=True, check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def close(self):
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)
        self.clean()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        if problem[0] is not None and problem[0] is not KeyboardInterrupt:
            for name in ("agent", "cluster"):
                print(f"---- the last of {name}'s log:\n{self.log(name)[-4000:]}")
        self.close()
