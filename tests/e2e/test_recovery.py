"""kill -9 of the agent and of the endpoint: nothing is lost, nothing is started twice."""
import os
import signal

from case import HostCase
from host import read, wait_for


class RecoveryTest(HostCase):
    def pid_of(self, task_arn, name="app"):
        task = next(t for t in self.host.introspect("/v1/tasks")["Tasks"] if t["Arn"] == task_arn)
        runtime_id = next(c for c in task["Containers"] if c["Name"] == name)["DockerId"]
        groups = [g for g in self.host.cgroups() if g.name == runtime_id]
        pids = [pid for g in groups for pid in read(g / "cgroup.procs").split()]
        return int(pids[0]), runtime_id

    def test_sigterm_leaves_containers_running(self):
        self.host.register("calm", [self.container()])
        arn = self.host.run_task("calm")
        self.host.wait_status(arn, "RUNNING")
        pid, _ = self.pid_of(arn)
        self.assertEqual(self.host.stop("agent"), 0)
        os.kill(pid, 0)
        self.host.start_agent()
        self.host.wait_connected()
        self.assertEqual(self.pid_of(arn)[0], pid, "the same process, not a second one")
        self.host.ecs("stop-task", "--task", arn)
        self.host.wait_status(arn, "STOPPED")

    def test_exit_while_the_agent_is_dead_is_reported(self):
        self.host.register("meanwhile", [self.container(command="trap 'exit 42' TERM; while :; do sleep 1 & wait $!; done")])
        arn = self.host.run_task("meanwhile")
        self.host.wait_status(arn, "RUNNING")
        pid, runtime_id = self.pid_of(arn)
        self.host.stop("agent", signal.SIGKILL)
        os.kill(pid, signal.SIGTERM)
        record = self.host.work / "data/containers" / runtime_id / "exit.json"
        wait_for("the shim has written the exit record", record.exists)
        self.host.start_agent()
        task = self.host.wait_status(arn, "STOPPED")
        self.assertEqual(self.one(task)["exitCode"], 42)

    def test_log_lines_survive_a_killed_agent(self):
        self.host.register("talker", [self.container(
            command="i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; exec sleep 1000", logConfiguration=self.awslogs("/e2e/talk"))])
        arn = self.host.run_task("talker")
        self.host.wait_status(arn, "RUNNING")
        self.host.stop("agent", signal.SIGKILL)
        self.host.start_agent()
        stream = f"e2e/app/{arn.split('/')[-1]}"
        wanted = [f"line {i}" for i in range(1, 3001)]

        def all_there():
            seen = self.events("/e2e/talk", stream)
            return seen if seen and seen[-1] == wanted[-1] else None
        seen = wait_for("the last line has arrived", all_there, 60)
        unique = list(dict.fromkeys(seen))
        self.assertEqual(unique, wanted, "every line, in order; at most a batch of them twice")
        self.host.ecs("stop-task", "--task", arn)
        self.host.wait_status(arn, "STOPPED")

    def test_endpoint_gone_and_back(self):
        self.host.register("away", [self.container(command="sleep 2; exit 3")])
        arn = self.host.run_task("away")
        self.host.wait_status(arn, "RUNNING")
        _, runtime_id = self.pid_of(arn)
        self.host.stop("cluster", signal.SIGKILL)
        wait_for("the container has ended", (self.host.work / "data/containers" / runtime_id / "exit.json").exists)
        self.host.start_cluster()
        task = self.host.wait_status(arn, "STOPPED", 90)
        self.assertEqual(self.one(task)["exitCode"], 3)

    def test_shim_killed(self):
        self.host.register("orphan", [self.container()])
        arn = self.host.run_task("orphan")
        self.host.wait_status(arn, "RUNNING")
        pid, runtime_id = self.pid_of(arn)
        shim = int(read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[1])
        self.assertIn("berth-shim", read(f"/proc/{shim}/comm"))
        os.kill(shim, signal.SIGKILL)
        task = self.host.wait_status(arn, "STOPPED")
        self.assertEqual(self.one(task)["exitCode"], 137)
        state = read(f"/proc/{pid}/stat").rsplit(")", 1)[-1].split()
        self.assertIn(state[:1], ([], ["Z"]), "stopped means that no process lives")
        self.assertFalse([g for g in self.host.cgroups() if g.name == runtime_id and read(g / "cgroup.procs").split()])
