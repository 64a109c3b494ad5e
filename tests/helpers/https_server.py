#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# An HTTPS server on a free loopback port that answers 200 to POST; Python's own TLS and HTTP, so that a client
# is not tested against itself. Usage: https_server.py CERTIFICATE KEY [CLIENT_CA]; with CLIENT_CA a client
# certificate is demanded. Prints the port, then one line for each request: the client's name and the body.
# Ends with its standard input.
import http.server
import ssl
import sys
import threading


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        certificate = self.connection.getpeercert() or {}
        names = [value for group in certificate.get("subject", ()) for key, value in group if key == "commonName"]
        print(names[0] if names else "-", body.decode().strip(), flush=True)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args):
        pass


def main():
    certificate, key, *client_ca = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.load_verify_locations(client_ca[0])
        context.verify_mode = ssl.CERT_REQUIRED
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_args: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


main()
