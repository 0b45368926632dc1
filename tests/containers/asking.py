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
INGEST_LINK = """
import json, sys, urllib.error, urllib.request as r
body = ("--x\\r\\nContent-Disposition: form-data; name=\\"link_list\\"\\r\\n\\r\\n%s"
        "\\r\\n--x--\\r\\n")
sent = r.Request(sys.argv[2], (body % json.dumps([sys.argv[1]])).encode(),
                 {"Content-Type": "multipart/form-data; boundary=x"})
try:
    print(r.urlopen(sent).read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
"""
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
READY = """
import json, sys, urllib.error, urllib.request as r
try:
    up = json.load(r.urlopen("http://127.0.0.1:11434/ready"))["upstreams"]
    print(all(up.values()))
except urllib.error.HTTPError:
    print(False)
"""
"""Whether the adapter knows of all its engines that they answer: it looks every few seconds."""
GET = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
WORLD = "192.0.2.77"
"""A server beyond the machine, which knows no way back to the containers (RFC 5737)."""
PYTHON = "/usr/bin/python3"
MAKE_WORLD = f"""
ip netns list | grep -q beyond && exit
ip netns add beyond
ip link add away type veth peer name near netns beyond
ip addr add 192.0.2.1/24 dev away && ip link set away up
ip -n beyond addr add {WORLD}/24 dev near && ip -n beyond link set near up
cd "$1"
ip netns exec beyond {PYTHON} -m http.server --bind {WORLD} 80 > /dev/null 2>&1 &
for i in $(seq 50); do
  {PYTHON} -c "import socket; socket.create_connection(('{WORLD}', 80), 1)" 2>/dev/null && exit
  sleep 0.1
done
exit 1
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()"
