"""Counts visits in the store; speaks the store's protocol (RESP) by itself."""
import json, os, signal, socket, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def store(*words):
    with socket.create_connection((os.environ["STORE_HOST"], 6379), timeout=2) as s:
        f = s.makefile("rwb")
        for command in (("AUTH", os.environ["STORE_PASSWORD"]), words):
            f.write(b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in command))
            f.flush()
            line = f.readline()
            if line[:1] == b"-":
                raise RuntimeError(line.decode().strip())
        return line[1:].strip().decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            body = {"visits": int(store("INCR", "visits"))} if self.path == "/visits" else {"store": store("PING")}
            code = 200
        except OSError as error:
            body, code = {"error": str(error)}, 503
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", 8080), Handler).serve_forever()
