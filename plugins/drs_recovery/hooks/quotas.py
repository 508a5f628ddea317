"""Hook of the Service Quotas API, as far as DRS is concerned."""

from __future__ import annotations

from typing import Any

from botocore.config import Config

from drs_recovery.hooks.base import AccountHook
from drs_recovery.transient_errors import error_code

# Nothing hangs on the answer: where the API cannot be reached, a recovery must not wait long for that.
ASK_BRIEFLY = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=10
)

_SERVICE = "drs"


class QuotasHook(AccountHook):
    """
    Ask for the quotas of DRS in one account and Region.

    .. seealso:: https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"config": ASK_BRIEFLY, **kwargs, "client_type": "service-quotas"})

    def drs_quota(self, code: str) -> float | None:
        """
        Read the value of a quota that holds for the account.

        :param code: such as ``L-D88FAC3A``.
        :return: None when Service Quotas has no value of it, so that AWS's default holds.
        """
        try:
            answer = self.conn.get_service_quota(ServiceCode=_SERVICE, QuotaCode=code)
        except self.conn.exceptions.ClientError as error:
            if error_code(error) == "NoSuchResourceException":
                return None
            raise
        value = answer.get("Quota", {}).get("Value")
        return None if value is None else float(value)
