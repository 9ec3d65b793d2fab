# SPDX-License-Identifier: ISC
"""upload_server.py DIRECTORY: where youtubeuploader uploads to, on loopback.

DIRECTORY/port   its port, written when it listens
DIRECTORY/log    a line for each request: "begin KIND TITLE-or-ID" when its
                 head is there, "received KIND ..." when all bytes of the body
                 are, "end KIND ID BYTES" when it was answered. KIND is videos,
                 thumbnails or captions
DIRECTORY/hold   as long as this file is there, a video that was received is
                 not answered
DIRECTORY/ID, ID.thumbnails, ID.captions   what was sent
"""
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

IDS = "made-up-%03d"            # as long as YouTube's


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, *words):
        with self.server.lock, open("log", "a", encoding="utf-8") as log:
            print(*words, file=log)

    def receive(self, path):
        left = int(self.headers["Content-Length"])
        with open(path + ".part", "wb") as out:
            while left:
                data = self.rfile.read(min(left, 1 << 16))
                if not data:
                    raise ConnectionError("it went away in the middle")
                out.write(data)
                left -= len(data)
        os.replace(path + ".part", path)

    def do_POST(self):
        self.close_connection = True
        url = urllib.parse.urlsplit(self.path)
        kind, asked = url.path[1:], dict(urllib.parse.parse_qsl(url.query))
        if kind == "videos":
            what = asked["title"]
            with self.server.lock:
                self.server.videos += 1
                name = video = IDS % self.server.videos
        elif kind in ("thumbnails", "captions"):
            what = video = asked["videoId"]
            name = f"{video}.{kind}"
        else:
            return self.send_error(404)
        self.note("begin", kind, what)
        self.receive(name)
        self.note("received", kind, what)
        while kind == "videos" and os.path.exists("hold"):
            time.sleep(0.05)
        answer = json.dumps({"id": video}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.note("end", kind, video, os.path.getsize(name))
        return None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    videos = 0
    lock = threading.Lock()

    def handle_error(self, request, client_address):
        # a client that was killed is what is tested here
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def main(directory):
    os.chdir(directory)
    server = Server(("127.0.0.1", 0), Handler)
    with open("port.new", "w", encoding="utf-8") as file:
        print(server.server_address[1], file=file)
    os.replace("port.new", "port")
    server.serve_forever()


main(*sys.argv[1:])
