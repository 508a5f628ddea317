"""What moto lacks of Systems Manager: Automation, Run Command with a life, managed instances."""

from sandbox.ssm.responses import use_ssm

__all__ = ["use_ssm"]
