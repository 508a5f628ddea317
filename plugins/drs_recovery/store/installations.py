"""Which Airflow installations share the table: each has claimed its name, so that no two have the same."""

from __future__ import annotations

from drs_recovery.store.expressions import Item, Key, Put
from drs_recovery.store.transaction import RECORD_IS_NEW, StoreBase, retried_on_conflict


class StoreInstallations(StoreBase):
    """The names of installations."""

    @retried_on_conflict
    def claim_installation(self, name: str, claim: str) -> Item:
        """
        Claim a name for an installation, unless it is claimed already.

        :param name: of the installation.
        :param claim: what only this installation knows.
        :return: the claim that stands: ``claim``, ``claimedTime``.
        """
        key = Key(f"installation:{name}", "INSTALLATION")
        if found := self.table.get(key):
            return found
        item = {**key.attributes, "claim": claim, "claimedTime": self._now()}
        self.table.transact([Put(item, RECORD_IS_NEW)])
        return item
