"""Requests over HTTP/2 (h2): one JSON document a line on the standard input, and one for each answer on the output.

In: id, port, name (for TLS, SNI), fields (pairs, as they are sent), body (text), trailers (pairs, behind the body), beside
(lists of fields: further streams, opened on the same connection before anything is answered).
Out: id, status, fields, body, beside (the status of each further stream, 0 where it was reset); or error where the
connection or the stream ended without an answer.
"""

import asyncio
import json
import ssl
import sys

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, RemoteSettingsChanged, ResponseReceived
from h2.events import StreamEnded, StreamReset, WindowUpdated

AS_GIVEN = H2Configuration(
    client_side=True,
    header_encoding="latin1",
    normalize_outbound_headers=False,
    validate_outbound_headers=False,
    validate_inbound_headers=False,
)


class Client:
    def __init__(self, question):
        self.question = question
        self.http = H2Connection(config=AS_GIVEN)
        self.streams = [{"fields": question["fields"], "rest": question.get("body", "").encode()}]
        self.streams += [{"fields": fields, "rest": b""} for fields in question.get("beside", [])]
        self.streams[0]["trailers"] = question.get("trailers", [])
        for number, stream in enumerate(self.streams):
            stream.update(id=2 * number + 1, status=0, answer=[], body=b"", ended=False, error=None)

    def begin(self):
        for stream in self.streams:
            self.http.send_headers(stream["id"], stream["fields"], end_stream=not stream["rest"])

    def send_rest(self):
        for stream in self.streams:
            while stream["rest"] and not stream["ended"]:
                room = min(self.http.local_flow_control_window(stream["id"]), self.http.max_outbound_frame_size)
                if room <= 0:
                    break
                part, stream["rest"] = stream["rest"][:room], stream["rest"][room:]
                trailers = stream.get("trailers")
                self.http.send_data(stream["id"], part, end_stream=not stream["rest"] and not trailers)
                if trailers and not stream["rest"]:
                    self.http.send_headers(stream["id"], trailers, end_stream=True)

    def take(self, event):
        if isinstance(event, ConnectionTerminated):
            for stream in self.streams:
                self.end(stream, f"connection ended: {event.error_code}")
            return
        found = [stream for stream in self.streams if stream["id"] == getattr(event, "stream_id", None)]
        for stream in found:
            if isinstance(event, ResponseReceived):
                fields = [tuple(pair) for pair in event.headers]
                stream["status"] = int(dict(fields).get(":status", "0"))
                stream["answer"] = [pair for pair in fields if pair[0] != ":status"]
            elif isinstance(event, DataReceived):
                stream["body"] += event.data
                self.http.acknowledge_received_data(event.flow_controlled_length, stream["id"])
            elif isinstance(event, StreamEnded):
                self.end(stream, None)
            elif isinstance(event, StreamReset):
                self.end(stream, f"stream reset: {event.error_code}")

    def end(self, stream, error):
        # Behind an answer a server may reset what it does not want to read.
        if not stream["ended"]:
            stream.update(ended=True, error=None if stream["status"] else error, rest=b"")

    def said(self):
        first, *others = self.streams
        if first["error"] is not None:
            return {"error": first["error"]}
        body = first["body"].decode("utf8", "replace")
        beside = [stream["status"] for stream in others]
        return {"status": first["status"], "fields": first["answer"], "body": body, "beside": beside}


async def ask(question):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", question["port"], ssl=context, server_hostname=question["name"]
    )
    try:
        if writer.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
            return {"error": "the server speaks no HTTP/2"}
        client = Client(question)
        client.http.initiate_connection()
        is_begun = False
        while not all(stream["ended"] for stream in client.streams):
            writer.write(client.http.data_to_send())
            received = await reader.read(65536)
            if not received:
                for stream in client.streams:
                    client.end(stream, "the connection was closed")
                break
            for event in client.http.receive_data(received):
                client.take(event)
                if isinstance(event, RemoteSettingsChanged) and not is_begun:
                    is_begun = True
                    client.begin()
            if is_begun:
                client.send_rest()
        return client.said()
    finally:
        writer.transport.abort()


async def run(question):
    try:
        answer = await asyncio.wait_for(ask(question), 60)
    except Exception as error:  # the answer of a test that asks for what no server answers
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps({"id": question["id"], **answer}), flush=True)


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
