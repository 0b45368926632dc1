"""Aliases as a whole: the row in the store, the adapter's folder, the adapter in the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from adapter.catalog import names
from adapter.catalog.blobs import Blobs
from adapter.catalog.catalog import Entry
from adapter.catalog.state import LORAS, Alias, unusable
from adapter.errors import AdapterError, BadRequest, ModelNotFound
from adapter.server.state import State
from adapter.translate.definition import Definition
from adapter.translate.modelfile import quoted
from adapter.translate.timestamps import rfc3339
from adapter.upstream.client import Upstream
from adapter.wire.openai import ServedModel


def definition_of(entry: Entry) -> Definition:
    """What an alias says, or that a model stands on itself: what further ones are made of."""
    return entry.alias.definition if entry.alias else Definition(entry.listing.name)


def refuse_served(state: State, name: names.Name) -> None:
    """Raises BadRequest if the name is a model's: an alias must not hide it."""
    entry = state.discovery.catalog.find(name)
    if entry is not None and entry.alias is None:
        raise BadRequest(f'"{name.display}" is {_where(entry)}: choose another name')


def undeletable(entry: Entry) -> BadRequest:
    """The answer to who wants a model deleted that is no alias."""
    return BadRequest(f'"{entry.listing.name}" is {_where(entry)}: only there can it be removed')


def not_found(state: State, error: ModelNotFound) -> AdapterError:
    """The same error, but for a store that can't be read: then nobody knows."""
    store = state.discovery.store
    return unusable(store.folder, store.fault) if store.fault else error


def _where(entry: Entry) -> str:
    if entry.configured:
        return f"in the adapter's configuration (models.{quoted(entry.configured)})"
    return f"served by the engine {entry.upstream} (as {entry.listing.served_name})"


def kept(state: State, name: names.Name) -> Alias | None:
    """The alias of that name, whether its base is there or not."""
    return next((a for a in state.discovery.store.aliases if a.name.key == name.key), None)


async def keep(state: State, name: names.Name, definition: Definition) -> None:
    """Gives the name to a definition; what it meant before is let go.

    Raises:
        StateFault: it can't be kept.
    """
    before = kept(state, name)
    alias = Alias(name, definition, rfc3339(state.wall_clock()))
    await state.discovery.store.put(alias)
    await state.discovery.refresh()
    if before is not None:
        await _let_go(state, before.definition)


async def forget(state: State, alias: Alias) -> None:
    """Raises StateFault if that is not possible."""
    await state.discovery.store.delete(alias.name)
    await state.discovery.refresh()
    await _let_go(state, alias.definition)


async def _let_go(state: State, definition: Definition) -> None:
    """Frees the adapter of a definition that an alias had, if no other alias needs it."""
    store, lora = state.discovery.store, definition.lora
    wanted = {alias.definition.lora for alias in store.aliases}
    if not lora or store.fault or lora in wanted:
        return
    name = names.parse(definition.base)
    base = state.discovery.catalog.find(name) if name else None
    engine = state.engines[base.upstream] if base else None
    if engine is not None and engine.health.up:  # else its end has unloaded it already
        await state.loras.unload(engine.client, lora)
    files = blobs(state)
    await asyncio.to_thread(files.remove_adapter, lora)
    await asyncio.to_thread(files.sweep, wanted)


def blobs(state: State) -> Blobs:
    """Raises StateFault where there is no state folder."""
    return Blobs(state.discovery.store.require_folder())


async def restore_adapters(state: State, client: Upstream, served: Sequence[ServedModel]) -> None:
    """After an engine's report: loads the adapters that it should have and does not list."""
    await state.discovery.refresh()
    wanted = state.discovery.loras(client.name)
    folder = state.discovery.store.folder
    if wanted and folder is not None:
        await state.loras.restore(client, wanted, served, folder / LORAS)
