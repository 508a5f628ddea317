"""The applications of recovered servers: HTTP and HTTPS services, each at the address of its instance."""

from sandbox.applications.answers import Application
from sandbox.applications.certificates import authority_pem
from sandbox.applications.hosting import Applications

__all__ = ["Application", "Applications", "authority_pem"]
