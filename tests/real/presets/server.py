# SPDX-License-Identifier: ISC
"""server.py DIR PORTFILE LOG: a web server on loopback that misbehaves as told.

The path says how: /ANSWERS/REST. ANSWERS is a list such as "429+5,200": what
the first, the second, … request of that method for that path gets; the last
one is for all that follow. REST is a file below DIR; PUT writes it. An answer
is a status (200, 404, 503 …; +N: with "Retry-After: N"), or

  rst     the connection is reset in the middle of the body
  early   the connection is reset before anything was answered
  short   half of the body, then the end of the connection
  hang    half of the body, then silence for a minute

Ranges are honoured in 200. A HEAD takes no answer of its own: it gets what
the next GET of that path will get, without its body. PROPFIND and MKCOL
(WebDAV) say what is in DIR. Each request is a line of LOG: METHOD PATH ANSWER.
The port it got is written into PORTFILE when it is ready.
"""
import collections
import http.server
import os
import socket
import struct
import sys
import threading
import time
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

root, portfile, log = sys.argv[1:4]
asked = collections.Counter()
lock = threading.Lock()

TYPES = {".mp4": "video/mp4", ".html": "text/html", ".txt": "text/plain"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self):
        """The answer that this request gets, and its file."""
        path = unquote(urlsplit(self.path).path)
        _, answers, *rest = path.split("/")
        answers = answers.split(",")
        method = self.command
        with lock:
            # what a HEAD gets is what its GET will get
            key = ("GET" if method == "HEAD" else method), path
            nth = asked[key]
            if method != "HEAD":
                asked[key] += 1
            answer = answers[min(nth, len(answers) - 1)]
            if method in ("PROPFIND", "MKCOL"):
                answer = "dav"
            with open(log, "a") as f:
                f.write(f"{method} {path} {answer}\n")
        return answer, os.path.join(root, *(p for p in rest if p != ".."))

    def read_body(self):
        """The request's body, of known length or in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def reset(self):
        """RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def plain(self, status, after=None, body=None):
        text = (b"said the server: %d\n" % status) if body is None else body
        self.send_response(status)
        if after is not None:
            self.send_header("Retry-After", after)
        self.send_header("Content-Type", "text/plain")
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(text)

    def harm(self, answer):
        """An answer that is not 200. False: it is 200."""
        status, _, after = answer.partition("+")
        if status == "early":
            self.reset()
        elif status.isdigit() and status != "200":
            self.plain(int(status), after or None)
        else:
            return False
        return True

    def do_GET(self):
        answer, path = self.answer()
        if self.harm(answer):
            return
        if os.path.isdir(path):
            return self.listing(path)
        try:
            with open(path, "rb") as f:
                body = f.read()
        except OSError:
            return self.plain(404)
        start, size = 0, len(body)
        wanted = self.headers.get("Range", "")
        if answer == "200" and wanted.startswith("bytes="):
            first, _, last = wanted[6:].partition("-")
            start = int(first) if first else 0
            end = min(int(last) + 1 if last else size, size)
            if start >= size:
                return self.plain(416)
            body = body[start:end]
            self.send_response(206)
            self.send_header("Content-Range",
                             f"bytes {start}-{start + len(body) - 1}/{size}")
        else:
            self.send_response(200)
        kind = TYPES.get(os.path.splitext(path)[1], "application/octet-stream")
        self.send_header("Content-Type", kind)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if answer == "200":
            self.wfile.write(body)
            return
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        # what was written is to arrive before the reset
        time.sleep(60 if answer == "hang" else 0.2)
        if answer == "rst":
            self.reset()
        self.close_connection = True

    do_HEAD = do_GET

    def listing(self, path):
        names = sorted(n + "/" * os.path.isdir(os.path.join(path, n))
                       for n in os.listdir(path))
        text = "".join(f'<a href="{escape(n)}">{escape(n)}</a>\n' for n in names)
        body = f"<html><body>{text}</body></html>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self):
        answer, path = self.answer()
        body = self.read_body()
        if self.harm(answer):
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(body)
        self.plain(201, body=b"")

    do_POST = do_PUT

    def do_MKCOL(self):
        _, path = self.answer()
        self.read_body()
        os.makedirs(path, exist_ok=True)
        self.plain(201, body=b"")

    def do_PROPFIND(self):
        _, path = self.answer()
        self.read_body()
        if not os.path.exists(path):
            return self.plain(404)
        here = urlsplit(self.path).path
        found = [(here, path)]
        if os.path.isdir(path) and self.headers.get("Depth") != "0":
            found += [(here.rstrip("/") + "/" + n, os.path.join(path, n))
                      for n in sorted(os.listdir(path))]
        text = '<?xml version="1.0" encoding="utf-8"?>\n<d:multistatus xmlns:d="DAV:">'
        for href, p in found:
            what = "<d:resourcetype><d:collection/></d:resourcetype>" \
                if os.path.isdir(p) else \
                f"<d:resourcetype/><d:getcontentlength>{os.path.getsize(p)}" \
                "</d:getcontentlength>"
            text += f"<d:response><d:href>{escape(href)}</d:href><d:propstat>" \
                f"<d:prop>{what}<d:getlastmodified>Sun, 06 Nov 1994 08:49:37 " \
                "GMT</d:getlastmodified></d:prop><d:status>HTTP/1.1 200 OK" \
                "</d:status></d:propstat></d:response>"
        body = (text + "</d:multistatus>").encode()
        self.send_response(207, "Multi-Status")
        self.send_header("Content-Type", "application/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        """A client that went away is what this server is for."""


def main():
    server = Server(("127.0.0.1", 0), Handler)
    with open(portfile + ".tmp", "w") as f:
        f.write(str(server.server_address[1]))
    os.rename(portfile + ".tmp", portfile)
    server.serve_forever()


main()
