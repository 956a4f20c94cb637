"""What no rule can beat: the delay of one that knew every page's true risk."""

from __future__ import annotations

import math

from bench.policy.world import HAZARD, SITES_CLOSE, World


def of_known_risks(world: World) -> float:
    """The mean delay of the best intervals, of the mean delay of fixed ones with as many looks.

    The sum of risk × interval is smallest for a number of looks when the interval goes with 1/√risk (docs/policy.md);
    then it is the square of the mean root, where a fixed interval has the mean: ``(Σ √h)² / (Σ h × Σ 1)`` over all the
    time that links are watched alive. Purges, which mates tell, are left out.
    """
    years = risk = roots = 0.0
    for link in world.links:
        extra = SITES_CLOSE if link.host.platform == "generic" else 0.0
        youngest, oldest = max(0.0, link.added) - link.born, min(link.death, world.days) - link.born
        since = 0.0
        for until, hazard in HAZARD:
            lived = min(oldest, until) - max(youngest, since)
            if lived > 0 and not link.walled:
                yearly = hazard * link.wild + extra
                years += lived
                risk += lived * yearly
                roots += lived * math.sqrt(yearly)
            since = until
    return roots**2 / (risk * years)
