"""An alarm of CloudWatch, as tests of the sandbox and of the product need one."""

from __future__ import annotations

from typing import Any

from sandbox.testing import Sandbox


def put_alarm(aws: Sandbox, name: str) -> Any:
    """Make a metric alarm; a client of CloudWatch."""
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        MetricName="Errors",
        Namespace="CRM",
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    return cloudwatch
