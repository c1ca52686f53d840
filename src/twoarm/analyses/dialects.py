"""What would differ under the conventions of other statistics packages: the same analyses, run under each."""

from __future__ import annotations

from dataclasses import replace

from twoarm.analyses.baseline import baseline
from twoarm.analyses.hazard_ratio import hazard_ratio
from twoarm.analyses.request import Request
from twoarm.analyses.survival import survival
from twoarm.results.ledger import Ledger

COMPARED = {
    "survival": ("median", "median_lower", "median_upper"),
    "hazard_ratio": ("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value"),
    "baseline": ("p_value",),
}


def dialects(request: Request) -> None:
    """Write medians with their limits, hazard ratios of the arms and the tests of Table 1 under each dialect."""
    if not request.adjusted.marginal:
        return
    for dialect in request.protocol.analyses.dialects:
        protocol = request.protocol.under(dialect)
        for name, analysis in (("survival", survival), ("hazard_ratio", hazard_ratio), ("baseline", baseline)):
            scratch = Ledger(replace(request.ledger.context, analysis=name))
            analysis(replace(request, protocol=protocol, ledger=scratch))
            for row in scratch.rows:
                if row.statistic in COMPARED[name] and not row.variable_level:
                    kept = replace(row, analysis="dialects", variable_level=name, parameter=dialect)
                    request.ledger.rows.append(kept)
