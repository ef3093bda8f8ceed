"""A web server on this machine for a few files, which fails as it is told to."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serve(files, faults=()):
    """Serve files by their paths.

    Each request takes the next fault, if one is left: "unavailable", "dropped", "truncated",
    "changed", "slow" (half a file, and no more) or "" for none.
    """
    faults = iter(faults)
    is_closed = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.requests.append(self.path)
            fault, content = next(faults, ""), files.get(self.path.lstrip("/"))
            if fault == "dropped":
                return
            if content is None or fault == "unavailable":
                self.send_error(404 if content is None else 503)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if fault == "changed":
                content = content[::-1]
            if fault in ("truncated", "slow"):
                content = content[: len(content) // 2]
            self.wfile.write(content)
            self.wfile.flush()
            if fault == "slow":
                is_closed.wait()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close, server.requests = True, False, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.requests
    finally:
        is_closed.set()
        server.shutdown()
        server.server_close()
