"""Bad input: one clear error that names the thing and the cause, and no other task notices."""
import subprocess

from case import HostCase
from host import wait_for


class BadInputTest(HostCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host.register("bystander", [{"name": "app", "image": cls.image, "essential": True, "memory": 16, "cpu": 10,
                                         "command": ["sleep", "100000"]}])
        cls.bystander = cls.host.run_task("bystander")
        cls.started = cls.host.wait_status(cls.bystander, "RUNNING")["startedAt"]

    def tearDown(self):
        task = self.host.task(self.bystander)
        self.assertEqual((task["lastStatus"], task["startedAt"]), ("RUNNING", self.started), "the bystander noticed")
        super().tearDown()

    def stopped_reason(self, family, containers, **fields):
        self.host.register(family, containers, **fields)
        task = self.host.wait_status(self.host.run_task(family), "STOPPED")
        return task, " ".join([task.get("stoppedReason", "")] + [c.get("reason", "") for c in task["containers"]])

    def test_missing_image(self):
        image = self.host.image("no/such:tag")
        _, reason = self.stopped_reason("missing", [self.container(image=image)])
        self.assertIn("CannotPullImageManifestError", reason)
        self.assertIn(image, reason)

    def test_unreachable_registry(self):
        _, reason = self.stopped_reason("unreachable", [self.container(image="127.0.0.1:9/app:1")])
        self.assertIn("CannotPull", reason)
        self.assertIn("127.0.0.1:9", reason)

    def test_digest_mismatch(self):
        self.registry.push_busybox("broken", "1")
        blobs = self.host.work / "registry/docker/registry/v2/blobs/sha256"
        import image as images
        digest = images.digest(images.busybox_layer()[1]).split(":")[1]
        data = blobs / digest[:2] / digest / "data"
        good = data.read_bytes()
        # The agent has this layer already under its true digest; a fresh one is needed.
        raw, packed = images.layer({"only-here": (b"content" * 1000, 0o644)})
        self.registry.push_image("broken", "2", [(raw, packed)], Cmd=["/only-here"])
        name = images.digest(packed).split(":")[1]
        blob = blobs / name[:2] / name / "data"
        broken = bytearray(blob.read_bytes())
        broken[len(broken) // 2] ^= 0xFF
        blob.write_bytes(bytes(broken))
        _, reason = self.stopped_reason("broken", [self.container(image=self.host.image("broken:2"))])
        self.assertIn("CannotPullContainerError", reason)
        self.assertIn(name[:12], reason)
        self.assertTrue(good)

    def test_command_that_does_not_exist(self):
        _, reason = self.stopped_reason("nocommand", [self.container() | {"command": ["/no/such/program"]}])
        self.assertIn("CannotStartContainerError", reason)
        self.assertIn("/no/such/program", reason)

    def test_unknown_user(self):
        _, reason = self.stopped_reason("nouser", [self.container(user="nobody-here")])
        self.assertIn("CannotCreateContainerError", reason)
        self.assertIn("nobody-here", reason)

    def test_port_in_use(self):
        port = self.host.registry_port
        _, reason = self.stopped_reason("taken", [self.container(portMappings=[{"containerPort": 80, "hostPort": port}])])
        self.assertIn(str(port), reason)

    def test_wrong_secret(self):
        done = self.host.ecs("list-clusters", check=False, secret="wrong")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("InvalidSignatureException", done.stderr)

    def agent_says(self, expected_code, **env):
        """A second agent with a broken environment: its exit code and what it says."""
        command = [str(self.host.stage / "usr/bin/berthd"), "--config", "/dev/null"]
        base = {"ECS_BACKEND_HOST": f"http://127.0.0.1:{self.host.cluster_port}", "AWS_DEFAULT_REGION": "us-west-2",
                "AWS_ACCESS_KEY_ID": "AKIDBERTHTEST", "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true",
                "ECS_DATADIR": str(self.host.work / "data2"), "BERTH_INTROSPECTION_PORT": "1"}
        done = subprocess.run(command, env={**base, **env}, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, expected_code, done.stderr)
        return done.stderr

    def test_malformed_configuration(self):
        text = self.agent_says(5, ECS_INSTANCE_ATTRIBUTES="{not json")
        self.assertIn("ECS_INSTANCE_ATTRIBUTES", text)

    def test_wrong_signature_of_the_agent(self):
        text = self.agent_says(1)
        self.assertIn("InvalidSignatureException", text)

    def test_unreachable_endpoint(self):
        text = self.agent_says(1, ECS_BACKEND_HOST="http://127.0.0.1:9")
        self.assertIn("127.0.0.1:9", text)
        self.assertIn("refused", text.lower())

    def test_second_agent_on_the_same_data(self):
        text = self.agent_says(5, ECS_DATADIR=str(self.host.work / "data"))
        self.assertIn(f"{self.host.work}/data is in use by process", text)

    def test_full_disk(self):
        small = self.host.work / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)], check=True)
        self.addCleanup(subprocess.run, ["umount", str(small)], check=True)
        import os
        import image as images
        raw, packed = images.layer({"big": (os.urandom(6 << 20), 0o644)})
        self.registry.push_image("big", "1", [(raw, packed)], Cmd=["/big"])
        command = [str(self.host.stage / "usr/bin/berth"), "pull", "--data-dir", str(small), self.host.image("big:1")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"the file system at {small} is full", done.stderr)
        self.assertIn("CannotPullContainerError", done.stderr)
        used = subprocess.run(["du", "-s", "--block-size=1", str(small)], capture_output=True, text=True, check=True).stdout.split()[0]
        self.assertLess(int(used), 1 << 20, "what was written is given back")

    def test_nonsense_payloads(self):
        for index, containers in enumerate(([self.container(command="sleep 100000", image="UPPER/Case:tag:tag")],
                                            [self.container(image=" ")])):
            _, reason = self.stopped_reason(f"nonsense{index}", containers)
            self.assertTrue(reason.strip(), containers)
        self.assertTrue(wait_for("the agent is still there", lambda: self.host.introspect("/v1/metadata")))
