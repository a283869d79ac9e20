"""A control plane just big enough to time an agent: it registers it, sends payloads and notes when answers come."""
import base64
import hashlib
import http.server
import json
import queue
import socketserver
import struct
import threading
import time


def frame(text):
    data = text.encode()
    if len(data) < 126:
        header = struct.pack("!BB", 0x81, len(data))
    elif len(data) < 65536:
        header = struct.pack("!BBH", 0x81, 126, len(data))
    else:
        header = struct.pack("!BBQ", 0x81, 127, len(data))
    return header + data


class Endpoint:
    """Serves on 127.0.0.1; events are (monotonic seconds, kind, content) in `events`."""

    def __init__(self):
        self.events, self.acs, self.ready = queue.Queue(), None, threading.Event()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                received = time.monotonic()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
                operation = self.headers["X-Amz-Target"].split(".")[-1]
                endpoint.events.put((received, operation, body))
                answer = endpoint.answer(operation, body)
                data = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
                accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
                self.wfile.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  f"Sec-WebSocket-Accept: {accept}\r\n\r\n").encode())
                acs = self.path.startswith("/acs")
                if acs:
                    endpoint.acs = self.connection
                    endpoint.ready.set()
                self.read_frames("acs" if acs else "tcs")
                self.close_connection = True

            def read_frames(self, kind):
                while True:
                    head = self.rfile.read(2)
                    if len(head) < 2 or head[0] & 15 == 8:
                        return
                    length = head[1] & 127
                    if length == 126:
                        length = struct.unpack("!H", self.rfile.read(2))[0]
                    elif length == 127:
                        length = struct.unpack("!Q", self.rfile.read(8))[0]
                    mask, data = self.rfile.read(4), self.rfile.read(length)
                    received = time.monotonic()
                    text = bytes(b ^ mask[i % 4] for i, b in enumerate(data)).decode(errors="replace")
                    endpoint.events.put((received, kind, text))

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, operation, body):
        base = f"http://127.0.0.1:{self.port}"
        if operation == "RegisterContainerInstance":
            return {"containerInstance": {"containerInstanceArn": "arn:aws:ecs:us-west-2:111122223333:container-instance/default/" + "a" * 32,
                                          "attributes": body.get("attributes", [])}}
        if operation == "DiscoverPollEndpoint":
            return {"endpoint": base + "/acs", "telemetryEndpoint": base + "/tcs"}
        return {"acknowledgment": "ok"}

    def send(self, message_type, message):
        data = frame(json.dumps({"type": message_type, "message": message}))
        at = time.monotonic()
        self.acs.sendall(data)
        return at

    def wait(self, wanted, seconds=30):
        """The time of the first event for which wanted(kind, content) is true."""
        deadline = time.monotonic() + seconds
        while True:
            at, kind, content = self.events.get(timeout=max(0.001, deadline - time.monotonic()))
            if wanted(kind, content):
                return at

    def close(self):
        self.server.shutdown()
