"""Which Airflow installations share the table: each has claimed its name, so that no two have the same."""

from __future__ import annotations

from drs_recovery.store.documents import public
from drs_recovery.store.expressions import Item, Key, Put
from drs_recovery.store.keys import execution_key
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
        key = _key(name)
        if found := self.table.get(key):
            return found
        item = {**key.attributes, "claim": claim, "claimedTime": self._now()}
        self.table.transact([Put(item, RECORD_IS_NEW)])
        return item

    def get_execution_and_claim(self, execution_id: str, name: str) -> tuple[Item | None, Item | None]:
        """
        Read an EXECUTION record together with the claim of the installation that wants to work on it.

        :param execution_id: the execution.
        :param name: of the installation.
        :return: the record and the claim, None for each that does not exist.
        """
        keys = [execution_key(execution_id), _key(name)]
        found = {item["recordKey"]: item for item in self.table.get_many(keys)}
        record = found.get(keys[0].record_key)
        return record and public(record), found.get(keys[1].record_key)


def _key(name: str) -> Key:
    return Key(f"installation:{name}", "INSTALLATION")
