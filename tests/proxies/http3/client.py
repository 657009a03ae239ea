"""Requests over HTTP/3 (aioquic): one JSON document a line on the standard input, and one for each answer on the output.

In: id, port, name (for TLS, SNI), fields (pairs, as they are sent), body (text), early (before the handshake is done, with
the ticket of an earlier connection, whether the ticket allows it or not), moves (two addresses of this machine: the first
request comes from the one and all others, on the same connection, from the other, until the answer names that one).
Out: id, status, fields, body; or error where the connection or the stream ended without an answer. `early`: whether the
server took what came early. `ticket`: how many bytes may come early, as the server's ticket says it.
"""

import asyncio
import json
import socket
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, StreamReset

ALL_EARLY = 0xFFFFFFFF
tickets = {}


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.early = None
        self.is_early = False
        self.begin()

    def begin(self):
        self.answer = {"status": 0, "fields": [], "body": b""}
        self.done = asyncio.get_running_loop().create_future()

    def ask(self, fields, body):
        stream = self._quic.get_next_available_stream_id()
        self.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in fields], not body)
        if body:
            self.http.send_data(stream, body.encode(), True)
        self.transmit()

    def end(self, error=None):
        if not self.done.done():
            self.done.set_result(error)

    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            self.early = event.early_data_accepted
            if self.is_early and not self.early:
                # At once: the connection would send it again now that the handshake is done, where it may be taken.
                self._quic.close()
        elif isinstance(event, ConnectionTerminated):
            self.end(f"connection ended: {event.error_code} {event.reason_phrase}")
        elif isinstance(event, StreamReset):
            self.end(f"stream reset: {event.error_code}")
        for http in self.http.handle_event(event):
            if isinstance(http, HeadersReceived):
                fields = [(name.decode("latin1"), value.decode("latin1")) for name, value in http.headers]
                status = int(dict(fields).get(":status", "0"))
                if status >= 200:
                    self.answer.update(status=status, fields=[pair for pair in fields if pair[0] != ":status"])
            elif isinstance(http, DataReceived):
                self.answer["body"] += http.data
            if isinstance(http, (HeadersReceived, DataReceived)) and http.stream_ended and self.answer["status"]:
                self.end()


def configured(question):
    name = question["name"]
    return QuicConfiguration(
        alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE, server_name=name, is_client=True, max_datagram_size=1200
    )


async def stand(client, address):
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind((address, 0))
    own.setblocking(False)
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: client, sock=own)


async def move(question, say):
    here, there = question["moves"]
    client = Client(QuicConnection(configuration=configured(question)))
    await stand(client, here)
    client.connect(("127.0.0.1", question["port"]))
    await client.wait_connected()
    has_moved = False
    while True:
        client.ask(question["fields"], "")
        error = await client.done
        if error is not None:
            return say({"id": question["id"], "error": error})
        answer = {**client.answer, "body": client.answer["body"].decode("utf8", "replace")}
        if not has_moved:
            has_moved = True
            await stand(client, there)
        elif there in answer["body"]:
            client.close()
            return say({"id": question["id"], **answer})
        client.begin()


async def ask(question, say):
    port, early = question["port"], question.get("early", False)
    configuration = configured(question)
    said = {"id": question["id"]}
    if early:
        configuration.session_ticket = tickets[port]
        said["ticket"] = tickets[port].max_early_data_size or 0
        configuration.session_ticket.max_early_data_size = ALL_EARLY

    def keep(ticket):
        tickets[port] = ticket

    async with connect(
        "127.0.0.1", port, configuration=configuration, create_protocol=Client, session_ticket_handler=keep, wait_connected=not early
    ) as client:
        client.is_early = early
        client.ask(question["fields"], question.get("body", ""))
        if early:
            # The server has said whether it takes what came early; what it did not take is not sent again.
            await client.wait_connected()
            said["early"] = client.early
        # Said before the connection is closed, which takes a while.
        if early and not client.early:
            return say(said)
        error = await client.done
        if error is not None:
            return say({**said, "error": error})
        # A ticket may come behind the answer.
        await client.ping()
        say({**said, **client.answer, "body": client.answer["body"].decode("utf8", "replace")})


async def run(question):
    answers = []

    def say(answer):
        answers.append(answer)
        print(json.dumps(answer), flush=True)

    try:
        await asyncio.wait_for((move if "moves" in question else ask)(question, say), 60)
    except Exception as error:  # the answer of a test that asks for what no server answers
        if not answers:
            say({"id": question["id"], "error": f"{type(error).__name__}: {error}"})


async def main():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = set()
    while line := await reader.readline():
        task = loop.create_task(run(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


asyncio.run(main())
