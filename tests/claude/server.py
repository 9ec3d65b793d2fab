#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
server.py DIRECTORY: a stand-in for the Messages API, on loopback.

DIRECTORY/port  its port, written when it listens
DIRECTORY/plan  what it answers, one line for each POST /v1/messages; a line
                is used up, but the last one stays. flock() DIRECTORY/lock to
                replace it. Empty or not there: 200 "Fine."
DIRECTORY/log   one JSON object for each request, when it has been read:
                time, method, path, plan (the line that answers it), model,
                stream, session, messages (how many), first and last (texts of
                the user's first and last message), texts (all of the user's)

A line of the plan: KIND [NAME=VALUE ...] [TEXT]. NAME is after=SECONDS (how
long to think), type= (of an error) or else that of a response header. KIND:
  200         answers with TEXT
  tool        asks for the tool Bash with TEXT as its command
  max_tokens, refusal   TEXT, and stops for that reason
  NNN         an error with TEXT as its message
  silent      answers nothing, until the client goes away
  stall       status and headers, and then nothing
  half        half of the answer TEXT, and then nothing
  reset       resets the connection instead of an answer
  cut         resets it after half of the answer TEXT
"""
import fcntl
import json
import os
import re
import select
import socket
import socketserver
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

ERRORS = {
    400: "invalid_request_error", 401: "authentication_error",
    402: "billing_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
    504: "timeout_error", 529: "overloaded_error",
}
# what a connection that says nothing lives at most
LIFE_SECONDS = 600


class Plan:
    def __init__(self, directory):
        self.path = os.path.join(directory, "plan")
        self.lock = os.path.join(directory, "lock")

    def take(self):
        """The next line; it is used up unless it is the last one."""
        with open(self.lock, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                with open(self.path) as f:
                    lines = f.read().splitlines()
            except FileNotFoundError:
                lines = []
            if len(lines) > 1:
                with open(self.path + ".new", "w") as f:
                    f.write("".join(line + "\n" for line in lines[1:]))
                os.replace(self.path + ".new", self.path)
            return lines[0] if lines else "200 Fine."


def parse(line):
    kind, *words = line.split(" ")
    given = {}
    while words and "=" in words[0] and words[0].split("=")[0].replace(
            "-", "").isalnum():
        name, value = words.pop(0).split("=", 1)
        given[name] = value
    return kind, given, " ".join(words)


def text_of(message):
    """What was said, without what the client adds to it by itself."""
    content = message.get("content")
    if not isinstance(content, str):
        content = "\n".join(part["text"] if part["type"] == "text" else
                            "[tool] %s" % part.get("content")
                            for part in content
                            if part.get("type") in ("text", "tool_result"))
    return re.sub(r"<system-reminder>.*?</system-reminder>\s*", "", content,
                  flags=re.DOTALL).strip()


def session_of(asked):
    """The client's session: a field of metadata.user_id, which is JSON."""
    user = asked.get("metadata", {}).get("user_id", "")
    try:
        return json.loads(user)["session_id"]
    except (ValueError, KeyError, TypeError):
        return user


def events(kind, text, model):
    """The answer as server-sent events."""
    stop = {"200": "end_turn", "tool": "tool_use"}.get(kind, kind)
    if kind in ("half", "cut"):
        stop = "end_turn"
    usage = {"input_tokens": 1000, "output_tokens": 1,
             "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    yield "message_start", {"message": {
        "id": "msg_test%d" % time.monotonic_ns(), "type": "message",
        "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": usage}}
    if kind == "tool":
        yield "content_block_start", {"index": 0, "content_block": {
            "type": "tool_use", "name": "Bash", "input": {},
            "id": "toolu_test%d" % time.monotonic_ns()}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(
            {"command": text, "description": "A command"})}
        yield "content_block_delta", {"index": 0, "delta": delta}
    else:
        yield "content_block_start", {"index": 0, "content_block": {
            "type": "text", "text": ""}}
        for word in re.findall(r"\S*\s*", text)[:-1]:
            yield "content_block_delta", {"index": 0, "delta": {
                "type": "text_delta", "text": word}}
    yield "content_block_stop", {"index": 0}
    yield "message_delta", {
        "delta": {"stop_reason": stop, "stop_sequence": None},
        "usage": {"output_tokens": 100}}
    yield "message_stop", {}


def whole(kind, text, model):
    """The same as one JSON object, for a client that wants no stream."""
    message, given = None, ""
    for name, data in events(kind, text, model):
        if name == "message_start":
            message = data["message"]
        elif name == "content_block_start":
            message["content"].append(data["content_block"])
        elif name == "content_block_delta":
            given += data["delta"].get("text", "")
            if "partial_json" in data["delta"]:
                message["content"][0]["input"] = json.loads(
                    data["delta"]["partial_json"])
            else:
                message["content"][0]["text"] = given
        elif name == "message_delta":
            message.update(data["delta"])
            message["usage"].update(data["usage"])
    return message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = LIFE_SECONDS

    def log_message(self, *args):
        pass

    def note(self, **fields):
        line = json.dumps({"time": round(time.time(), 3),
                           "method": self.command, "path": self.path,
                           **fields}, ensure_ascii=False)
        with self.server.lock, open(self.server.log, "a") as f:
            f.write(line + "\n")

    def send(self, status, data, headers=()):
        body = json.dumps(data, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("request-id", "req_test%d" % time.monotonic_ns())
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def wait_for_the_end(self):
        """Says nothing until the client goes away."""
        self.wfile.flush()
        select.select([self.connection], [], [], LIFE_SECONDS)
        self.close_connection = True

    def reset(self):
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        # both files hold the socket too; the last close() resets
        self.wfile.close()
        self.rfile.close()
        self.connection.close()
        self.close_connection = True

    def do_GET(self):
        self.note()
        self.send(404, {"type": "error", "error": {
            "type": "not_found_error", "message": "Not found"}})

    def do_HEAD(self):
        self.note()
        self.send(200, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            asked = json.loads(body)
        except ValueError:
            asked = {}
        path = self.path.split("?")[0]
        if path == "/v1/messages/count_tokens":
            self.note(model=asked.get("model"))
            self.send(200, {"input_tokens": 1000})
        elif path == "/v1/messages":
            self.messages(asked)
        else:
            self.note()
            self.send(404, {"type": "error", "error": {
                "type": "not_found_error", "message": "Not found"}})

    def messages(self, asked):
        line = self.server.plan.take()
        kind, given, text = parse(line)
        user = [text_of(m) for m in asked.get("messages", [])
                if m["role"] == "user"]
        model = asked.get("model", "?")
        self.note(plan=line, model=model, stream=asked.get("stream", False),
                  session=session_of(asked),
                  messages=len(asked.get("messages", [])),
                  first=user[0] if user else None,
                  last=user[-1] if user else None, texts=user)
        time.sleep(float(given.pop("after", 0)))
        if kind == "silent":
            return self.wait_for_the_end()
        if kind == "reset":
            return self.reset()
        if kind.isdigit() and kind != "200":
            error = {"type": given.pop("type", ERRORS.get(
                int(kind), "api_error")), "message": text}
            return self.send(int(kind), {"type": "error", "error": error},
                             given)
        self.close_connection = True
        if asked.get("stream"):
            form = "text/event-stream"
            said = [f"event: {name}\ndata: " + json.dumps(
                {"type": name, **data}, ensure_ascii=False) + "\n\n"
                for name, data in events(kind, text, model)]
        else:
            form = "application/json"
            said = json.dumps(whole(kind, text, model), ensure_ascii=False)
        keep = {"stall": 0, "half": 2, "cut": 2}.get(kind)
        self.send_response(200)
        self.send_header("content-type", form)
        self.send_header("connection", "close")
        self.send_header("request-id", "req_test%d" % time.monotonic_ns())
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        if keep is not None:
            said = said[:len(said) // keep + 1] if keep else ""
        self.wfile.write("".join(said).encode())
        if kind == "cut":
            # the client is to see the half before the reset
            self.wfile.flush()
            time.sleep(0.3)
            return self.reset()
        if kind in ("stall", "half"):
            return self.wait_for_the_end()


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        # a client that went away is what is tested here
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)

    def shutdown_request(self, request):
        # after a reset the socket is closed already
        if request.fileno() >= 0:
            super().shutdown_request(request)


def main():
    directory = sys.argv[1]
    server = Server(("127.0.0.1", 0), Handler)
    server.plan = Plan(directory)
    server.log = os.path.join(directory, "log")
    server.lock = threading.Lock()
    open(server.log, "a").close()
    port = os.path.join(directory, "port")
    with open(port + ".new", "w") as f:
        f.write("%d\n" % server.server_address[1])
    os.replace(port + ".new", port)
    server.serve_forever()


main()
