from __future__ import annotations

from services.ingest.markdown import read
from services.ingest.reading import Section

TEXT = b"""Before.

# Guide #

Intro.

## Start

```sh
# no heading
```

### Deep
x

## End

"""


def test_a_section_for_each_heading():
    reading = read("a.md", TEXT)
    assert reading.title == "Guide"
    assert reading.sections == [
        Section("Before.", ()),
        Section("Intro.", ("Guide",)),
        Section("```sh\n# no heading\n```", ("Guide", "Start")),
        Section("x", ("Guide", "Start", "Deep")),
    ]


def test_only_headings():
    reading = read("a.md", b"# Title")
    assert reading.sections == [Section("Title")]


def test_no_heading_without_a_space():
    assert read("a.md", b"#tag\n\n####### seven").sections == [Section("#tag\n\n####### seven")]
