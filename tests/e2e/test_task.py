"""What the demonstration shows, with assertions, through the stock aws client."""
import pathlib
import urllib.request

from case import HostCase
from host import read, wait_for


class TaskTest(HostCase):
    def test_registration(self):
        resources = {r["name"]: r for r in self.instance["registeredResources"]}
        self.assertEqual(resources["CPU"]["integerValue"] % 1024, 0)
        self.assertIn("51678", resources["PORTS"]["stringSetValue"])
        attributes = {a["name"] for a in self.instance["attributes"]}
        self.assertIn("com.amazonaws.ecs.capability.logging-driver.awslogs", attributes)
        metadata = self.host.introspect("/v1/metadata")
        self.assertEqual(metadata["ContainerInstanceArn"], self.instance["containerInstanceArn"])

    def test_two_containers_in_order_with_limits_and_logs(self):
        logs = self.awslogs("/e2e/order")
        self.host.register("order", [
            self.container("app", "echo out; echo err >&2; id -u; exec sleep 1000", memory=64, cpu=256, logConfiguration=logs,
                           user="app", portMappings=[{"containerPort": 80}],
                           dependsOn=[{"containerName": "first", "condition": "SUCCESS"}]),
            self.container("first", "echo prepared", essential=False, logConfiguration=logs)])
        arn = self.host.run_task("order")
        task = self.host.wait_status(arn, "RUNNING")
        app, first = self.one(task), self.one(task, "first")
        self.assertTrue(app["imageDigest"].startswith("sha256:"))
        self.assertEqual(app["networkBindings"][0]["containerPort"], 80)
        wait_for("the exit code of the first container is reported", lambda: self.one(self.host.task(arn), "first").get("exitCode") == 0)
        groups = [g for g in self.host.cgroups() if g.name == app["runtimeId"]]
        limits = [read(g / n).strip() for g in groups for n in ("memory.limit_in_bytes", "memory.max") if (g / n).exists()]
        self.assertEqual(limits, [str(64 << 20)])
        shares = [read(g / "cpu.shares").strip() for g in groups if (g / "cpu.shares").exists()]
        weights = [read(g / "cpu.weight").strip() for g in groups if (g / "cpu.weight").exists()]
        self.assertTrue(shares == ["256"] or weights, (shares, weights))
        task_id = arn.split("/")[-1]
        wait_for("the lines of app", lambda: len(self.events("/e2e/order", f"e2e/app/{task_id}")) == 3)
        # Two pipes: the order between stdout and stderr is nobody's promise, that within one is.
        lines = self.events("/e2e/order", f"e2e/app/{task_id}")
        self.assertEqual([line for line in lines if line != "err"], ["out", "1000"])
        wait_for("the line of first", lambda: self.events("/e2e/order", f"e2e/first/{task_id}") == ["prepared"])
        streams = self.host.aws("logs", "describe-log-streams", "--log-group-name", "/e2e/order")["logStreams"]
        self.assertEqual({s["logStreamName"] for s in streams}, {f"e2e/app/{task_id}", f"e2e/first/{task_id}"})
        self.assertIsNotNone(first["runtimeId"])
        self.host.ecs("stop-task", "--task", arn, "--reason", "enough")
        self.host.ecs("wait", "tasks-stopped", "--tasks", arn)
        stopped = self.host.task(arn)
        self.assertEqual(stopped["stoppedReason"], "enough")
        self.assertEqual(stopped["stopCode"], "UserInitiated")
        self.assertIn(self.one(stopped)["exitCode"], (137, 143))

    def test_out_of_memory(self):
        self.host.register("greedy", [self.container(command="x=a; while :; do x=$x$x; done", memory=16)])
        task = self.host.wait_status(self.host.run_task("greedy"), "STOPPED")
        self.assertEqual(self.one(task)["exitCode"], 137)
        self.assertEqual(self.one(task)["reason"], "OutOfMemoryError: Container killed due to memory usage")

    def test_exit_code_and_waiter(self):
        self.host.register("seven", [self.container(command="exit 7")])
        arn = self.host.run_task("seven")
        self.host.ecs("wait", "tasks-stopped", "--tasks", arn)
        task = self.host.task(arn)
        self.assertEqual(self.one(task)["exitCode"], 7)
        self.assertEqual(task["stopCode"], "EssentialContainerExited")

    def test_published_port_answers(self):
        self.host.register("web", [self.container(command="echo hello >/www/index.html; exec httpd -f -p 8080 -h /www",
                                                  portMappings=[{"containerPort": 8080}])])
        arn = self.host.run_task("web")
        port = self.one(self.host.wait_status(arn, "RUNNING"))["networkBindings"][0]["hostPort"]

        def fetch():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).read() == b"hello\n"
            except OSError:
                return False
        wait_for("the published port answers", fetch)
        self.host.ecs("stop-task", "--task", arn)
        self.host.wait_status(arn, "STOPPED")

    def test_service_keeps_its_count(self):
        self.host.register("svc", [self.container(command="trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done")])
        self.host.ecs("create-service", "--service-name", "svc", "--task-definition", "svc", "--desired-count", "2")
        self.host.ecs("wait", "services-stable", "--services", "svc")
        tasks = self.host.ecs("list-tasks", "--service-name", "svc")["taskArns"]
        self.assertEqual(len(tasks), 2)
        self.host.ecs("stop-task", "--task", tasks[0])

        def replaced():
            now = self.host.ecs("list-tasks", "--service-name", "svc", "--desired-status", "RUNNING")["taskArns"]
            return len(now) == 2 and tasks[0] not in now
        wait_for("the stopped task is replaced", replaced, 60)
        self.host.ecs("update-service", "--service", "svc", "--desired-count", "0")
        self.host.ecs("delete-service", "--service", "svc", "--force")

        def empty():
            return not self.host.ecs("list-tasks", "--service-name", "svc", "--desired-status", "RUNNING")["taskArns"]
        wait_for("the service's tasks end", empty, 60)

    def test_nothing_is_left_behind(self):
        self.host.register("short", [self.container(command="echo x", memory=8), self.container("b", "sleep 1000", essential=False)])
        arns = [self.host.run_task("short") for _ in range(5)]
        for arn in arns:
            self.host.wait_status(arn, "STOPPED")
        wait_for("the tasks are forgotten",
                 lambda: not [t for t in self.host.introspect("/v1/tasks")["Tasks"] if t["Family"] == "short"])
        ids = {arn.split("/")[-1] for arn in arns}

        def gone():
            groups = [g for g in self.host.cgroups() if ids & set(pathlib.Path(g).parts)]
            return not groups
        wait_for("their cgroups are gone", gone)
