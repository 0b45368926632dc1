"""Programs that are run beside the daemon: documents in, answers out."""

DATAPREP = "http://127.0.0.1:6007/v1/dataprep"
INGEST = """
import sys, urllib.error, urllib.request as r
name, text, url = sys.argv[1:4]
body = ("--x\\r\\nContent-Disposition: form-data; name=\\"files\\"; filename=\\"%s\\"\\r\\n\\r\\n%s"
        "\\r\\n--x--\\r\\n") % (name, text)
sent = r.Request(url, body.encode(), {"Content-Type": "multipart/form-data; boundary=x"})
try:
    print(r.urlopen(sent).read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
"""
"""A file of this name and text to the URL given; the answer, whatever its status."""
ASK = """
import json, sys
from ollama import Client
client = Client(host="http://127.0.0.1:11434")
names = [row.model for row in client.list().models]
turns = [{"role": "user", "content": sys.argv[1]}]
words = [part.message.content for part in client.chat("chatqna", turns, stream=True)]
print(json.dumps([names, len(words), "".join(words)]))
"""
"""ollama-python asks the pipeline: the models' names, how many chunks, and the text."""
LAST_LINE = """
import json, sys, urllib.request as r
body = {"model": "chatqna:latest", "messages": [{"role": "user", "content": sys.argv[1]}]}
*_, last = r.urlopen("http://127.0.0.1:11434/api/chat", json.dumps(body).encode())
print(last.decode())
"""
POST = """
import sys, urllib.request as r
print(r.urlopen(r.Request(sys.argv[1], (sys.argv[2:] or ["{}"])[0].encode())).read().decode())
"""
REFUSED = """
import sys, urllib.error, urllib.request as r
try:
    r.urlopen(sys.argv[1], b"")
except urllib.error.HTTPError as error:
    print(error.code)
"""
"""The status of the answer to an empty body."""
GET = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
