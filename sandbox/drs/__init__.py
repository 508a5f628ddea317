"""Elastic Disaster Recovery as a moto service; ``drs_backends`` is the name under which moto looks for it."""

from sandbox.drs.instances import RecoveryInstance
from sandbox.drs.models import drs_backends, settle_everything

__all__ = ["RecoveryInstance", "drs_backends", "settle_everything"]
