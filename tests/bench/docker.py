"""Debian's dockerd with directories of its own, driven over its HTTP API."""
import hashlib
import http.client
import io
import json
import os
import pathlib
import socket
import subprocess
import tarfile
import time

from host import read, wait_for


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("docker")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


class Docker:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.root.mkdir(parents=True)
        self.socket = self.root / "docker.sock"
        command = ["dockerd", "--data-root", self.root / "data", "--exec-root", self.root / "exec", "--pidfile", self.root / "pid",
                   "-H", f"unix://{self.socket}", "--bip", "172.31.216.1/24"]
        with open(self.root / "log", "wb") as log:
            self.daemon = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log,
                                           start_new_session=True)
        wait_for("dockerd answers", self.ready, 60)
        self.idle = []

    def ready(self):
        if self.daemon.poll() is not None:
            raise AssertionError(f"dockerd ended: {read(self.root / 'log')[-2000:]}")
        try:
            return self.call("GET", "/_ping", raw=True)
        except OSError:
            return False

    def call(self, method, path, body=None, raw=False, content_type="application/json"):
        connection = Connection(self.socket)
        data = body if isinstance(body, bytes) else (json.dumps(body).encode() if body is not None else None)
        connection.request(method, path, data, {"Content-Type": content_type} if data else {})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise AssertionError(f"docker {method} {path}: {answer.status} {content[:300]}")
        return content if raw or not content else json.loads(content)

    def load_image(self, name, layer, entrypoint):
        raw, _ = layer
        config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": entrypoint},
                             "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw).hexdigest()]}}).encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
            for file, content in (("config.json", config), ("layer.tar", raw), ("manifest.json", manifest)):
                entry = tarfile.TarInfo(file)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        self.call("POST", "/images/load", packed.getvalue(), raw=True, content_type="application/x-tar")

    def create(self, image, mode, command=()):
        return self.call("POST", "/containers/create", {"Image": image, "Cmd": list(command),
                                                        "HostConfig": {"NetworkMode": mode, "Memory": 16 << 20, "CpuShares": 10}})["Id"]

    def run_to_first_statement(self, image, mode):
        began = time.monotonic()
        container = self.create(image, mode)
        self.call("POST", f"/containers/{container}/start", raw=True)
        self.call("POST", f"/containers/{container}/wait", raw=True)
        output = self.call("GET", f"/containers/{container}/logs?stdout=1", raw=True)
        self.call("DELETE", f"/containers/{container}", raw=True)
        return float(output[8:].split()[0]) - began # eight bytes of stream header

    def start_idle(self, image):
        container = self.create(image, "bridge", ["wait"])
        self.call("POST", f"/containers/{container}/start", raw=True)
        self.idle.append(container)

    def processes(self):
        """dockerd, its containerd and all shims of that containerd."""
        found = [self.daemon.pid]
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit() and str(self.root) in read(entry / "cmdline") and int(entry.name) != self.daemon.pid:
                found.append(int(entry.name))
        return found

    def memory(self):
        total = 0
        for pid in self.processes():
            total += sum(int(l.split()[1]) for l in read(f"/proc/{pid}/smaps_rollup").splitlines() if l.startswith("Pss:"))
        return total / 1024

    def close(self):
        for container in self.idle:
            self.call("DELETE", f"/containers/{container}?force=1", raw=True)
        self.daemon.terminate()
        self.daemon.wait(60)
        for line in read("/proc/self/mountinfo").splitlines():
            if str(self.root) in line.split()[4]:
                subprocess.run(["umount", "-l", line.split()[4]], check=False)
        if os.path.exists("/sys/class/net/docker0"):
            subprocess.run(["ip", "link", "delete", "docker0"], check=False)
