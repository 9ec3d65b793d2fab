# SPDX-License-Identifier: ISC
"""model.py DIRECTORY: the Messages API on loopback, without a model behind it.

It answers POST /v1/messages as the real one does, from chapters.md: the last
"chNN" of the request says which chapter. Requests that the real one would turn
away (no key, no version, no max_tokens ...) are turned away.

DIRECTORY/port   its port, written when it listens
DIRECTORY/log    a line for each request, "begin CHAPTER" when it has arrived,
                 "end CHAPTER WHAT" when it was answered; WHAT is "sent" for a
                 chapter as it should be
DIRECTORY/plan   lines "CHAPTER WHAT": what happens to requests for that
                 chapter, one line for each, in this order. Then, and
                 without a line, "sent".
                 401, 429 (retry after a second), 500, 529, limit (what the
                 month's money says), long (max_tokens were too few),
                 cut (half of the JSON), short (half of the bytes),
                 html (in the text), syntax (code that is none), wrong (code
                 that prints something else)
DIRECTORY/hold   a line for each chapter that is not answered as long as it
                 stands there
"""
import http.server
import json
import os
import pathlib
import re
import sys
import threading
import time

KEY = "sk-ant-made-up-for-the-check"
KIND = {400: "invalid_request_error", 401: "authentication_error",
        404: "not_found_error", 429: "rate_limit_error", 500: "api_error",
        529: "overloaded_error"}
SAYS = {401: "invalid x-api-key", 500: "Internal server error",
        529: "Overloaded",
        429: "This request would exceed your organization's rate limit."}
# Every chapter has such a block.
FENCE = re.compile(r"^```(python|bash)\n", re.M)
BROKEN = {"python": "def broken(:\n", "bash": "if true; do\n"}
MORE = {"python": "print('not as it says')\n", "bash": "echo 'not as it says'\n"}


def chapters():
    text = pathlib.Path(__file__).with_name("chapters.md").read_text("utf-8")
    parts = re.split(r"^<!-- (ch\d\d) -->\n", text, flags=re.M)[1:]
    return dict(zip(parts[::2], (p.strip() + "\n" for p in parts[1::2])))


def spoilt(text, code):
    return FENCE.sub(lambda m: m[0] + code[m[1]], text, count=1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, data, headers=(), most=None):
        self.close_connection = True
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("request-id", "req_made_up")
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:most])

    def refuse(self, status, says=None, headers=(), **more):
        self.send(status, json.dumps({"type": "error", "error": {
            "type": KIND[status], "message": says or SAYS[status], **more},
            "request_id": "req_made_up"}).encode(), headers)

    def wish(self, body):
        """the request, or None when it was refused"""
        head = self.headers
        if self.path != "/v1/messages":
            return self.refuse(404, "Not Found")
        if head["x-api-key"] != KEY:
            return self.refuse(401)
        if head["anthropic-version"] != "2023-06-01":
            return self.refuse(400, "anthropic-version: header is required")
        if head["content-type"] != "application/json":
            return self.refuse(400, "content-type: must be application/json")
        try:
            wish = json.loads(body)
        except ValueError:
            return self.refuse(400, "The request body is not valid JSON")
        for name, kind in (("model", str), ("max_tokens", int),
                           ("messages", list)):
            if not isinstance(wish.get(name), kind):
                return self.refuse(400, f"{name}: Field required")
        if (wish["messages"][0].get("role") != "user" or
                not isinstance(wish.get("system", ""), str)):
            return self.refuse(400, "messages: first message must use the "
                               "\"user\" role")
        return wish

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        wish = self.wish(body)
        if wish is None:
            server.note("refused")
            return
        asked = wish["messages"][-1]["content"]
        name = re.findall(r"\bch\d\d\b", asked)[-1]
        server.note("begin", name)
        while name in server.lines("hold"):
            time.sleep(0.02)
        what = server.planned(name)
        self.answer(what, wish, server.chapters[name])
        self.wfile.flush()
        server.note("end", name, what)

    def answer(self, what, wish, text):
        if what == "429":
            self.refuse(429, headers=[("retry-after", "1")])
        elif what == "limit":
            self.refuse(429, "You have reached your API usage limits. You will "
                        "regain access on 2099-01-01 at 00:00 UTC.",
                        details={"error_code": "enforced_spend_limit_reached"})
        elif what.isdigit():
            self.refuse(int(what))
        else:
            text = (spoilt(text, BROKEN) if what == "syntax" else
                    spoilt(text, MORE) if what == "wrong" else
                    text + "\nThe <file> is here.\n" if what == "html" else
                    text[:100] if what == "long" else text)
            data = json.dumps({
                "id": "msg_made_up", "type": "message", "role": "assistant",
                "model": wish["model"],
                "content": [{"type": "thinking", "thinking": "",
                             "signature": "made up"},
                            {"type": "text", "text": text}],
                "stop_reason": "max_tokens" if what == "long" else "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 1000, "output_tokens": 500,
                          "cache_creation_input_tokens": 0,
                          "cache_read_input_tokens": 0,
                          "service_tier": "standard"},
            }, ensure_ascii=False).encode()
            half = len(data) // 2
            self.send(200, data[:half] if what == "cut" else data,
                      most=half if what == "short" else None)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    lock = threading.Lock()
    chapters = chapters()

    def note(self, *words):
        with self.lock, open("log", "a", encoding="utf-8") as log:
            print(*words, file=log)

    def lines(self, name):
        try:
            return pathlib.Path(name).read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []

    def planned(self, name):
        with self.lock:
            lines = self.lines("plan")
            for line in filter(None, lines):
                which, what = line.split()
                if which == name:
                    lines.remove(line)
                    pathlib.Path("plan").write_text(
                        "".join(l + "\n" for l in lines), "utf-8")
                    return what
        return "sent"

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
