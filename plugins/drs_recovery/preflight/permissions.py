"""
May the caller do what DRS does in its name? Missing rights are the usual cause of servers that silently fail.

IAM's simulator is asked twice: for all resources at once, and for what is refused then for a resource of the
right kind, because policies such as AWS's own for DRS allow the actions on some kinds only. The context says
what is true in a recovery: the call comes through DRS, and DRS tags what it makes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drs_recovery.preflight.findings import Check, Severity

if TYPE_CHECKING:
    from drs_recovery.hooks import Decision, RightsHook, Target

_ANY = "*"
_EVERY_READ = (
    "DescribeAccountAttributes",
    "DescribeAvailabilityZones",
    "DescribeImages",
    "DescribeInstanceAttribute",
    "DescribeInstanceStatus",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeLaunchTemplateVersions",
    "DescribeLaunchTemplates",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeSubnets",
    "DescribeVolumes",
)

# Source: the dependent actions of drs:StartRecovery in AWS's service authorization reference, and what else
# DRS is seen to call with the caller's rights. Each with the kind of resource that it is about, as the ARN
# has it.
LAUNCH_RIGHTS: Mapping[str, str] = {
    **{f"ec2:{action}": _ANY for action in _EVERY_READ},
    "drs:StartRecovery": "source-server/s-0123456789abcdef0",
    "drs:CreateRecoveryInstanceForDrs": "source-server/s-0123456789abcdef0",
    "drs:DescribeReplicationConfigurationTemplates": _ANY,
    "ec2:AttachVolume": "volume/vol-0123456789abcdef0",
    "ec2:AuthorizeSecurityGroupEgress": "security-group/sg-0123456789abcdef0",
    "ec2:AuthorizeSecurityGroupIngress": "security-group/sg-0123456789abcdef0",
    "ec2:CreateLaunchTemplate": "launch-template/lt-0123456789abcdef0",
    "ec2:CreateLaunchTemplateVersion": "launch-template/lt-0123456789abcdef0",
    "ec2:CreateSnapshot": "snapshot/snap-0123456789abcdef0",
    "ec2:CreateTags": "instance/i-0123456789abcdef0",
    "ec2:CreateVolume": "volume/vol-0123456789abcdef0",
    "ec2:DeleteLaunchTemplateVersions": "launch-template/lt-0123456789abcdef0",
    "ec2:DeleteSnapshot": "snapshot/snap-0123456789abcdef0",
    "ec2:DeleteVolume": "volume/vol-0123456789abcdef0",
    "ec2:DetachVolume": "volume/vol-0123456789abcdef0",
    "ec2:ModifyInstanceAttribute": "instance/i-0123456789abcdef0",
    "ec2:ModifyLaunchTemplate": "launch-template/lt-0123456789abcdef0",
    "ec2:RevokeSecurityGroupEgress": "security-group/sg-0123456789abcdef0",
    "ec2:RunInstances": "instance/i-0123456789abcdef0",
    "ec2:StartInstances": "instance/i-0123456789abcdef0",
    "ec2:StopInstances": "instance/i-0123456789abcdef0",
    "ec2:TerminateInstances": "instance/i-0123456789abcdef0",
}

_CONVERSION_ROLE = "role/service-role/AWSElasticDisasterRecoveryConversionServerRole"

_MANAGED = "AWSElasticDisasterRecoveryManaged"


def missing_rights(rights: RightsHook, principal: str, region: str) -> list[str]:
    """
    Ask which actions of a launch a principal may not do; what is not certain is not reported.

    :param principal: ARN of the user or role.
    :return: such as ``ec2:RunInstances``, sorted.
    """
    context = _context(principal, region)
    refused = [
        decision.action
        for decision in rights.simulate(principal, list(LAUNCH_RIGHTS), _ANY, context)
        if not decision.allowed
    ]
    missing: list[str] = []
    for resource, actions in _by_resource(refused, principal, region).items():
        missing += _certainly_missing(rights.simulate(principal, actions, resource, context))
    role = _arn(principal, "iam", "", _CONVERSION_ROLE)
    missing += _certainly_missing(rights.simulate(principal, ["iam:PassRole"], role, context))
    return sorted(missing)


def lacked_rights(
    rights: RightsHook, principal: str, target: Target, resource: str, actions: Collection[str]
) -> list[str]:
    """
    Which actions on a resource a principal certainly may not do.

    :param resource: its ARN.
    """
    context = [_entry("aws:RequestedRegion", "string", target.region)]
    return _certainly_missing(rights.simulate(principal, list(actions), resource, context))


def arn_for(principal: str, region: str, service: str, resource: str) -> str:
    """An ARN in the partition and account of the principal."""
    return _arn(principal, service, region, resource)


def rights_check(target: Target, principal: str, missing: Sequence[str]) -> Check:
    """
    What missing rights mean.

    :param principal: ARN of the user or role.
    """
    return Check(
        Severity.ENDANGERS,
        f"{principal} (connection {target.connection}) lacks rights with which DRS launches servers in "
        f"{target.region}: {', '.join(missing)}",
        "grant them as infra/iam.yaml does; without them a job often ends without instances or reason",
    )


def _by_resource(actions: Iterable[str], principal: str, region: str) -> Mapping[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for action in actions:
        kind = LAUNCH_RIGHTS[action]
        service = action.partition(":")[0]
        groups[_ANY if kind == _ANY else _arn(principal, service, region, kind)].append(action)
    return groups


def _arn(principal: str, service: str, region: str, resource: str) -> str:
    """An ARN in the partition and account of the principal."""
    partition = principal.split(":")[1]
    return f"arn:{partition}:{service}:{region}:{_account(principal)}:{resource}"


def _account(principal: str) -> str:
    return principal.split(":")[4]


def _certainly_missing(decisions: Iterable[Decision]) -> list[str]:
    return [decision.action for decision in decisions if not decision.allowed and decision.certain]


def _context(principal: str, region: str) -> list[dict[str, Any]]:
    values = {
        "aws:RequestedRegion": region,
        "aws:ResourceAccount": _account(principal),
        f"aws:RequestTag/{_MANAGED}": "drs.amazonaws.com",
        f"aws:ResourceTag/{_MANAGED}": "drs.amazonaws.com",
        f"ec2:ResourceTag/{_MANAGED}": "drs.amazonaws.com",
        "ec2:CreateAction": "RunInstances",
        "iam:PassedToService": "ec2.amazonaws.com",
    }
    return [
        _entry("aws:ViaAWSService", "boolean", "true"),
        _entry("aws:CalledVia", "stringList", "drs.amazonaws.com"),
        *(_entry(key, "string", value) for key, value in values.items()),
    ]


def _entry(key: str, kind: str, value: str) -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": [value]}
