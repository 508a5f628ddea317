"""Routing controls of Route 53 ARC as a moto service, which looks for its backends under this name."""

from sandbox.arc.models import add_routing_control, route53recoverycluster_backends

__all__ = ["add_routing_control", "route53recoverycluster_backends"]
