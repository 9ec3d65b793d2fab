# SPDX-License-Identifier: ISC
"""put_server.py DIRECTORY URLFILE: somewhere to upload to, on loopback.

PUT stores a file, GET and HEAD give it back. The address is written into
URLFILE once it answers. Ends with the process that started it.
"""
import http.server
import os
import signal
import sys
import tempfile
import threading
import time


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        path = self.translate_path(self.path)
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            return self.send_error(411)
        if os.path.dirname(path) != os.getcwd():
            self.close_connection = True
            return self.send_error(404, "there are no directories here")
        new = not os.path.exists(path)
        # a broken upload never takes the place of a whole one
        with tempfile.NamedTemporaryFile(dir=".", prefix=".", delete=False) \
                as part:
            left = int(length)
            while left:
                data = self.rfile.read(min(left, 1 << 16))
                if not data:
                    break
                part.write(data)
                left -= len(data)
        if left:
            os.unlink(part.name)
            self.close_connection = True
            return None
        os.replace(part.name, path)
        self.send_response(201 if new else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def log_message(self, *_):
        pass


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


def main(directory, url_file):
    parent = os.getppid()
    # Ctrl+C goes to everybody at the terminal: stay until the upload is over
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    url_file = os.path.abspath(url_file)
    os.makedirs(directory, exist_ok=True)
    os.chdir(directory)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with open(url_file + ".tmp", "w", encoding="utf-8") as file:
        print("http://127.0.0.1:%d" % server.server_address[1], file=file)
    os.replace(url_file + ".tmp", url_file)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    server.serve_forever()


main(*sys.argv[1:])
