from __future__ import annotations

from aiohttp import web

from adapter.server.routes import EXCHANGES, ROUTES, add_routes


def test_every_row_of_the_table_is_a_route_and_nothing_else_is():
    app = web.Application()
    add_routes(app)
    registered = {(route.method, route.resource.canonical) for route in app.router.routes()}
    rows = {(method, route.path) for route in ROUTES for method in route.methods.split()}
    assert registered == rows | {("POST", path) for path in EXCHANGES}


def test_no_path_stands_twice():
    paths = [*EXCHANGES, *(route.path for route in ROUTES)]
    assert len(set(paths)) == len(paths)
    assert all(path == "/" or not path.endswith("/") for path in paths)


def test_head_is_answered_where_ollama_answers_it():
    heads = {route.path for route in ROUTES if "HEAD" in route.methods.split()}
    assert heads == {"/", "/api/version", "/api/tags", "/api/blobs/{digest}"}
