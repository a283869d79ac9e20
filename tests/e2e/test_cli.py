"""The operator's command: run without a cluster, ps, logs, pull."""
import json
import pathlib
import signal
import subprocess
import sys

from case import HostCase
from host import wait_for


class CliTest(HostCase):
    def berth(self, *arguments, check=None):
        done = subprocess.run([str(self.host.stage / "usr/bin/berth"), *arguments], capture_output=True, text=True, timeout=120)
        if check is not None:
            self.assertEqual(done.returncode, check, done.stderr)
        return done

    def definition(self, containers, **fields):
        path = self.host.work / "definition.json"
        path.write_text(json.dumps(dict({"family": "local", "containerDefinitions": containers}, **fields)))
        return str(path)

    def run_file(self, path, *options):
        return self.berth("run", "--data-dir", str(self.host.work / "local"), *options, path)

    def test_run_gives_output_and_exit_code_and_leaves_nothing(self):
        path = self.definition([self.container(command="echo hi; echo oops >&2; exit 3"),
                                self.container("side", "echo beside", essential=False)])
        done = self.run_file(path)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(sorted(done.stdout.splitlines()), ["app  | hi", "side | beside"])
        self.assertIn("app  | oops", done.stderr)
        self.assertIn("task is STOPPED", done.stderr)
        self.assertEqual(list((self.host.work / "local/containers").iterdir()), [])
        self.assertFalse(pathlib.Path("/sys/class/net/berthrun0").exists())
        self.assertNotIn("berthrun0", subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True).stdout)
        self.assertEqual(list(pathlib.Path("/sys/fs/cgroup").glob("*/berth-run")), [])

    def test_run_takes_what_describe_prints(self):
        self.host.register("described", [self.container(command="echo from describe")])
        path = self.host.work / "described-output.json"
        path.write_text(json.dumps(self.host.ecs("describe-task-definition", "--task-definition", "described")))
        done = self.run_file(str(path), "--quiet", "--network", "none")
        self.assertEqual((done.returncode, done.stdout), (0, "from describe\n"), done.stderr)

    def test_run_says_why_it_cannot(self):
        done = self.run_file(self.definition([{"name": "app", "image": self.host.image("no/such:1"), "memory": 16}]))
        self.assertEqual(done.returncode, 125)
        self.assertIn("CannotPullImageManifestError", done.stderr)
        bad = self.host.work / "bad.json"
        bad.write_text('{"family": "x", "containerDefinitions": [{"name": 7}]}')
        done = self.run_file(str(bad))
        self.assertEqual(done.returncode, 125)
        self.assertIn("bad.json", done.stderr)

    def test_interrupted_run_ends_its_task(self):
        path = self.definition([self.container(command="trap 'echo ended; exit 9' TERM; echo ready; while :; do sleep 1 & wait $!; done")])
        process = subprocess.Popen([str(self.host.stage / "usr/bin/berth"), "run", "-q", "--data-dir", str(self.host.work / "local"), path],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual((process.returncode, output), (9, "ended\n"), errors)
        self.assertEqual(list((self.host.work / "local/containers").iterdir()), [])

    def test_ps_and_logs_show_the_agents_tasks(self):
        self.host.register("shown", [self.container(command="echo one; echo two; exec sleep 1000", portMappings=[{"containerPort": 80}])])
        arn = self.host.run_task("shown")
        self.host.wait_status(arn, "RUNNING")
        port, data = str(self.host.agent_port), str(self.host.work / "data")
        table = self.berth("ps", "--port", port, check=0).stdout
        row = next(line for line in table.splitlines() if arn.split("/")[-1] in line)
        self.assertIn("shown:1", row)
        self.assertIn("->80/tcp", row)
        listed = json.loads(self.berth("ps", "--port", port, "--json", check=0).stdout)
        self.assertIn(arn, [task["Arn"] for task in listed])
        wait_for("the lines are in the spool", lambda: "two" in self.berth("logs", "--port", port, "--data-dir", data, arn).stdout)
        self.assertEqual(self.berth("logs", "--port", port, "--data-dir", data, arn, check=0).stdout, "one\ntwo\n")
        self.assertEqual(self.berth("logs", "--port", port, "--data-dir", data, "-n", "1", arn, check=0).stdout, "two\n")
        self.assertIn("no task or container", self.berth("logs", "--port", port, "no-such-task", check=1).stderr)
        self.host.ecs("stop-task", "--task", arn)
        self.host.wait_status(arn, "STOPPED")

    def test_no_agent_is_said(self):
        self.assertIn("is berthd running?", self.berth("ps", "--port", "9", check=1).stderr)

    def test_pull(self):
        done = self.berth("pull", "--data-dir", str(self.host.work / "pulled"), self.image, check=0)
        self.assertIn("complete", done.stdout)
        self.assertIn("sha256:", done.stdout.splitlines()[-1])
        self.assertTrue(sys.argv[1])
