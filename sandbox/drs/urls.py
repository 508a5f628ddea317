"""Where moto finds the DRS service."""

from sandbox.drs.responses import DrsResponse

url_bases = [r"https?://drs\.(.+)\.amazonaws\.com"]

url_paths = {
    "{0}/(?P<operation>[^/]+)$": DrsResponse.dispatch,
    "{0}/tags/(?P<resourceArn>.+)$": DrsResponse.dispatch,
}
