"""The base of the end-to-end tests: one machine for each test class, and the image they use."""
import sys
import unittest

from host import Host


class HostCase(unittest.TestCase):
    agent_env = {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1s", "ECS_CONTAINER_STOP_TIMEOUT": "5s"}

    @classmethod
    def setUpClass(cls):
        cls.host = Host(sys.argv[1], "berth-e2e", **cls.agent_env)
        cls.addClassCleanup(cls.host.close)
        cls.registry = cls.host.start_registry()
        cls.registry.push_busybox()
        cls.image = cls.host.image("busybox:1")
        cls.host.start_cluster()
        cls.host.ecs("create-cluster", "--cluster-name", "default")
        cls.host.start_agent()
        cls.instance = cls.host.wait_connected()[0]

    def tearDown(self):
        if any(error for _, error in self._outcome.errors if error) if hasattr(self._outcome, "errors") else False:
            print(f"---- the last of the agent's log:\n{self.host.log('agent')[-3000:]}", file=sys.stderr)

    def container(self, name="app", command="sleep 1000", essential=True, **fields):
        return dict({"name": name, "image": self.image, "essential": essential, "cpu": 64, "memory": 32,
                     "command": ["sh", "-c", command]}, **fields)

    def awslogs(self, group, prefix="e2e"):
        return {"logDriver": "awslogs", "options": {"awslogs-group": group, "awslogs-region": "us-west-2",
                                                    "awslogs-stream-prefix": prefix, "awslogs-create-group": "true"}}

    def events(self, group, stream):
        """Every message of a log stream, oldest first."""
        messages, token = [], None
        while True:
            arguments = ["logs", "get-log-events", "--log-group-name", group, "--log-stream-name", stream, "--start-from-head"]
            done = self.host.aws(*arguments, *(["--next-token", token] if token else []), check=False)
            if done.returncode != 0:
                return messages
            import json
            answer = json.loads(done.stdout)
            messages += [event["message"] for event in answer["events"]]
            if answer["nextForwardToken"] == token or not answer["events"]:
                return messages
            token = answer["nextForwardToken"]

    def one(self, task, name="app"):
        return next(c for c in task["containers"] if c["name"] == name)
