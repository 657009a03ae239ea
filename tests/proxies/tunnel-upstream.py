"""An application on Hypercorn, which speaks h2c: says what reached it, over whatever it was asked."""

import json

seen = []


def header(scope, name):
    return next((value.decode() for key, value in scope["headers"] if key == name), "")


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            event = await receive()
            await send({"type": event["type"] + ".complete"})
            if event["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "hello over a websocket"})
        await send({"type": "websocket.close"})
        return
    if scope["path"] != "/seen":
        names = sorted({key.decode() for key, _ in scope["headers"]})
        user = header(scope, b"remote-user")
        seen.append({"path": scope["path"], "http": scope["http_version"], "user": user, "names": names})
    body = json.dumps(seen).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    # As a check would answer: HAProxy's Lua lets nobody through without these.
    headers += [(b"remote-" + name, b"") for name in (b"user", b"email", b"name", b"groups")]
    headers += [(b"x-sallyport-assertion", b""), (b"cookie", b"")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
