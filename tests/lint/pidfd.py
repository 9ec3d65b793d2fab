#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""pidfd.py SOCKET: makes pidfd_open(2) and pidfd_send_signal(2) for programs
that run under a valgrind which does not know them (see self.c). Ends with its
standard input."""
import array
import os
import select
import signal
import socket
import struct
import sys


def serve(peer):
    room = socket.CMSG_SPACE(4)
    words, aux, _, _ = peer.recvmsg(64, room)
    given = array.array("i")
    for _, _, data in aux:
        given.frombytes(data[:4])
    fds = []
    try:
        if not words:
            return
        what, number = words.split()
        if what == b"open":
            fds.append(os.pidfd_open(int(number)))
        else:
            signal.pidfd_send_signal(given[0], int(number))
        answer = 0
    except OSError as error:
        answer = -error.errno
    extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
    try:
        peer.sendmsg([struct.pack("i", answer)], extra if fds else [])
    except OSError:
        pass                            # who asked has been killed
    for fd in fds + list(given):
        os.close(fd)


def main():
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(sys.argv[1])
    listener.listen(64)
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready and not os.read(0, 1):
            return
        if listener in ready:
            with listener.accept()[0] as peer:
                serve(peer)


main()
