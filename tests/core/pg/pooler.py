"""A stand-in for a connection pooler, for quiesce_e2e.sh: passes everything on, but tells its client
a backend pid of its own, as poolers do. usage: pooler.py SERVER_SOCKET OWN_SOCKET"""
import socket
import sys
import threading


def pass_on(source, sink, change):
    while data := source.recv(65536):
        sink.sendall(change(data))
    sink.shutdown(socket.SHUT_WR)


def invent_pid(data):
    # BackendKeyData: 'K', length 12, pid, secret
    at = data.find(b"K\x00\x00\x00\x0c")
    return data if at < 0 else data[: at + 5] + b"\x00\x00\x00\x01" + data[at + 9 :]


def serve(client, server_path):
    server = socket.socket(socket.AF_UNIX)
    server.connect(server_path)
    threading.Thread(target=pass_on, args=(client, server, bytes), daemon=True).start()
    pass_on(server, client, invent_pid)


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[2])
listener.listen()
while True:
    accepted, _ = listener.accept()
    threading.Thread(target=serve, args=(accepted, sys.argv[1]), daemon=True).start()
