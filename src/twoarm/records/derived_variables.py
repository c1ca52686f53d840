"""Variables that the protocol calculates from columns."""

from __future__ import annotations

import narwhals.stable.v2 as nw

from twoarm.protocol.expression import column_names
from twoarm.protocol.expression_parser import parse_expression
from twoarm.protocol.protocol import Protocol
from twoarm.records.engine_ops import AnyFrame
from twoarm.records.evaluation import COMPLETED, HELD, evaluate, held_columns


def add_derived(protocol: Protocol, frame: AnyFrame, columns: frozenset[str] | None = None) -> AnyFrame:
    """Add the derived variables in order; one that reads a held cell and has no value is held, too.

    Args:
        protocol: with its ``[derived]``.
        frame: one row a patient, dates as day numbers, in memory or with an engine.
        columns: add these and no others.
    """
    types = {name: kind for name, kind in protocol.column_types().items() if name not in protocol.derived}
    for name, text in protocol.derived.items():
        node = parse_expression(text, types)
        types[name] = node.type
        if columns is not None and name not in columns:
            continue
        masks = held_columns(frame)
        frame = evaluate(frame, node, masks, name)
        if frame.collect_schema()[name].is_float():  # what overflows is no number
            frame = frame.with_columns(nw.when(nw.col(name).is_finite()).then(nw.col(name)).alias(name))
        inputs = [nw.col(HELD + column) for column in sorted(column_names(node)) if HELD + column in masks]
        if inputs:
            held = nw.any_horizontal(*inputs, ignore_nulls=True) & nw.col(name).is_null()
            frame = frame.with_columns(held.alias(HELD + name))
        present = frame.columns
        read = [COMPLETED + column for column in sorted(column_names(node)) if COMPLETED + column in present]
        if read:
            completed = nw.any_horizontal(*(nw.col(mask) for mask in read), ignore_nulls=True)
            frame = frame.with_columns((completed & ~nw.col(name).is_null()).alias(COMPLETED + name))
    return frame
