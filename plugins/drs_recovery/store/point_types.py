"""The points in time of a plan, as their record holds them; the API describes them so, too."""

# No postponed annotations: with them TypedDict would not see which fields are NotRequired.
from typing import Annotated, NotRequired

from typing_extensions import TypedDict

from drs_recovery.store.server_types import EXECUTION, SOURCE_SERVER, about, moment, record


@record
class CommonPoint(TypedDict):
    """A time that all servers can be recovered to: each has a snapshot that is not after it."""

    time: Annotated[float, moment("The time; the newest of their snapshots is of it.")]
    oldest: Annotated[float, moment("The oldest of their snapshots is of it.")]
    spread: Annotated[float, about("Seconds between the two.", 540)]


@record
class PlanPoints(TypedDict):
    """The times that a plan can be recovered to, as they were when somebody looked."""

    waves: Annotated[list[int], about("Numbers of the waves whose servers were looked at.", [1, 2, 3])]
    servers: Annotated[int, about("How many servers were looked at.", 6)]
    times: Annotated[list[CommonPoint], about("The common times with the least spread, newest first.", [])]
    serversWithout: NotRequired[Annotated[list[str], about("Servers without any snapshot.", [SOURCE_SERVER])]]
    policyReach: NotRequired[
        Annotated[float, about("Seconds back to which the policies of all servers keep snapshots.", 604800)]
    ]
    policyServer: NotRequired[Annotated[str, about("Server whose policy reaches least.", SOURCE_SERVER)]]
    problem: NotRequired[Annotated[str, about("Why not all could be read.", "ThrottlingException")]]
    readTime: NotRequired[Annotated[float, moment("When they were read.")]]
    readBy: NotRequired[Annotated[str, about("Execution that read them, a dry run.", EXECUTION)]]
