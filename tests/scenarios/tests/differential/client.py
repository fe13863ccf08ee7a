"""AWS's own client for Python, for calls that come one a line, as JSON, on standard input; each answer is one line too.

Names of times are put for times, and pages are put together: how many entries a page has is AWS's choice, as long as it is not more than
was asked for.
"""

import datetime
import json
import os
import sys
import urllib.request

import boto3
import botocore
import botocore.parsers
from botocore.config import Config

CONFIG = Config(retries={"total_max_attempts": 1})
clients = {}


def client(service):
    if service not in clients:
        clients[service] = boto3.client(service, config=CONFIG)
    return clients[service]


def plain(value):
    if isinstance(value, datetime.datetime):
        return "(time)"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise TypeError(repr(value))


def once(call, arguments):
    method = getattr(client(call["service"]), botocore.xform_name(call["operation"]))
    reply = method(**arguments)
    reply.pop("ResponseMetadata", None)
    return reply


def paged(call, entries, size, token):
    arguments, whole = dict(call["input"]), []
    for _ in range(100):
        reply = once(call, arguments)
        page = reply.get(entries, [])
        whole.extend(page)
        if len(page) > arguments.get(size, 10_000):
            return {"too many on a page": len(page), entries: whole}
        if not reply.get(token):
            return {**reply, entries: whole}
        arguments[token] = reply[token]
    return {"pages without an end": True}


def answer(call):
    if "anew" in call:
        clients.clear()
        for order in ["reset", f"seed?a={call['anew']}"]:
            url = os.environ["AWS_ENDPOINT_URL"] + "/moto-api/" + order
            urllib.request.urlopen(urllib.request.Request(url, b"", method="POST")).read()
        return {"ok": None}
    try:
        pages = call.get("pages")
        return {"ok": paged(call, *pages) if pages else once(call, call["input"])}
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return {"code": str(error.response["Error"].get("Code") or status), "message": error.response["Error"].get("Message", ""), "status": status}
    except botocore.parsers.ResponseParserError as error:
        return {"code": "unreadable", "message": str(error), "status": 0}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), default=plain), flush=True)
