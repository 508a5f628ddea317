"""Which Regions there are, as botocore knows them."""

from __future__ import annotations

from functools import cache

import botocore.session


@cache
def known_regions() -> frozenset[str]:
    """
    Every Region of every partition that EC2 or DRS has.

    AWS opens Regions between two releases of botocore: one that is not among them may exist nevertheless.
    """
    session = botocore.session.Session()
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for service in ("ec2", "drs")
        for region in session.get_available_regions(service, partition_name=partition)
    )
