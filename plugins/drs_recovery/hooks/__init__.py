"""Thin clients of the AWS services that a recovery talks to."""
