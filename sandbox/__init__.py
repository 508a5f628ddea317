"""
A local AWS: moto's services and a simulated Elastic Disaster Recovery (DRS), on one port.

``python -m sandbox`` serves it over HTTP; :mod:`sandbox.testing` has it for tests, behind a port and inside
moto's ``mock_aws``. The users' page is ``docs/sandbox.md``.
"""
